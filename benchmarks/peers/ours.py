"""kakehashi: training by its `Trainer`, tagging by its `Recognizer`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

from benchmarks.engine import encode_for, prepare_slice, prepare_whole, train_all
from benchmarks.peers.peer import ENCODED, FRESH, THREADS, TOKENS, Way
from benchmarks.place import Place
from kakehashi import __version__
from kakehashi.runtime.model_folder import read_model
from kakehashi.runtime.prediction import predict_spans
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.runtime.steps import DEFAULT_PRECISION, Precision
from kakehashi.sentence import Sentence, Span


class Ours:
    """Our recognizer; only its training loads torch.

    Args:
        place: The corpora and settings.
        tagging: Precision of its tagging.
        training: Precision of its training.
    """

    version = __version__

    def __init__(
        self,
        place: Place,
        *,
        tagging: Precision = DEFAULT_PRECISION,
        training: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        self._place, self._tagging, self._training = place, tagging, training
        self._folder: Path
        self._recognizer: Recognizer

    def learner(self) -> Callable[[], int]:
        """Prepare epochs of the trainer on the slice, batches included."""
        from kakehashi.training.initial import new_tagger
        from kakehashi.training.trainer import Trainer

        data = prepare_slice(self._place)
        settings = self._place.settings.training.model_copy(
            update={"epochs": 1, "precision": self._training}
        )
        tagger = new_tagger(data, self._place.settings.model, self._place.settings.vectors)

        def run() -> int:
            train_all(Trainer(tagger, data, settings))
            return len(data.train.forms)

        return run

    def fit(self, folder: Path, seed: int, epochs: int | None) -> None:
        """Train as `kakehashi train` does."""
        import torch

        from kakehashi.model.folder import Model, save_model
        from kakehashi.training.initial import new_tagger
        from kakehashi.training.trainer import Trainer

        settings = self._place.settings
        update = {"seed": seed, "epochs": epochs or settings.training.epochs}
        training = settings.training.model_copy(update=update | {"precision": self._training})
        data = prepare_whole(self._place)
        torch.manual_seed(seed)
        tagger = new_tagger(data, settings.model, settings.vectors)
        train_all(Trainer(tagger, data, training))
        save_model(folder, Model(settings.name, tagger, settings.text))

    def load(self, folder: Path) -> None:
        """Load the recognizer."""
        self._folder = folder
        self._recognizer = self._load()

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find spans."""
        return [each.project().spans for each in self._recognizer.annotate(sentences)]

    def ways(self) -> Mapping[str, Way]:
        """Give the ways of tagging, and the segmenter alone."""
        return {
            TOKENS: lambda sentences: partial(_finish, self._recognizer.annotate(sentences)),
            FRESH: lambda sentences: partial(_finish, self._load().annotate(sentences)),
            THREADS: lambda sentences: partial(_by_threads, self._recognizer, sentences),
            ENCODED: self._encoded,
            "raw text": lambda sentences: partial(
                _finish, self._recognizer.recognize([each.text for each in sentences])
            ),
            "segmenter alone": lambda sentences: partial(
                _finish, map(self._recognizer.segmenter.segment, [each.text for each in sentences])
            ),
        }

    def _load(self) -> Recognizer:
        return Recognizer.load(self._folder, precision=self._tagging)

    def _encoded(self, sentences: Sequence[Sentence]) -> Callable[[], object]:
        recognizer = self._recognizer
        corpus, features = encode_for(read_model(self._folder), sentences)
        parts = recognizer.network, recognizer.decoder
        return partial(predict_spans, *parts, corpus.offsets, corpus.forms, features)


def _by_threads(recognizer: Recognizer, sentences: Sequence[Sentence]) -> None:
    with ThreadPoolExecutor(2) as pool:
        halves = [sentences[start::2] for start in (0, 1)]
        list(pool.map(lambda half: _finish(recognizer.annotate(half)), halves))


def _finish(results: Iterator[object]) -> None:
    for _ in results:
        pass
