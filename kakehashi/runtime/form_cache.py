"""What a network computes of forms, kept from one sentence to the next."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from threading import Lock
from weakref import WeakSet

import numpy as np

from kakehashi.data.batches import Ids
from kakehashi.data.vocabulary import Form
from kakehashi.runtime.steps import Precision, Projected

CACHE_BYTES: Mapping[Precision, int] = {"int8": 24 << 20, "float32": 48 << 20}
"""Of rows, by default; see docs/decisions/008."""

_AT_ONCE = 256  # forms that are projected together; more would only take more memory
_FORM_BYTES = 300  # of a form's strings and its place in the table
_NONE = np.empty((0, 0), np.float32)


class _Rows:
    """The rows of some forms: ``numbers`` into ``projected`` (forms and more, any width)."""

    def __init__(self, projected: Projected = _NONE) -> None:
        self.numbers: dict[Form, int] = {}
        self.projected = projected
        self.last_used = np.zeros(len(projected), np.int64)  # in which look-up
        self.n_look_ups = 0

    def find(self, forms: Sequence[Form]) -> Ids:
        """Return the row of each form, -1 if it has none."""
        found = np.fromiter(map(self.numbers.get, forms, repeat(-1)), np.int64, len(forms))
        self.n_look_ups += 1
        self.last_used[found[found >= 0]] = self.n_look_ups
        return found

    def append(self, forms: Sequence[Form], projected: Projected) -> None:
        """Add forms with their rows; known only once these are written."""
        begin = len(self.numbers)
        end = begin + len(forms)
        self.projected[begin:end] = projected
        self.last_used[begin:end] = self.n_look_ups
        self.numbers.update(zip(forms, range(begin, end), strict=True))

    def copy_to(self, other: _Rows, needed: Ids, n_more: int) -> None:
        """Copy rows that are needed, and others while more than half of the room is left.

        Those used last come first, and there must be room for so many more.
        """
        last_used = self.last_used[: len(self.numbers)].copy()
        last_used[needed] = self.n_look_ups + 1
        room = len(other.projected)
        n_kept = max(len(needed), min(room // 2, room - n_more))
        kept = np.argsort(-last_used, kind="stable")[:n_kept]
        strings = list(self.numbers)
        other.append([strings[number] for number in kept.tolist()], self.projected[kept])
        other.last_used[: len(kept)] = np.arange(len(kept), 0, -1)
        other.n_look_ups = len(kept)


def _new_rows(room: int, like: Projected) -> Projected:
    """Make room for rows in memory of its own; of malloc's, glibc would keep much once freed."""
    memory = mmap.mmap(-1, room * like[0].nbytes, access=mmap.ACCESS_COPY)
    if hasattr(mmap, "MADV_HUGEPAGE"):  # a fault for 400 rows, not one or two for each
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, like.dtype).reshape(room, -1)


class FormCache:
    """Rows of forms as ``project`` computes them, each computed once.

    Threads may share one, and wait for each other only while rows are added. When there is no room
    for more in so many ``bytes``, half of the rows are dropped, or more, those used last are kept.
    """

    def __init__(self, project: Callable[[Sequence[Form]], Projected], bytes: int) -> None:
        self._project, self._bytes = project, bytes
        self._rows = _Rows()
        self._lock = Lock()
        _caches.add(self)

    def look_up(self, forms: Sequence[Form]) -> tuple[Projected, Ids]:
        """Return rows of forms (any number, any width), and which of them each form has.

        A look-up may be interrupted at any place.
        """
        rows = self._rows
        found = rows.find(forms)
        missing = np.flatnonzero(found < 0).tolist()
        if not missing:
            return rows.projected, found
        new = list(dict.fromkeys(forms[place] for place in missing))
        for begin in range(0, len(new), _AT_ONCE):
            some = new[begin : begin + _AT_ONCE]
            projected = self._project(some)
            with self._lock:
                # Another thread may have added some meanwhile.
                places = [place for place, form in enumerate(some) if form not in rows.numbers]
                if len(rows.numbers) + len(places) > len(rows.projected):
                    needed = np.setdiff1d(rows.find(forms), -1)
                    n_more = len(new) - begin
                    room = self._bytes // (projected[0].nbytes + _FORM_BYTES)
                    room = max(room, len(needed) + n_more)
                    full, rows = rows, _Rows(_new_rows(room, projected))
                    if full.numbers:
                        full.copy_to(rows, needed, n_more)
                    self._rows = rows
                    del full  # and free its rows
                rows.append([some[place] for place in places], projected[places])
        return rows.projected, rows.find(forms)

    def clear(self) -> None:
        """Drop all forms."""
        self._rows = _Rows()


_caches: WeakSet[FormCache] = WeakSet()


def _free_locks() -> None:
    """Free locks that a thread of the parent may hold; a cache is sound at every moment."""
    for cache in _caches:
        cache._lock = Lock()


os.register_at_fork(after_in_child=_free_locks)
