"""What a person at a terminal sees: bars and tables. Results go to stdout, all else to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console, JustifyMethod
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from kakehashi.progress import Progress

_Item = TypeVar("_Item")
_NUMBER = re.compile(r"[-+\d.,]*( %)?")


class ProgressBars(Progress):
    """Shows a bar per piece of long work on stderr; plain lines where that is no terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    def track(
        self, items: Iterable[_Item], label: str, total: int | None = None
    ) -> Iterator[_Item]:
        """Pass items on, and move the bar."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        hidden = not self._console.is_terminal
        with Bars(*columns, console=self._console, transient=True, disable=hidden) as bars:
            yield from bars.track(items, total=total, description=label)

    def say(self, line: str) -> None:
        """Print one line of news."""
        self._console.print(Text(line), soft_wrap=True)


def print_line(line: str) -> None:
    """Print a result line as it is."""
    sys.stdout.write(f"{line}\n")


def print_json(value: object) -> None:
    """Print a result for programs: one line of JSON."""
    print_line(json.dumps(value, ensure_ascii=False))


def print_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[object]], *, stderr: bool = False
) -> None:
    """Print a table; columns after the first are aligned right where they hold numbers."""
    rows = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", title_style="bold")
    for column, heading in enumerate(headings):
        cells = [str(row[column]) for row in rows]
        justify: JustifyMethod = "right" if all(map(_NUMBER.fullmatch, cells)) else "left"
        table.add_column(heading, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(
            *(f"{cell:.2f}" if isinstance(cell, float) else Text(str(cell)) for cell in row)
        )
    Console(stderr=stderr, highlight=False).print(table)
