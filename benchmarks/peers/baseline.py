"""The idiomatic PyTorch version of our model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch

from benchmarks.baseline import BaselineModel, BaselineTraining, tag
from benchmarks.engine import encode_for, prepare_slice, prepare_whole
from benchmarks.peers.peer import ENCODED, TOKENS, Way
from benchmarks.place import Place
from kakehashi.config.settings import TrainingSettings
from kakehashi.data.dataset import Dataset
from kakehashi.model.folder import Model, load_model, save_model
from kakehashi.sentence import Sentence, Span
from kakehashi.training.initial import new_tagger


class Baseline:
    """The baseline; its model folders are ours, so that each can tag with the other's weights.

    Args:
        place: The corpora and settings.
    """

    version = f"torch {torch.__version__}"

    def __init__(self, place: Place) -> None:
        self._place = place
        self._model: BaselineModel
        self._source: Model

    def learner(self) -> Callable[[], int]:
        """Prepare epochs on the slice."""
        data = prepare_slice(self._place)
        training = self._training(data, self._place.settings.training)

        def run() -> int:
            training.run_epoch()
            return len(data.train.forms)

        return run

    def fit(self, folder: Path, seed: int, epochs: int | None) -> None:
        """Train on the whole training set."""
        settings = self._place.settings
        update = {"seed": seed, "epochs": epochs or settings.training.epochs}
        data = prepare_whole(self._place)
        training = self._training(data, settings.training.model_copy(update=update))
        tagger = new_tagger(data, settings.model)
        training.run().copy_to(tagger)
        save_model(folder, Model(settings.name, tagger, settings.text))

    def _training(self, data: Dataset, settings: TrainingSettings) -> BaselineTraining:
        torch.manual_seed(settings.seed)
        return BaselineTraining(new_tagger(data, self._place.settings.model), data, settings)

    def load(self, folder: Path) -> None:
        """Load a model folder, and take its weights."""
        self._source = load_model(folder)
        self._model = BaselineModel.from_tagger(self._source.tagger)

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Look up the features of the sentences, and tag them."""
        return self._encoded(sentences)()

    def ways(self) -> Mapping[str, Way]:
        """Give the ways of tagging."""
        return {
            TOKENS: lambda sentences: partial(self.tag, sentences),
            ENCODED: self._encoded,
        }

    def _encoded(self, sentences: Sequence[Sentence]) -> Callable[[], list[tuple[Span, ...]]]:
        tagger = self._source.tagger
        corpus, features = encode_for(tagger, sentences)
        return partial(tag, self._model, tagger.tagset, corpus.forms, corpus.offsets, features)
