"""What a person at a terminal sees: progress bars, lines, tables.

Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kakehashi.cli.options import TableFormat
from kakehashi.files import write_atomically
from kakehashi.progress import Progress
from kakehashi.reports.tables import Table, written

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

_T = TypeVar("_T")
_BY_SUFFIX: dict[str, TableFormat] = {
    ".md": "markdown", ".tex": "latex", ".csv": "csv", ".html": "html",
}  # fmt: skip


class ProgressBars(Progress):
    """Shows a bar on stderr for each long piece of work, and lines; only lines off a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    def bars(self) -> Bars:
        """Make bars, which are hidden off a terminal."""
        from rich import progress as rich_progress

        return rich_progress.Progress(
            rich_progress.SpinnerColumn(),
            rich_progress.TextColumn("{task.description}", markup=False),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TimeElapsedColumn(),
            rich_progress.TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def track(self, items: Iterable[_T], label: str, total: int | None = None) -> Iterator[_T]:
        """Yield the items, moving the bar."""
        with self.bars() as bars:
            yield from bars.track(items, total=total, description=label)

    def say(self, line: str) -> None:
        """Print one line."""
        self._console.print(line, markup=False, emoji=False, soft_wrap=True)


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
