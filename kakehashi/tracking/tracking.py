"""The trackers of a run: each is told what it has not got yet, and none can stop the training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from kakehashi.errors import TrackingError
from kakehashi.progress import Progress
from kakehashi.tracking.tracker import End, Tracker, epoch_scores, final_scores, signature_of

Epochs = Sequence[Mapping[str, Any]]


class Tracking:
    """Tells trackers how a run goes; use it in a ``with`` statement, which closes their records.

    A tracker that fails is warned of once and left alone. When the run is over it is asked once
    more, and gets all that it has missed.

    Args:
        trackers: Of this run.
        progress: Is warned.
    """

    def __init__(self, trackers: Sequence[Tracker] = (), progress: Progress | None = None) -> None:
        self._records = [_Record(tracker, progress or Progress()) for tracker in trackers]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        how: End = "finished"
        if kind is not None:
            how = "killed" if issubclass(kind, KeyboardInterrupt) else "failed"
        for record in self._records:
            record.end(how)

    def follow(self, epochs: Epochs) -> None:
        """Tell of a run with these epochs so far; none when it begins."""
        for record in self._records:
            record.follow(epochs)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Tell what the run gave."""
        for record in self._records:
            record.finish(result)


class _Record:
    """A tracker, and how much of the run it has."""

    def __init__(self, tracker: Tracker, progress: Progress) -> None:
        self._tracker, self._progress = tracker, progress
        self._epochs: int | None = None  # None: it has to be asked
        self._failed = False

    def follow(self, epochs: Epochs) -> None:
        if not self._failed:
            self._try(lambda: self._send(epochs))

    def finish(self, result: Mapping[str, Any]) -> None:
        self._try(lambda: self._send_all(result))

    def end(self, how: End) -> None:
        if self._epochs is not None:
            self._try(lambda: self._tracker.end(how))

    def _send(self, epochs: Epochs) -> None:
        if self._epochs is None:
            self._epochs = self._tracker.begin()
        for epoch in epochs[self._epochs :]:
            self._tracker.log(epoch_scores(epoch), epoch["number"])
            self._epochs = epoch["number"]

    def _send_all(self, result: Mapping[str, Any]) -> None:
        self._send(result["epochs"])
        self._tracker.log(final_scores(result), result["selection"]["epoch"])
        self._tracker.sign(signature_of(result))

    def _try(self, news: Callable[[], None]) -> None:
        try:
            news()
        except TrackingError as error:
            self._epochs = None  # what it took before it failed, only it can tell
            if not self._failed:
                later = f"training goes on, and {self._tracker.name} is asked again at its end"
                self._progress.warn(f"{error}; {later}")
            self._failed = True
