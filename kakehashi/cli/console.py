"""What a person at a terminal sees: progress bars, lines, tables.

Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from kakehashi.cli.options import TableFormat
from kakehashi.files import write_atomically
from kakehashi.progress import ProgressBars as ProgressBars
from kakehashi.reports.tables import Table, written

_BY_SUFFIX: dict[str, TableFormat] = {
    ".md": "markdown", ".tex": "latex", ".csv": "csv", ".html": "html",
}  # fmt: skip


class _Warnings(logging.Handler):
    """Prints what the library logs, once each, however often a corpus is read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said = set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._said:
            self._said.add(message)
            ProgressBars().warn(message)


def print_warnings() -> None:
    """Print what the library logs, on stderr."""
    logging.getLogger("kakehashi").handlers = [_Warnings()]


def print_line(line: str) -> None:
    """Print a line of the result as it is."""
    sys.stdout.write(f"{line}\n")


def print_report(facts: object, tables: Iterable[Table], after: str = "", *, as_json: bool) -> None:
    """Print a result: one line of JSON for programs, or tables and lines for people."""
    if as_json:
        print_line(json.dumps(facts, ensure_ascii=False))
        return
    write_tables(tables)
    if after:
        print_line(after)


def write_tables(
    tables: Iterable[Table],
    format: TableFormat | None = None,
    out: Path | None = None,
    *,
    before: str = "",
    after: str = "",
) -> None:
    """Write tables, between two paragraphs, to a file or to standard output."""
    width = shutil.get_terminal_size((200, 24)).columns
    layout = table_format(format, out)
    text = written(tables, layout, before=before, after=after, width=width)
    if out is None:
        sys.stdout.write(text)
    else:
        save(out, text)


def table_format(format: TableFormat | None, out: Path | None) -> TableFormat:
    """Return the format of tables: the one asked for, or that of the file's name."""
    return format or _BY_SUFFIX.get("" if out is None else out.suffix, "terminal")


def save(path: Path, data: str | bytes) -> None:
    """Write a report, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)
