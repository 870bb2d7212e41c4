"""Progress of long work. The library is silent; the command line shows bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

_T = TypeVar("_T")


class Progress:
    """Silent; subclasses show what they are told."""

    def track(self, items: Iterable[_T], label: str, total: int | None = None) -> Iterator[_T]:
        """Yield items, counting them."""
        yield from items

    def say(self, line: str) -> None:
        """Report one line."""

    def warn(self, line: str) -> None:
        """Report a problem that stops nothing, in one line."""
        self.say(f"warning: {line}")
