"""All trackers, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kakehashi.config.reading import dotted
from kakehashi.errors import ConfigError
from kakehashi.tracking.mlflow import EXPERIMENT, URI, MlflowTracker
from kakehashi.tracking.tensorboard import TensorBoardTracker
from kakehashi.tracking.tracker import Tracker

TRACKING_VARIABLES = (URI, EXPERIMENT)
"""What of the environment says where trackings go."""

_TRACKERS: dict[str, Callable[[Path, Mapping[str, Any]], Tracker]] = {
    "mlflow": MlflowTracker,
    "tensorboard": TensorBoardTracker,
}


def open_trackers(names: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> list[Tracker]:
    """Make the trackers of a run; nothing is written or sent yet.

    Args:
        names: ``tensorboard``, ``mlflow``.
        folder: The run folder.
        settings: Of the run, as a tree.

    Raises:
        ConfigError: If there is no such tracker.
        MissingExtraError: If its library is not installed.
    """
    for name in names:
        if name not in _TRACKERS:
            known = ", ".join(_TRACKERS)
            raise ConfigError("track", f"there is no tracker '{name}'; there are {known}")
    flat = dict(dotted(settings))
    return [_TRACKERS[name](folder, flat) for name in dict.fromkeys(names)]


def check_trackers(names: Sequence[str], folder: Path) -> None:
    """Ask trackers whether they would take a run in this folder.

    Raises:
        ConfigError: If there is no such tracker.
        MissingExtraError: If its library is not installed.
        TrackingError: If it cannot be reached.
    """
    for tracker in open_trackers(names, folder, {}):
        tracker.check()
