"""Run the cells of a grid that are not finished: sources first, and no cell twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kakehashi.config.paths import DATA_VARIABLE, missing_hint
from kakehashi.errors import CorpusError, RunError
from kakehashi.experiments.cell import Cell
from kakehashi.experiments.executors import Executor
from kakehashi.experiments.identity import missing_files
from kakehashi.experiments.planning import Plan
from kakehashi.experiments.results import gather, save_results
from kakehashi.experiments.store import Store
from kakehashi.experiments.work import Outcome, Task
from kakehashi.tracking.catalogue import TRACKING_VARIABLES

_TICK = 0.25
_VARIABLES = (DATA_VARIABLE, *TRACKING_VARIABLES)
_NO_SOURCE = "its source model has failed"


class Watch:
    """Is told how a grid goes on. Says nothing; give one of your own."""

    def begin(self, total: int) -> None:
        """Hear how many cells there are to run."""

    def tick(self, running: Sequence[Cell]) -> None:
        """Hear several times a second what runs."""

    def end(self, cell: Cell, outcome: Outcome) -> None:
        """Hear that a cell is over."""


def run_plan(
    plan: Plan, executor: Executor, watch: Watch | None = None, track: Sequence[str] = ()
) -> list[str]:
    """Run what is missing, and write the grid's Parquet file.

    A cell that fails stops only those that need it as a source.

    Args:
        plan: What there is to run.
        executor: Runs it.
        watch: Is told how it goes on.
        track: Trackers that each cell tells how it goes; one that fails stops no cell.

    Returns:
        A line for each cell that failed.

    Raises:
        CorpusError: If a file that is needed is not there; nothing is run then.
        RunError: If the folder of the cells cannot be written to; finished cells stay.
        KeyboardInterrupt: After Ctrl-C; unfinished cells go on next time.
    """
    for cell in plan.missing:
        for name in missing_files(cell.settings):
            raise CorpusError(name, f"there is no such file{missing_hint(name)}")
    watch = watch or Watch()
    watch.begin(len(plan.missing))
    schedule = _Schedule(plan, executor, watch, tuple(track))
    try:
        with executor:
            schedule.run()
    finally:
        store = Store(plan.store.root, plan.grid.name)
        save_results(plan.cells, gather(plan.grid, plan.cells, store), store)
    return schedule.failures


class _Schedule:
    """What waits, what runs, and what became of it."""

    def __init__(
        self, plan: Plan, executor: Executor, watch: Watch, track: tuple[str, ...]
    ) -> None:
        self._store, self._executor, self._watch = plan.store, executor, watch
        self._track = track
        self._root = plan.store.root.absolute()
        self._waiting = {cell.key: cell for cell in plan.missing}
        self._running: dict[str, Cell] = {}
        self._elsewhere: set[str] = set()
        self._failed: set[str] = set()
        self.failures: list[str] = []

    def run(self) -> None:
        while self._waiting or self._running:
            self._start()
            for outcome in self._executor.ended(_TICK):
                self._take(outcome)
            self._watch.tick(list(self._running.values()))

    def _start(self) -> None:
        for cell in [cell for cell in self._waiting.values() if self._orphaned(cell)]:
            self._over(self._waiting.pop(cell.key), Outcome(cell.key, "failed", _NO_SOURCE))
        # What another process is at comes last, and then we wait for it.
        ready = [cell for cell in self._waiting.values() if self._ready(cell)]
        ready.sort(key=lambda cell: cell.key in self._elsewhere)
        for cell in ready[: self._executor.workers - len(self._running)]:
            self._running[cell.key] = self._waiting.pop(cell.key)
            self._executor.start(self._task(cell))

    def _ready(self, cell: Cell) -> bool:
        source = cell.source
        return source is None or not (source.key in self._waiting or source.key in self._running)

    def _orphaned(self, cell: Cell) -> bool:
        return cell.source is not None and cell.source.key in self._failed

    def _take(self, outcome: Outcome) -> None:
        cell = self._running.pop(outcome.key)
        if outcome.state == "busy":
            self._elsewhere.add(cell.key)
            self._waiting[cell.key] = cell
        elif outcome.state == "stuck":
            problem = f"cannot be written to ({outcome.message}); finished cells stay,"
            raise RunError(self._root, f"{problem} run it again when there is room")
        else:
            self._over(cell, self._checked(outcome))

    def _checked(self, outcome: Outcome) -> Outcome:
        if outcome.state == "finished" and self._store.folder(outcome.key) is None:
            problem = f"finished, but not in {self._root}: must be a folder all machines share"
            return replace(outcome, state="failed", message=problem)
        return outcome

    def _over(self, cell: Cell, outcome: Outcome) -> None:
        if outcome.state == "failed":
            self._failed.add(cell.key)
            self.failures.append(f"{cell.label}: {outcome.message}")
        self._watch.end(cell, outcome)

    def _task(self, cell: Cell) -> Task:
        source = self._store.model(cell.source) if cell.source is not None else None
        return Task(
            key=cell.key,
            settings=cell.settings_from(source).model_dump(mode="json"),
            identity={"config": cell.identity.config, "facts": dict(cell.identity.facts)},
            root=str(self._root),
            directory=str(Path.cwd()),
            environment={name: os.environ[name] for name in _VARIABLES if name in os.environ},
            track=self._track,
            wait=cell.key in self._elsewhere,
        )
