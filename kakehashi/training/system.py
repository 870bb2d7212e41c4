"""One training of a recognizer that is not ours, scored as ours is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from kakehashi.config.settings import RunSettings
from kakehashi.data.dataset import prepare
from kakehashi.data.encode import EncodedCorpus
from kakehashi.scoring.score import Score, score_spans
from kakehashi.sentence import Sentence, Span, mentions_from_spans
from kakehashi.training.run import Result


class System(Protocol):
    """A recognizer that learns from segmented sentences and finds spans of their tokens.

    Attributes:
        name: As the settings name it.
        version: Of the library behind it.
        deterministic: Whether it draws no random numbers.
    """

    name: str
    version: str
    deterministic: bool

    def fit(self, train: Sequence[Sentence], dev: Sequence[Sentence]) -> None:
        """Learn from sentences with mentions; those that no tokens express are passed over.

        Args:
            train: What to learn from.
            dev: What to choose by; nothing is learnt from it.
        """

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find the entities of each sentence, in its tokens."""


class Texts(NamedTuple):
    """Segmented corpora in memory."""

    train: list[Sentence]
    dev: list[Sentence]
    test: list[Sentence]


def train_system(
    system: System, settings: RunSettings, texts: Texts, segmenter: str
) -> tuple[Result, list[Sentence]]:
    """Train a system and score it.

    To us its training is one epoch, and what it chose by the development set is its own affair.

    Args:
        system: Is trained.
        settings: Of the run.
        texts: The corpora.
        segmenter: Signature of the segmenter.

    Returns:
        The result, and the test sentences as the system reads them.

    Raises:
        ConfigError: If the training set holds no entity.
    """
    data = prepare(*texts, settings.model)
    began = time.perf_counter()
    system.fit(texts.train, texts.dev)
    seconds = time.perf_counter() - began
    found = system.tag(texts.test)
    dev, test = _score(data.dev, system.tag(texts.dev)), _score(data.test, found)
    seed = {} if system.deterministic else {"seed": settings.training.seed}
    kept = test.f1 if settings.training.test_epochs and test is not None else None
    epoch = {"number": 1, "loss": None, "seconds": seconds, "dev": dev and dev.f1, "test": kept}
    result = Result(
        settings=settings,
        data=data,
        version=system.version,
        facts={"text": segmenter, "system": f"{system.name} {system.version}", **seed},
        dev=dev,
        test=test,
        selection={"by": "dev" if texts.dev else "last", "epoch": 1},
        epochs=[epoch],
    )
    return result, [_with(spans, of) for of, spans in zip(texts.test, found, strict=True)]


def _score(corpus: EncodedCorpus, found: Sequence[Sequence[Span]]) -> Score | None:
    return score_spans(corpus.spans, found, lost=corpus.lost) if len(corpus) else None


def _with(spans: Sequence[Span], sentence: Sentence) -> Sentence:
    mentions = mentions_from_spans(sentence.text, sentence.tokens or (), spans)
    return replace(sentence, mentions=mentions)
