"""The baselines by name (`SystemName` of the settings), trained on the same tokens as we are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kakehashi.baselines.crfsuite import CRFsuite
from kakehashi.baselines.spacy import SpaCy
from kakehashi.sentence import Sentence, Span


class Baseline(Protocol):
    """A recognizer that learns from segmented sentences and finds spans of their tokens."""

    package: str  # the distribution that it needs, whose version is that of the baseline
    deterministic: bool  # it draws no random numbers, and the seed changes nothing

    def __init__(self, seed: int) -> None:
        """Import its library; `MissingExtraError` names an extra called like the baseline."""

    def fit(self, train: Sequence[Sentence], dev: Sequence[Sentence]) -> None:
        """Learn from sentences with mentions; ``dev`` is only what to choose by.

        Mentions that no tokens express are ignored.
        """

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find the entities of each sentence, in its tokens."""


BASELINES: dict[str, type[Baseline]] = {"crfsuite": CRFsuite, "spacy": SpaCy}
