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

CACHE_BYTES = 16 << 20
"""Of rows, by default; see docs/decisions/008."""

_AT_ONCE = 512  # forms that are projected together; more would only take more memory
_FORM_BYTES = 300  # of a form's strings and its place in the table


class _Rows:
    """The rows of some forms: ``numbers`` into ``projected`` (forms and more, any width)."""

    def __init__(self) -> None:
        self.numbers: dict[Form, int] = {}
        self.projected: FloatArray = np.empty((0, 0), np.float32)

    def append(self, forms: Sequence[Form], projected: FloatArray) -> None:
        """Add forms with their rows; known only once these are written."""
        begin = len(self.numbers)
        end = begin + len(forms)
        self.projected[begin:end] = projected
        self.numbers.update(zip(forms, range(begin, end), strict=True))


class FormCache:
    """Rows of forms as ``project`` computes them, each computed once.

    Threads may share one, and wait for each other only while rows are added. When there is no room
    for more in so many ``bytes``, all rows are dropped but those of the forms that are looked up.
    """

    def __init__(self, project: Callable[[Sequence[Form]], FloatArray], bytes: int) -> None:
        self._project, self._bytes = project, bytes
        self._rows = _Rows()
        self._lock = Lock()
        _caches.add(self)

    def look_up(self, forms: Sequence[Form]) -> tuple[FloatArray, Ids]:
        """Return rows of forms (any number, any width), and which of them each form has.

        A look-up may be interrupted at any place.
        """
        rows, distinct = self._rows, dict.fromkeys(forms)
        new = [form for form in distinct if form not in rows.numbers]
        for begin in range(0, len(new), _AT_ONCE):
            some = new[begin : begin + _AT_ONCE]
            projected = self._project(some)
            with self._lock:
                # Another thread may have added some meanwhile.
                places = [place for place, form in enumerate(some) if form not in rows.numbers]
                if len(rows.numbers) + len(places) > len(rows.projected):
                    known = [form for form in distinct if form in rows.numbers]
                    kept = rows.projected[[rows.numbers[form] for form in known]]
                    self._rows = rows = _Rows()  # now the full ones are freed
                    width = projected.shape[1]
                    room = self._bytes // (projected.itemsize * width + _FORM_BYTES)
                    rows.projected = np.empty((max(room, len(distinct)), width), np.float32)
                    if known:
                        rows.append(known, kept)
                rows.append([some[place] for place in places], projected[places])
        found = np.fromiter(map(rows.numbers.__getitem__, forms), np.int64, len(forms))
        return rows.projected, found

    def clear(self) -> None:
        """Drop all forms."""
        self._rows = _Rows()


_caches: WeakSet[FormCache] = WeakSet()


def _free_locks() -> None:
    """Free locks that a thread of the parent may hold; a cache is sound at every moment."""
    for cache in _caches:
        cache._lock = Lock()


os.register_at_fork(after_in_child=_free_locks)
