"""Work for several processes, with the answers in order.

The way to a Ray cluster.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain
from types import ModuleType
from typing import TypeVar

from kakehashi.errors import ConfigError
from kakehashi.extras import require

_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")

_FEW = 4
"""Jobs for which it does not pay to start processes."""


def map_in_order(
    function: Callable[[_Job], _Answer],
    jobs: Iterable[_Job | None],
    processes: int | None = None,
) -> Iterator[_Answer]:
    """Apply a function to every job; only a few jobs are taken before their turn.

    Args:
        function: What to do; must be one that can be sent to a new process.
        jobs: What to do it to; a few are done here. None stands where the next one may be long in
            coming: the answers to all before it are given first.
        processes: How many; default as many as there are cores for us.
    """
    processes = processes or len(os.sched_getaffinity(0))
    if multiprocessing.current_process().daemon:  # which may have no children; a grid's worker
        processes = 1
    jobs = iter(jobs)
    first: list[_Job] = []
    for job in jobs:
        if job is not None:
            first.append(job)
        if job is None or processes == 1:
            yield from map(function, first)
            first.clear()
        elif len(first) > _FEW:
            break
    else:
        yield from map(function, first)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _end_with_parent)
    pending: deque[Future[_Answer]] = deque()
    try:
        for job in chain(first, jobs):
            if job is not None:
                pending.append(pool.submit(function, job))
            while pending and (job is None or len(pending) > 2 * processes):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """See to it that a killed program leaves no workers behind, which would wait for ever.

    Ctrl-C reaches the workers too, but it is for the program to end them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


_PATIENCE = 5.0


def connect_ray(address: str | None, processors: int | None = None) -> ModuleType:
    """Connect to a Ray cluster; ``shutdown`` of the module ends that.

    Args:
        address: ``host:port`` of the cluster, or ``auto``; None to start one on this machine.
        processors: Of the one that is started; None for all there are.

    Returns:
        The module ``ray``.

    Raises:
        ConfigError: If there is no Ray at the address.
        MissingExtraError: If Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray = require("ray", "ray")
    if address not in (None, "auto"):
        _reach(address)
    try:
        ray.init(
            address=address or "local",
            num_cpus=processors if address is None else None,
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level="error",
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_ray(str(address), " ".join(str(error).split())) from None
    return ray


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
