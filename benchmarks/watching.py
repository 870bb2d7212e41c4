"""The memory of a process and of all that it starts, watched from outside."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

_PROC = Path("/proc")
_PAUSE = 0.05
"""Seconds between two looks."""


class Memory(NamedTuple):
    """Bytes of one or more processes.

    Attributes:
        resident: All that they have in memory. What several of them share, as code and mapped
            files, counts for each, so that the sum is never less than what they take together.
        private: What no file backs.
    """

    resident: float
    private: float


class Watched:
    """Looks at a process and its descendants until the ``with`` block is left.

    Args:
        process: Its number.
    """

    def __init__(self, process: int) -> None:
        self._process = process
        self._looks: list[Memory] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    @property
    def most(self) -> Memory:
        """The most that was seen of each; not a number where nobody counts it."""
        if not self._looks:
            return Memory(math.nan, math.nan)
        return Memory(*map(max, zip(*self._looks, strict=True)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while _PROC.exists():
            parts = [memory_of(number) for number in _family(self._process)]
            self._looks.append(Memory(*map(sum, zip(*parts, strict=True))))
            if self._over.wait(_PAUSE):
                return


def _family(process: int) -> Iterator[int]:
    """Number a process and its descendants; one that ends meanwhile is left out."""
    yield process
    for file in _PROC.glob(f"{process}/task/*/children"):
        for child in _read(file).split():
            yield from _family(int(child))


def memory_of(process: int) -> Memory:
    """Look at one process; nothing of one that is over."""
    fields = dict(
        line.split(":", 1) for line in _read(_PROC / str(process) / "status").splitlines()
    )
    resident, private = (
        1024 * int(fields.get(name, "0").split()[0]) for name in ("VmRSS", "RssAnon")
    )
    return Memory(resident, private)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""
