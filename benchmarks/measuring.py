"""Time, memory, and what repeated measurements come to."""

from __future__ import annotations

import math
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

_Result = TypeVar("_Result")
_STATUS = Path("/proc/self/status")


class Taken(NamedTuple):
    """Seconds that something took, on the wall and of the processor, over all threads."""

    wall: float
    cpu: float


def timed(work: Callable[[], _Result]) -> tuple[_Result, Taken]:
    """Do something and take its time."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, Taken(time.perf_counter() - wall, time.process_time() - cpu)


class Spread(NamedTuple):
    """The median of some measurements, the least and the most of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Sum up at least one value.

        Example:
            >>> Spread.of([3, 1, 2])
            Spread(median=2, least=1, most=3)
        """
        return cls(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """Find the value that so many percent do not exceed.

    Example:
        >>> percentile([4, 1, 2, 3], 50), percentile([4, 1, 2, 3], 95)
        (2, 4)
    """
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def peak_memory() -> int:
    """Measure the most memory this process has had, in bytes.

    Linux counts into ``ru_maxrss`` what the parent had before it began this program; the high-water
    mark in ``/proc`` is the program's own.
    """
    unit = 1 if sys.platform == "darwin" else 1024
    own = _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit if own is None else own


def private_memory() -> float:
    """Measure the memory that no file backs, in bytes; not a number where nobody counts it."""
    anonymous = _status("RssAnon")
    return math.nan if anonymous is None else anonymous


def _status(key: str) -> int | None:
    if not _STATUS.exists():
        return None
    lines = (line.split() for line in _STATUS.read_text(encoding="ascii").splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[0] == f"{key}:"), None)


def children_cpu() -> float:
    """Measure the processor's seconds of all processes that this one started and that are over."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
