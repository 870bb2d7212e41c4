"""What a training gave, whichever system was trained."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from kakehashi import __version__
from kakehashi.config.settings import RunSettings
from kakehashi.data.prepared import Prepared
from kakehashi.scoring.score import Score


@dataclass(frozen=True)
class Result:
    """The scores of a training and how they came about.

    Attributes:
        settings: What was trained, on what, and how.
        data: The corpora.
        version: Of the system, or of the library behind it.
        facts: What the scores depend on beside the corpus, for their signature.
        dev: On the development set; None if there is none.
        test: On the test set; None if there is none.
        selection: By what the best epoch was chosen, and its number.
        epochs: What each epoch gave; a system that shows us none has one.
        transfer: What was copied from a source.
        processes: How many trained together.
    """

    settings: RunSettings
    data: Prepared
    version: str
    facts: Mapping[str, object]
    dev: Score | None
    test: Score | None
    selection: Mapping[str, object]
    epochs: Sequence[Mapping[str, Any]]
    transfer: Mapping[str, object] | None = None
    processes: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Gather it all as JSON takes it."""
        settings = self.settings
        corpus = {"corpus": settings.name, "mapping": settings.corpus.mapping or "none"}
        scores = {
            part: score.extended({**corpus, **self.facts}).to_dict() if score is not None else None
            for part, score in (("dev", self.dev), ("test", self.test))
        }
        return {
            "name": settings.name,
            "kakehashi": __version__,
            "system": {"name": settings.system, "version": self.version},
            **scores,
            "selection": self.selection,
            "epochs": self.epochs,
            "transfer": self.transfer,
            "corpus": self.data.summary(),
            "settings": settings.model_dump(mode="json"),
            "machine": {**_machine(), "processes": self.processes},
        }


def _machine() -> dict[str, object]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
