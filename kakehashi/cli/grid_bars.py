"""A live view of a grid: a bar for all runs, and one for each that is in progress."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from rich.progress import TaskID

from kakehashi.cli.console import ProgressBars
from kakehashi.experiments.execute import Watch
from kakehashi.experiments.runs import RunSpec


class GridBars(Watch):
    """Shows bars on stderr, and a line for each run that ends; only lines off a terminal.

    Files in the folders of the runs, below ``root``, show how far they are.
    """

    def __init__(self, root: Path, n_runs: int) -> None:
        self._root, self._total, self._done = root, n_runs, 0
        self._progress = ProgressBars()
        self._bars = self._progress.bars()
        self._grid = self._bars.add_task("all runs", total=n_runs)
        self._of_run: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def tick(self, running: Sequence[RunSpec]) -> None:
        """Move the bars of the runs in progress, epoch by epoch."""
        for run in running:
            if run.key not in self._of_run:
                training = run.settings.training
                total = training.epochs or training.max_epochs
                self._of_run[run.key] = self._bars.add_task(run.label, total=total)
            try:
                lines = (self._root / run.key / "epochs.jsonl").read_bytes().splitlines()
            except OSError:  # not yet there
                continue
            scores = (json.loads(line)["dev"] for line in reversed(lines))
            f1 = next((score for score in scores if score is not None), None)
            label = run.label if f1 is None else f"{run.label}: dev F1 {f1:.2f}"
            self._bars.update(self._of_run[run.key], completed=len(lines), description=label)

    def end(self, spec: RunSpec, state: Literal["finished", "failed"], message: str) -> None:
        """Print how a run ended."""
        if spec.key in self._of_run:
            self._bars.remove_task(self._of_run.pop(spec.key))
        self._done += 1
        self._bars.update(self._grid, completed=self._done)
        what = message if state == "failed" else _score(self._root / spec.key)
        self._progress.say(f"{self._done}/{self._total}  {spec.label}: {state}, {what}")
        if message and state == "finished":
            self._progress.warn(message)


def _score(folder: Path) -> str:
    result = json.loads((folder / "result.json").read_bytes())
    parts = [part for part in ("test", "dev") if result[part] is not None]
    return f"{parts[0]} F1 {float(result[parts[0]]['f1']):.2f}" if parts else "nothing to score by"
