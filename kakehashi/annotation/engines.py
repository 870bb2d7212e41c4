"""What runs the work on blocks: processes of this machine, or Ray Data on many."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Protocol, TypeVar

from kakehashi.data.cluster import connect
from kakehashi.data.workers import in_order
from kakehashi.errors import KakehashiError, RunError
from kakehashi.extras import require

_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")


class Engine(Protocol):
    """Applies a function to jobs, side by side."""

    def __call__(
        self, function: Callable[[_Job], _Answer], jobs: Sequence[_Job]
    ) -> Iterator[_Answer]:
        """Yield an answer for each job, in any order; the first error ends it all."""


class Processes:
    """Processes of this machine, with one thread each.

    Args:
        workers: How many; default as many as there are cores for us.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers

    def __call__(
        self, function: Callable[[_Job], _Answer], jobs: Sequence[_Job]
    ) -> Iterator[_Answer]:
        """Yield an answer for each job, in order."""
        try:
            yield from in_order(function, jobs, self._workers)
        except BrokenProcessPool:
            raise RunError(
                "annotate", "a process was killed, perhaps for want of memory; start again"
            ) from None


@contextmanager
def ray_engine(workers: int | None, address: str | None) -> Iterator[Engine]:
    """Have the work done by Ray Data; all machines must see the model, the input and the parts.

    Args:
        workers: How many blocks at once, a processor each; None for as many as there are.
        address: ``host:port`` of the cluster, or ``auto``; None to start one on this machine.

    Raises:
        ConfigError: If there is no Ray at the address.
        MissingExtraError: If Ray or what Ray Data needs is not installed.
    """
    require("pandas", "ray")  # which Ray Data does without until it is used
    ray = connect(address, workers)
    data = require("ray.data", "ray")
    data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield _RayData(data, workers)
    finally:
        ray.shutdown()


class _RayData:
    def __init__(self, data: ModuleType, workers: int | None) -> None:
        self._data, self._workers = data, workers

    def __call__(
        self, function: Callable[[_Job], _Answer], jobs: Sequence[_Job]
    ) -> Iterator[_Answer]:
        """Yield an answer for each job, as they are done."""
        if not jobs:
            return

        def work(row: dict[str, Any]) -> dict[str, Any]:
            try:
                return {"answer": function(row["job"]), "error": None}
            except (KakehashiError, OSError) as error:
                return {"answer": None, "error": error}

        rows = self._data.from_items([{"job": job} for job in jobs], override_num_blocks=len(jobs))
        done = rows.map(work, num_cpus=1, compute=self._data.TaskPoolStrategy(self._workers))
        for row in done.iter_rows():
            if row["error"] is not None:
                raise row["error"]
            yield row["answer"]
