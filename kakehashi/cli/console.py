"""What a person at a terminal sees: progress bars, lines, tables.

Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from rich import progress as bars
from rich.console import Console
from rich.text import Text

from kakehashi.errors import RunError
from kakehashi.files import write_atomically
from kakehashi.progress import Progress
from kakehashi.reports.tables import Table, written

if TYPE_CHECKING:
    from kakehashi.cli.options import TableFormat
    from kakehashi.experiments.runs import Cell
    from kakehashi.experiments.work import Outcome

_Item = TypeVar("_Item")
_BY_SUFFIX: dict[str, TableFormat] = {
    ".md": "markdown", ".tex": "latex", ".csv": "csv", ".html": "html",
}  # fmt: skip


class ProgressBars(Progress):
    """Shows a bar on stderr for each long piece of work, and lines; only lines off a terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    def _bars(self, *columns: bars.ProgressColumn) -> bars.Progress:
        hidden = not self._console.is_terminal
        return bars.Progress(*columns, console=self._console, transient=True, disable=hidden)

    def track(
        self, items: Iterable[_Item], label: str, total: int | None = None
    ) -> Iterator[_Item]:
        """Yield the items, moving the bar."""
        with self._bars(
            bars.SpinnerColumn(),
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
        ) as shown:
            yield from shown.track(items, total=total, description=label)

    def say(self, line: str) -> None:
        """Print one line."""
        self._console.print(Text(line), soft_wrap=True)


class GridBars(ProgressBars):
    """Shows a bar for a grid and one for each run in progress, and a line for each that ends.

    Args:
        root: Folder of the runs; what they write there is read to see how far they are.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._shown = self._bars(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[news]}", markup=False),
            bars.TimeElapsedColumn(),
        )
        self._of_run: dict[str, bars.TaskID] = {}
        self._done = self._total = 0

    def begin(self, total: int) -> None:
        """Show the bar of the grid."""
        self._total = total
        self._grid = self._shown.add_task("all runs", total=total, news="")

    def __enter__(self) -> Self:
        self._shown.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._shown.stop()

    def tick(self, running: Sequence[Cell]) -> None:
        """Move the bars of the runs in progress, epoch by epoch."""
        for run in running:
            if run.key not in self._of_run:
                total = run.settings.training.epochs
                self._of_run[run.key] = self._shown.add_task(run.label, total=total, news="")
            try:
                lines = (self._root / run.key / "epochs.jsonl").read_bytes().splitlines()
            except OSError:  # not yet there
                continue
            f1 = json.loads(lines[-1])["dev"] if lines else None
            news = "" if f1 is None else f"dev F1 {f1:.2f}"
            self._shown.update(self._of_run[run.key], completed=len(lines), news=news)

    def end(self, run: Cell, outcome: Outcome) -> None:
        """Print how a run ended."""
        if run.key in self._of_run:
            self._shown.remove_task(self._of_run.pop(run.key))
        self._done += 1
        self._shown.update(self._grid, completed=self._done)
        failed = outcome.state == "failed"
        what = outcome.message if failed else _score(self._root / run.key)
        self.say(f"{self._done}/{self._total}  {run.label}: {outcome.state}, {what}")
        if outcome.message and not failed:
            self.warn(outcome.message)


def _score(folder: Path) -> str:
    result = json.loads((folder / "result.json").read_bytes())
    parts = [part for part in ("test", "dev") if result[part] is not None]
    return f"{parts[0]} F1 {float(result[parts[0]]['f1']):.2f}" if parts else "nothing to score by"


def print_line(line: str) -> None:
    """Print a line of the result as it is."""
    sys.stdout.write(f"{line}\n")


def print_report(
    report: object, tables: Iterable[Table] = (), after: str = "", *, as_json: bool
) -> None:
    """Print a result: one line of JSON for programs, or tables and lines for people."""
    if as_json:
        print_line(json.dumps(report, ensure_ascii=False))
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
    """Write a report, making its folder.

    Raises:
        RunError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise RunError(path, f"cannot be written ({error.strerror})") from None
