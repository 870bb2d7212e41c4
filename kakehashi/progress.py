"""How long work tells how far it is. The library is silent; the command line shows bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


class Progress:
    """Says nothing. Give one of your own to be told."""

    def track(
        self, items: Iterable[_Item], label: str, total: int | None = None
    ) -> Iterator[_Item]:
        """Pass items on, and count them."""
        yield from items

    def say(self, line: str) -> None:
        """Take one line of news."""

    def warn(self, line: str) -> None:
        """Take one line about what is wrong, but stops nothing."""
        self.say(f"warning: {line}")
