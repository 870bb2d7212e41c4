"""What a network computes of forms, kept from one sentence to the next."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from threading import Lock
from weakref import WeakSet

import numpy as np

from kakehashi.data.batches import Ids
from kakehashi.data.vocabulary import Form
from kakehashi.runtime.steps import FloatArray


class _Rows:
    """The rows of some forms: ``numbers`` into ``projected`` (forms and more, any width)."""

    def __init__(self) -> None:
        self.numbers: dict[Form, int] = {}
        self.projected: FloatArray = np.empty((0, 0), np.float32)

    def append(self, forms: Sequence[Form], projected: FloatArray) -> None:
        """Add forms with their rows; known only once these are written."""
        begin = len(self.numbers)
        end = begin + len(forms)
        if end > len(self.projected):
            grown = np.empty((max(end, 2 * begin), projected.shape[1]), np.float32)
            if begin:
                grown[:begin] = self.projected[:begin]
            self.projected = grown
        self.projected[begin:end] = projected
        self.numbers.update(zip(forms, range(begin, end), strict=True))


class FormCache:
    """Rows of forms as ``project`` computes them, each computed once.

    Threads may share one, and wait for each other only while rows are added. When more than
    ``capacity`` forms are cached, all are dropped before the next look-up.
    """

    def __init__(self, project: Callable[[Sequence[Form]], FloatArray], capacity: int) -> None:
        self._project, self._capacity = project, capacity
        self._rows = _Rows()
        self._lock = Lock()
        _caches.add(self)

    def look_up(self, forms: Sequence[Form]) -> tuple[FloatArray, Ids]:
        """Return rows of forms (any number, any width), and which of them each form has.

        A look-up may be interrupted at any place.
        """
        rows = self._rows
        if len(rows.numbers) > self._capacity:
            rows = self._rows = _Rows()
        known = rows.numbers
        if new := [form for form in dict.fromkeys(forms) if form not in known]:
            projected = self._project(new)
            with self._lock:
                # Another thread may have added some meanwhile.
                places = [place for place, form in enumerate(new) if form not in known]
                rows.append([new[place] for place in places], projected[places])
        found = np.fromiter(map(known.__getitem__, forms), np.int64, len(forms))
        return rows.projected, found  # in this order, so that each number has its row

    def clear(self) -> None:
        """Drop all forms."""
        self._rows = _Rows()


_caches: WeakSet[FormCache] = WeakSet()


def _free_locks() -> None:
    """Free locks that a thread of the parent may hold; a cache is sound at every moment."""
    for cache in _caches:
        cache._lock = Lock()


os.register_at_fork(after_in_child=_free_locks)
