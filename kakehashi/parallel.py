"""A function applied to many jobs, in order: by processes of this machine, or by a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import chain
from types import ModuleType
from typing import Any, TypeVar

from kakehashi.errors import ConfigError, DistributedError, KakehashiError
from kakehashi.extras import require

_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""Applies a function to every job and yields the answers in order; the first error ends it."""

_FEW = 4  # jobs for which it does not pay to start processes


def map_in_order(
    function: Callable[[_Job], _Answer], jobs: Iterable[_Job | None], processes: int | None = None
) -> Iterator[_Answer]:
    """Apply a function to every job in processes; KakehashiError if one of them is killed.

    There are as many ``processes`` as cores by default, and none for a few jobs, which are done
    here. Only a few jobs are taken before their turn. None stands where the next one may be long in
    coming: the answers to all before it are yielded first.
    """
    processes = processes or len(os.sched_getaffinity(0))
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
    yield from _map_in_pool(function, chain(first, jobs), processes)


def _map_in_pool(
    function: Callable[[_Job], _Answer], jobs: Iterable[_Job | None], processes: int
) -> Iterator[_Answer]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _end_with_parent)
    pending: deque[Future[_Answer]] = deque()
    try:
        for job in jobs:
            if job is not None:
                pending.append(pool.submit(function, job))
            while pending and (job is None or len(pending) > 2 * processes):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool:
        problem = "a process was killed, perhaps for want of memory; start again"
        raise KakehashiError(problem) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End with a killed program, for which a worker would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the program to end us
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def open_map(
    workers: int | None = None, *, ray: bool = False, address: str | None = None
) -> Iterator[Map]:
    """Open a map over processes of this machine, or over a Ray cluster, see `connect_ray`.

    So many workers do a job at once, by default one per processor. All machines of a cluster must
    see the files that jobs name.
    """
    if ray:
        with ray_cluster(address, workers) as cluster:
            yield partial(_map_on_ray, cluster, workers)
    else:
        yield partial(map_in_order, processes=workers)


def _map_on_ray(
    ray: ModuleType, workers: int | None, function: Callable[[_Job], _Answer], jobs: Iterable[_Job]
) -> Iterator[_Answer]:
    task, shared = ray.remote(num_cpus=1)(lambda function, job: function(job)), ray.put(function)
    pending: deque[Any] = deque()
    running: list[Any] = []
    for job in jobs:
        while workers is not None and len(running) >= workers:
            _, running = ray.wait(running)
        pending.append(task.remote(shared, job))
        running.append(pending[-1])
        while workers is not None and pending[0] not in running:
            yield ray.get(pending.popleft())
    while pending:
        yield ray.get(pending.popleft())


@contextmanager
def ray_cluster(address: str | None, processors: int | None = None) -> Iterator[ModuleType]:
    """Connect to a Ray cluster, see `connect_ray`; the errors of its tasks are raised as here.

    `DistributedError` if one of its processes is lost.
    """
    ray = connect_ray(address, processors)
    try:
        yield ray
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())
        raise DistributedError(f"a process on Ray was lost; start again ({reason})") from None
    finally:
        ray.shutdown()


def connect_ray(address: str | None, processors: int | None = None) -> ModuleType:
    """Connect to a Ray cluster, and return the module ``ray``; its ``shutdown`` ends that.

    The address is ``host:port`` or ``auto``; without, one is started on this machine, with so many
    processors, or all. `ConfigError` if there is no Ray at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray = require("ray", "ray")
    try:
        if address is not None and address != "auto":  # Ray itself would try for a minute
            host, _, port = address.rpartition("://")[2].rpartition(":")
            socket.create_connection((host, int(port)), timeout=5).close()
        ray.init(
            address=address or "local",
            num_cpus=processors if address is None else None,
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level="error",
        )
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ConfigError("--address", f"there is no Ray cluster at {address} ({why})") from None
    return ray
