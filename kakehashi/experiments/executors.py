"""Where cells run: what takes tasks and gives outcomes, and processes of this machine that do."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol, Self

from kakehashi.experiments.work import Outcome, Task, run_cell

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
