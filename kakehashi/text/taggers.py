"""A pool of MeCab taggers."""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Protocol
from weakref import WeakSet

LARGEST_POOL = (os.cpu_count() or 1) + 2
"""Taggers; more do not work at once."""


class Tagger(Protocol):
    """What we use of a fugashi tagger."""

    def parse(self, text: str) -> str:
        """Print the words of a text in the tagger's output format."""


_POOLS: WeakSet[TaggerPool] = WeakSet()


class TaggerPool:
    """Taggers that threads borrow, and wait for where all are borrowed.

    A tagger shared by two threads at a time gives wrong words without an error. One made for each
    thread leaves its memory maps behind when the thread ends, until the process may have no more.

    Args:
        make: Makes a tagger.
        size: How many are made at most.
    """

    def __init__(self, make: Callable[[], Tagger], size: int = LARGEST_POOL) -> None:
        self._make = make
        self._size = size
        self._free: SimpleQueue[Tagger] = SimpleQueue()
        self._n_unmade = size
        self._lock = Lock()
        _POOLS.add(self)

    def parse(self, text: str) -> str:
        """Have a tagger parse a text."""
        tagger = self._borrow()
        try:
            return tagger.parse(text)
        finally:
            self._free.put(tagger)

    def _borrow(self) -> Tagger:
        try:
            return self._free.get_nowait()
        except Empty:
            with self._lock:
                if self._n_unmade:
                    made = self._make()
                    self._n_unmade -= 1
                    return made
        return self._free.get()

    def after_fork(self) -> None:
        """Keep the free taggers; threads that had others, or the lock, are not in this process."""
        free, self._free, self._lock = self._free, SimpleQueue(), Lock()
        while not free.empty():
            self._free.put(free.get())
        self._n_unmade = self._size - self._free.qsize()


def _after_fork() -> None:
    for pool in _POOLS:
        pool.after_fork()


os.register_at_fork(after_in_child=_after_fork)
