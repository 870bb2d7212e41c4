"""Work for several processes, with the answers in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from typing import TypeVar

_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")

_FEW = 4
"""Jobs for which it does not pay to start processes."""


def in_order(
    function: Callable[[_Job], _Answer], jobs: Iterable[_Job], processes: int | None = None
) -> Iterator[_Answer]:
    """Apply a function to every job; only a few jobs are taken before their turn.

    Args:
        function: What to do; must be one that can be sent to a new process.
        jobs: What to do it to; a few are done here.
        processes: How many; default as many as there are cores for us.
    """
    processes = processes or len(os.sched_getaffinity(0))
    if multiprocessing.current_process().daemon:  # which may have no children; a grid's worker
        processes = 1
    jobs = iter(jobs)
    first = list(islice(jobs, _FEW + 1))
    jobs = chain(first, jobs)
    if processes == 1 or len(first) <= _FEW:
        yield from map(function, jobs)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _end_with_parent)
    pending: deque[Future[_Answer]] = deque()
    try:
        for job in jobs:
            pending.append(pool.submit(function, job))
            if len(pending) > 2 * processes:
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
