"""TensorBoard: event files in the run folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kakehashi.errors import TrackingError
from kakehashi.extras import require
from kakehashi.tracking.tracker import End


class TensorBoardTracker:
    """Event files of one run, in its folder ``tensorboard``.

    Args:
        folder: The run folder.
        settings: Of the run, by their dotted names.

    Raises:
        MissingExtraError: If TensorBoard is not installed.
    """

    name = "tensorboard"

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        require("tensorboard", self.name)
        self._folder, self._settings = folder / self.name, settings
        self._writer: Any = None

    def check(self) -> None:
        """Do nothing: who can write a run folder can write this."""

    def begin(self) -> int:
        """Open a new file beside those of earlier starts; see `Tracker.begin`."""
        with self._reported():
            self._folder.mkdir(parents=True, exist_ok=True)
            epoch = _last_epoch(self._folder)
            self._writer = require("torch.utils.tensorboard", self.name).SummaryWriter(
                str(self._folder)
            )
            if not epoch:
                self._write_settings()
        return epoch

    def log(self, scores: Mapping[str, float], epoch: int) -> None:
        """Write scores; see `Tracker.log`."""
        with self._reported():
            for name, score in scores.items():
                self._writer.add_scalar(name, score, epoch)
            self._writer.flush()

    def sign(self, signature: str) -> None:
        """Write the signature as text."""
        with self._reported():
            self._writer.add_text("signature", signature)

    def end(self, how: End) -> None:
        """Close the file."""
        with self._reported():
            self._writer.close()

    def _write_settings(self) -> None:
        """Write the settings as hyperparameters, beside the scores that they lead to.

        `SummaryWriter.add_hparams` would make another run of them.
        """
        summary = require("torch.utils.tensorboard.summary", self.name)
        values = {
            name: "none" if value is None else value for name, value in self._settings.items()
        }
        experiment, start, _ = summary.hparams(values, {"dev/f1": 0, "test/f1": 0})
        for event in (experiment, start):
            self._writer.file_writer.add_summary(event)
        self._writer.flush()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            problem = error.strerror or str(error)
            raise TrackingError(f"{self._folder} cannot be written to ({problem})") from None


def _last_epoch(folder: Path) -> int:
    """Read off the event files how many epochs they have; 0 if there are none."""
    events = require("tensorboard.backend.event_processing.event_accumulator", "tensorboard")
    found = events.EventAccumulator(str(folder), size_guidance={events.SCALARS: 0}).Reload()
    if "epoch/seconds" not in found.Tags()[events.SCALARS]:
        return 0
    return max(int(event.step) for event in found.Scalars("epoch/seconds"))
