"""A live view of a grid that runs: a bar for the grid, and one for each run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TaskID as BarId
from rich.text import Text

from kakehashi.experiments.execute import Watch
from kakehashi.experiments.runs import RunSpec


class GridBars(Watch):
    """Shows bars on stderr, and a line for each run that ends; lines alone off a terminal.

    Args:
        root: The root folder: what runs write there tells how far they are.
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
        self._of_run: dict[str, BarId] = {}
        self._done = self._total = 0

    def begin(self, total: int) -> None:
        """Show the bar of the grid."""
        self._total = total
        self._grid = self._bars.add_task("all runs", total=total, news="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def tick(self, running: Sequence[RunSpec]) -> None:
        """Move the bars of what runs, epoch by epoch."""
        for spec in running:
            if spec.key not in self._of_run:
                total = spec.settings.training.epochs
                self._of_run[spec.key] = self._bars.add_task(spec.label, total=total, news="")
            epochs = _epochs(self._root / spec.key)
            news = f"dev F1 {epochs[-1]:.2f}" if epochs and epochs[-1] is not None else ""
            self._bars.update(self._of_run[spec.key], completed=len(epochs), news=news)

    def end(self, spec: RunSpec, state: Literal["finished", "failed"], message: str) -> None:
        """Print how a run ended."""
        bar = self._of_run.pop(spec.key, None)
        if bar is not None:
            self._bars.remove_task(bar)
        self._done += 1
        self._bars.update(self._grid, completed=self._done)
        what = message if state == "failed" else _score(self._root / spec.key)
        line = f"{self._done}/{self._total}  {spec.label}: {state}, {what}"
        self._console.print(Text(line), soft_wrap=True)
        if message and state == "finished":
            self._console.print(Text(f"warning: {message}"), soft_wrap=True)


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
