"""Run cells on Ray."""

from __future__ import annotations

import os
import socket
from types import TracebackType
from typing import Any, Self

from kakehashi.errors import ConfigError
from kakehashi.experiments.work import Outcome, Task, run_cell
from kakehashi.extras import require

_PATIENCE = 5.0


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
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        self._ray = require("ray", "ray")
        self._connect()
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

    def _connect(self) -> None:
        if self._address not in (None, "auto"):
            _reach(self._address)
        try:
            self._ray.init(
                address=self._address or "local",
                num_cpus=self._wanted if self._address is None else None,
                include_dashboard=False if self._address is None else None,
                log_to_driver=False,
                logging_level="error",
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _no_ray(str(self._address), " ".join(str(error).split())) from None


def _reach(address: str) -> None:
    """Refuse an address where nothing listens; Ray itself would try for a minute."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        socket.create_connection((host, int(port)), _PATIENCE).close()
    except ValueError:
        raise _no_ray(address, "expected HOST:PORT") from None
    except OSError as error:
        raise _no_ray(address, error.strerror or "it does not answer") from None


def _no_ray(address: str, why: str) -> ConfigError:
    return ConfigError("--address", f"there is no Ray cluster at {address} ({why})")
