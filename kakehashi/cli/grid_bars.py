"""A live view of a grid that runs: a bar for the grid, and one for each cell that is on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TaskID as BarId
from rich.text import Text

from kakehashi.experiments.execute import Watch
from kakehashi.experiments.runs import RunSpec
from kakehashi.experiments.work import Outcome


class GridBars(Watch):
    """Shows bars on stderr, and a line for each cell that is over; lines alone off a terminal.

    Args:
        root: Where cells lie: what they write there tells how far they are.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._console = Console(stderr=True, highlight=False)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[news]}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._of_cell: dict[str, BarId] = {}
        self._done = self._total = 0

    def begin(self, total: int) -> None:
        """Show the bar of the grid."""
        self._total = total
        self._grid = self._bars.add_task("all cells", total=total, news="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def tick(self, running: Sequence[RunSpec]) -> None:
        """Move the bars of what runs, epoch by epoch."""
        for cell in running:
            if cell.key not in self._of_cell:
                total = cell.settings.training.epochs
                self._of_cell[cell.key] = self._bars.add_task(cell.label, total=total, news="")
            epochs = _epochs(self._root / cell.key)
            news = f"dev F1 {epochs[-1]:.2f}" if epochs and epochs[-1] is not None else ""
            self._bars.update(self._of_cell[cell.key], completed=len(epochs), news=news)

    def end(self, cell: RunSpec, outcome: Outcome) -> None:
        """Print what became of a cell."""
        bar = self._of_cell.pop(cell.key, None)
        if bar is not None:
            self._bars.remove_task(bar)
        self._done += 1
        self._bars.update(self._grid, completed=self._done)
        failed = outcome.state == "failed"
        what = outcome.message if failed else _score(self._root / cell.key)
        line = f"{self._done}/{self._total}  {cell.label}: {outcome.state}, {what}"
        self._console.print(Text(line), soft_wrap=True)
        if outcome.message and not failed:
            self._console.print(Text(f"warning: {outcome.message}"), soft_wrap=True)


def _epochs(folder: Path) -> list[float | None]:
    """Read the F1 on dev, if there is one, after each epoch so far."""
    try:
        lines = (folder / "epochs.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["dev"] for line in lines]
    except OSError:  # not yet
        return []


def _score(folder: Path) -> str:
    result = json.loads((folder / "result.json").read_bytes())
    parts = [part for part in ("test", "dev") if result[part] is not None]
    return f"{parts[0]} F1 {float(result[parts[0]]['f1']):.2f}" if parts else "nothing to score by"
