"""Where cells run: what takes tasks and gives outcomes, and processes of this machine that do.

Run cells on Ray.

Run the cells of a grid that are not finished: sources first, and no cell twice.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import connection
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from kakehashi.config.reading import DATA_VARIABLE, missing_hint
from kakehashi.errors import CorpusError, RunError
from kakehashi.experiments.plan import Plan
from kakehashi.experiments.runs import RunSpec, missing_files
from kakehashi.experiments.store import Store
from kakehashi.experiments.work import Outcome, Task, run_cell
from kakehashi.parallel import connect_ray
from kakehashi.tracking import TRACKING_VARIABLES

_THREADS = "OMP_NUM_THREADS"
_PATIENCE = 5.0


class Executor(Protocol):
    """Runs tasks side by side; use it in a ``with`` statement, which ends what still runs."""

    workers: int

    def __enter__(self) -> Self:
        """Get ready."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything at once; unfinished cells go on next time from their checkpoints."""

    def start(self, task: Task) -> None:
        """Run a task; there must be a free worker."""

    def ended(self, seconds: float) -> list[Outcome]:
        """Give what ended, waiting so long for something to end."""


class LocalExecutor:
    """Processes of this machine, with one thread each.

    A process serves one cell after another; one that dies is replaced, and its cell has failed.

    Args:
        workers: How many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in [*self._idle, *self._busy]:
            worker.end()

    def start(self, task: Task) -> None:
        """Run a task; there must be a free worker."""
        worker = self._idle.pop() if self._idle else _Worker()
        worker.take(task)
        self._busy.append(worker)

    def ended(self, seconds: float) -> list[Outcome]:
        """Give what ended, waiting so long for something to end."""
        outcomes = []
        ready = connection.wait([worker.pipe for worker in self._busy], seconds)
        for worker in [worker for worker in self._busy if worker.pipe in ready]:
            self._busy.remove(worker)
            outcome = worker.outcome()
            if outcome is not None:
                self._idle.append(worker)
            outcomes.append(outcome or worker.death())
        return outcomes


class _Worker:
    """A process, our end of the pipe to it, and what it is at."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.key = ""
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _environment(_THREADS, "1"), _deaf_to_ctrl_c():
            self._process.start()
        theirs.close()

    def take(self, task: Task) -> None:
        self.key = task.key
        self.pipe.send(task)

    def outcome(self) -> Outcome | None:
        """Take what the process has to say; nothing if it is gone."""
        try:
            outcome: Outcome = self.pipe.recv()
        except (EOFError, ConnectionError):
            return None
        return outcome

    def death(self) -> Outcome:
        """Say how the process ended that should have gone on."""
        self._process.join(_PATIENCE)
        status = self._process.exitcode or 0
        self.end()
        how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        return Outcome(self.key, "failed", f"its process ended early ({how})")

    def end(self) -> None:
        self._process.kill()  # files are the old ones or the new ones: nothing is torn
        self._process.join()
        self.pipe.close()


def _serve(pipe: Connection) -> None:
    """Run tasks until our parent closes the pipe, or is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(run_cell(task))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Have processes that are started meanwhile leave Ctrl-C to their parent, who ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable for the processes that are started meanwhile."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


class RayExecutor:
    """The workers of a Ray cluster; all its machines must share the folder of the cells.

    Args:
        workers: How many cells at once; None for one per processor of the cluster.
        address: ``host:port`` of the cluster, or ``auto``; None to start one on this machine.

    Raises:
        ConfigError: If there is no Ray at the address.
        MissingExtraError: If Ray is not installed.
    """

    def __init__(self, workers: int | None, address: str | None) -> None:
        self._wanted, self._address = workers, address
        self.workers = workers or 1
        self._running: dict[Any, Task] = {}

    def __enter__(self) -> Self:
        self._ray = connect_ray(self._address, self._wanted)
        self._remote = self._ray.remote(num_cpus=1, max_retries=0)(run_cell)
        if self._wanted is None:
            self.workers = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    def start(self, task: Task) -> None:
        """Run a task; there must be a free worker."""
        self._running[self._remote.remote(task)] = task

    def ended(self, seconds: float) -> list[Outcome]:
        """Give what ended, waiting so long for something to end."""
        ready, _ = self._ray.wait([*self._running], timeout=seconds)
        return [self._outcome(reference, self._running.pop(reference)) for reference in ready]

    def _outcome(self, reference: object, task: Task) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Outcome(task.key, "failed", " ".join(str(error).split()))
        return outcome


_TICK = 0.25
_VARIABLES = (DATA_VARIABLE, *TRACKING_VARIABLES)
_NO_SOURCE = "its source model has failed"


class Watch:
    """Is told how a grid goes on. Says nothing; give one of your own."""

    def begin(self, total: int) -> None:
        """Hear how many cells there are to run."""

    def tick(self, running: Sequence[RunSpec]) -> None:
        """Hear several times a second what runs."""

    def end(self, cell: RunSpec, outcome: Outcome) -> None:
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
        Store(plan.store.root, plan.grid.name).export(plan.specs)
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
        self._running: dict[str, RunSpec] = {}
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

    def _ready(self, cell: RunSpec) -> bool:
        source = cell.source
        return source is None or not (source.key in self._waiting or source.key in self._running)

    def _orphaned(self, cell: RunSpec) -> bool:
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

    def _over(self, cell: RunSpec, outcome: Outcome) -> None:
        if outcome.state == "failed":
            self._failed.add(cell.key)
            self.failures.append(f"{cell.label}: {outcome.message}")
        self._watch.end(cell, outcome)

    def _task(self, cell: RunSpec) -> Task:
        source = self._store.model(cell.source) if cell.source is not None else None
        return Task(
            key=cell.key,
            settings=cell.settings_from(source).model_dump(mode="json"),
            fingerprint={"config": cell.fingerprint.config, "facts": dict(cell.fingerprint.facts)},
            root=str(self._root),
            directory=str(Path.cwd()),
            environment={name: os.environ[name] for name in _VARIABLES if name in os.environ},
            track=self._track,
            wait=cell.key in self._elsewhere,
        )
