"""Progress of long work: bars for people, silence for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

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


class ProgressBars(Progress):
    """Shows bars of long work on stderr, and lines; only lines where nobody looks."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    @property
    def watched(self) -> bool:
        """Whether there is a terminal or a notebook, and so somebody who looks."""
        return self._console.is_terminal or self._console.is_jupyter

    def bars(self) -> Bars:
        """Make bars, which are hidden where nobody looks."""
        from rich import progress as rich_progress

        return rich_progress.Progress(
            rich_progress.SpinnerColumn(),
            rich_progress.TextColumn("{task.description}", markup=False),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TimeElapsedColumn(),
            rich_progress.TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self.watched,
        )

    def track(self, items: Iterable[_T], label: str, total: int | None = None) -> Iterator[_T]:
        """Yield the items, moving the bar."""
        with self.bars() as bars:
            yield from bars.track(items, total=total, description=label)

    def say(self, line: str) -> None:
        """Print one line."""
        self._console.print(line, markup=False, emoji=False, soft_wrap=True)


def default_progress() -> Progress:
    """Return bars in a terminal or a notebook, silence elsewhere."""
    bars = ProgressBars()
    return bars if bars.watched else Progress()
