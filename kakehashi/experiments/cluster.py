"""Run cells on Ray."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from kakehashi.data.cluster import connect
from kakehashi.experiments.work import Outcome, Task, run_cell


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
        self._ray = connect(self._address, self._wanted)
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
