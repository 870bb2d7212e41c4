"""Models as torch has them, in and out of model folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from kakehashi.config.segmenting import TextSettings
from kakehashi.model.tagger import Tagger
from kakehashi.runtime.model_folder import TrainedModel, read_model, write_model
from kakehashi.text.edges import EdgeRules
from kakehashi.text.segment import segmenter_of


@dataclass(frozen=True)
class Model:
    """A tagger with the text settings it was trained under."""

    name: str
    tagger: Tagger
    text: TextSettings
    edges: EdgeRules | None = None  # what mentions may begin and end with

    def trained(self) -> TrainedModel:
        """Return what a model folder holds of it; on a CPU the weights share memory."""
        tagger = self.tagger
        weights = {name: value.cpu().numpy() for name, value in tagger.state_dict().items()}
        return TrainedModel(
            self.name,
            tagger.settings,
            self.text,
            tagger.words,
            tagger.ngrams,
            tagger.tagset,
            weights,
            segmenter_of(self.text).signature,
            self.edges,
        )


def save_model(folder: Path, model: Model) -> None:
    """Write a model folder, whole or not at all."""
    write_model(folder, model.trained())


def load_model(path: str | Path) -> Model:
    """Load a model folder, or the model of a run folder, to train on; raises as `read_model`.

    To tag, `kakehashi.Recognizer` needs no torch.
    """
    return build_model(read_model(path))


def build_model(trained: TrainedModel) -> Model:
    """Build the tagger of what a model folder holds."""
    weights = {name: torch.from_numpy(array) for name, array in trained.weights.items()}
    n_compact = len(weights.get("word.vectors.scales", ()))
    parts = trained.settings, trained.words, trained.ngrams, trained.tagset, n_compact
    with torch.device("meta"):  # which takes no time to draw weights
        tagger = Tagger(*parts)
    tagger.load_state_dict(weights, assign=True)
    return Model(trained.name, tagger.eval(), trained.text, trained.edges)
