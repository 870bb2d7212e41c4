"""The demonstration: transfer on generated data."""

from __future__ import annotations

from pathlib import Path

from kakehashi.config.reading import read_settings
from kakehashi.config.teaching import TransferSettings
from kakehashi.progress import Progress
from kakehashi.training.train import train


def train_demo(folder: Path, seed: int = 1, progress: Progress | None = None) -> list[Path]:
    """Train on generated data: English; Japanese from scratch; Japanese from the English one.

    Returns their run folders. One that is finished already is taken as it is.
    """
    folders = [folder / f"{name}-seed{seed}" for name in ("english", "scratch", "transfer")]
    for place, language in zip(folders, ("en", "ja", "ja"), strict=True):
        settings = read_settings(f"demo-{language}", [f"training.seed={seed}"])
        if place == folders[-1]:
            transfer = TransferSettings(source=str(folders[0]), groups=("char", "dense"))
            settings = settings.model_copy(update={"transfer": transfer})
        if progress is not None:
            progress.say(f"training {place}")
        train(settings, place, progress)
    return folders
