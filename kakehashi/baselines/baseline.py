"""The baselines by name: recognizers that are not ours, trained on the same tokens.

To add one, write a class here beside, and name it in `BASELINES` and in
`kakehashi.config.settings.SystemName`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kakehashi.baselines.crfsuite import CRFsuite
from kakehashi.baselines.spacy import SpaCy
from kakehashi.sentence import Sentence, Span


class Baseline(Protocol):
    """A recognizer that learns from segmented sentences and finds spans of their tokens.

    Raises:
        MissingExtraError: If its library is not installed; the extra has the name of the baseline.

    Attributes:
        package: The distribution that it needs; its version is the version of the baseline.
        deterministic: Whether it draws no random numbers, and the seed changes nothing.
    """

    package: str
    deterministic: bool

    def __init__(self, seed: int) -> None: ...

    def fit(self, train: Sequence[Sentence], dev: Sequence[Sentence]) -> None:
        """Learn from sentences with mentions; those that no tokens express are ignored.

        Args:
            train: What to learn from.
            dev: What to choose by; nothing is learnt from it.
        """

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find the entities of each sentence, in its tokens."""


BASELINES: dict[str, type[Baseline]] = {"crfsuite": CRFsuite, "spacy": SpaCy}
