"""How many threads torch computes with, and what a forked process needs to compute at all.

A fork copies the thread that asked for it alone. OpenMP would wait for the others for ever, and so
would whoever wants a lock that one of them held: in the child torch computes with one thread, and
every `ForkSafeLock` is free.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakSet

import torch


class ForkSafeLock:
    """A lock that is free in a forked process, whoever holds it in the parent.

    What it guards must be sound at every moment.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        _locks.add(self)

    def __enter__(self) -> None:
        """Wait for it, and hold it."""
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        """Let it go."""
        self._lock.release()

    def renew(self) -> None:
        """Forget who holds it."""
        self._lock = Lock()


_locks: WeakSet[ForkSafeLock] = WeakSet()


def _recover() -> None:
    torch.set_num_threads(1)
    for lock in _locks:
        lock.renew()


os.register_at_fork(after_in_child=_recover)


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Compute with so many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
