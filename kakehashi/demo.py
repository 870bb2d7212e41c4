"""The whole story on generated data: an English recognizer lifts a Japanese one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from kakehashi.config.reading import read_settings
from kakehashi.config.settings import RunSettings, TransferSettings
from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence
from kakehashi.training.run import load_result
from kakehashi.training.train import train

_N_EXAMPLES = 5
_TITLES = {
    "english": "Source: English",
    "scratch": "Japanese from scratch",
    "transfer": "Japanese with transfer (MOM, char+dense)",
}


@dataclass(frozen=True)
class DemoRun:
    """One of the three trainings."""

    title: str
    folder: Path
    result: dict[str, Any]

    @property
    def f1(self) -> float:
        """F1 on the test set, in percent."""
        return float(self.result["test"]["f1"])


@dataclass(frozen=True)
class DemoReport:
    """What the demo shows.

    Attributes:
        english: The source.
        scratch: The target from random weights.
        transfer: The target from the source's character and dense layers.
        examples: Test sentences as the transferred model reads them.
    """

    english: DemoRun
    scratch: DemoRun
    transfer: DemoRun
    examples: tuple[Sentence, ...]

    @property
    def gain(self) -> float:
        """Points of F1 that transfer adds."""
        return self.transfer.f1 - self.scratch.f1

    def to_dict(self) -> dict[str, object]:
        """Give the figures as JSON takes them."""
        runs = {"english": self.english, "scratch": self.scratch, "transfer": self.transfer}
        return {
            **{name: {"folder": str(run.folder), "f1": run.f1} for name, run in runs.items()},
            "gain": self.gain,
            "transferred": self.transfer.result["transfer"],
        }


def run_demo(folder: Path, seed: int = 1, progress: Progress | None = None) -> DemoReport:
    """Train the three models below a folder, or take those that are there already.

    Args:
        folder: Where the runs go.
        seed: Seed of all three trainings.
        progress: Is told how far it is.
    """
    progress = progress or Progress()

    def run(part: str, settings: RunSettings) -> DemoRun:
        place = folder / f"{part}-seed{seed}"
        progress.say(_TITLES[part])
        train(settings, place, progress)
        return DemoRun(_TITLES[part], place, load_result(place))

    english = run("english", _settings("en", seed))
    japanese = _settings("ja", seed)
    scratch = run("scratch", japanese)
    transfer = TransferSettings(source=str(english.folder), groups=("char", "dense"))
    lifted = run("transfer", japanese.model_copy(update={"transfer": transfer}))
    found = read_jsonl(lifted.folder / "predictions.jsonl")
    examples = islice((sentence for sentence in found if len(sentence.mentions) > 1), _N_EXAMPLES)
    return DemoReport(english, scratch, lifted, tuple(examples))


def _settings(language: str, seed: int) -> RunSettings:
    return read_settings(f"demo-{language}", [f"training.seed={seed}"])
