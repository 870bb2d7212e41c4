"""The baselines by name (`SystemName` of the settings), trained on the same tokens as we are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Protocol

from kakehashi.baselines.crfsuite import CRFsuite
from kakehashi.baselines.spacy import SpaCy
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence, Span


class Baseline(Protocol):
    """A recognizer that learns from segmented sentences and finds spans of their tokens."""

    package: str  # the distribution that it needs
    revision: str  # of how we train it, empty at first; joined to the version of the package
    deterministic: bool  # it draws no random numbers, and the seed changes nothing

    def __init__(self, seed: int) -> None:
        """Import its library; `MissingExtraError` names an extra called like the baseline."""

    @property
    def model(self) -> bytes:
        """What it has learned, in its library's format; empty if it is not kept."""

    @property
    def chosen(self) -> Mapping[str, float]:
        """What `fit` chose by the development sentences; empty if it chooses nothing so."""

    @property
    def tried(self) -> Sequence[Mapping[str, float]]:
        """The choices in the order tried, with the F1 of each on the development set as ``dev``."""

    def fit(
        self, train: Sequence[Sentence], dev: Sequence[Sentence], progress: Progress | None = None
    ) -> None:
        """Learn from sentences with mentions; ``dev`` is only what to choose by.

        Mentions that no tokens express are ignored.
        """

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find the entities of each sentence, in its tokens."""


BASELINES: dict[str, type[Baseline]] = {"crfsuite": CRFsuite, "spacy": SpaCy}


def version_of(name: str) -> str:
    """Return the version of a baseline's package and our revision of it, as ``0.9.12+tuned``.

    Raises a PackageNotFoundError without the package.
    """
    baseline = BASELINES[name]
    return "+".join(filter(None, (version(baseline.package), baseline.revision)))
