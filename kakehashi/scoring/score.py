"""What scores are made of: integers, per sentence and per entity type.

A score and the string that says how it was made.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi import __version__
from kakehashi.sentence import Span

GOLD, PREDICTED, CORRECT = range(3)


class Count(NamedTuple):
    """How many entities there are, were predicted, and are right; ratios in percent.

    A ratio over nothing is 0, as in conlleval.

    Example:
        >>> count = Count(gold=4, predicted=2, correct=1)
        >>> count.precision, count.recall, round(count.f1, 2)
        (50.0, 25.0, 33.33)
    """

    gold: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """How much of what was predicted is right."""
        return 100 * self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """How much of what is there was predicted."""
        return 100 * self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, by conlleval's formula to the last bit."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def to_dict(self) -> dict[str, float]:
        """List ratios and counts by name, for JSON."""
        ratios = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return ratios | self._asdict()


class TokenCount(NamedTuple):
    """How many tokens there are, and how many bear the right tag; accuracy in percent."""

    total: int
    correct: int

    @property
    def accuracy(self) -> float:
        """How many of the tags are right."""
        return 100 * self.correct / self.total if self.total else 0.0


@dataclass(frozen=True, eq=False)
class Counts:
    """The counts of a test set.

    Sentence and entity type are counted apart, not crossed: F1 over all types can be resampled from
    ``sentences``, and a corpus of millions with hundreds of types takes 12 bytes a sentence.

    Attributes:
        sentences: (sentences, 3) int32: gold, predicted, correct.
        types: The same three for each entity type over all sentences.
        tokens: Tags compared one by one; None where the two sides have no tokens in common.
    """

    sentences: npt.NDArray[np.int32]
    types: Mapping[str, Count]
    tokens: TokenCount | None = None

    @cached_property
    def total(self) -> Count:
        """The counts over all sentences and types."""
        return Count(*self.sentences.sum(axis=0, dtype=np.int64).tolist())


class Tally:
    """Count sentence after sentence, entity after entity."""

    def __init__(self) -> None:
        self._rows = array("i")
        self._types: dict[str, list[int]] = {}

    def open_sentence(self) -> None:
        """Begin the next sentence; what is counted from now on belongs to it."""
        self._rows.extend((0, 0, 0))

    def count(self, column: int, entity_type: str) -> None:
        """Count one entity as GOLD, PREDICTED or CORRECT."""
        self._rows[column - 3] += 1
        self._types.setdefault(entity_type, [0, 0, 0])[column] += 1

    def add_sentence(self, gold: Sequence[Span], predicted: Sequence[Span]) -> None:
        """Count a whole sentence; a span predicted twice can be right only once."""
        self.open_sentence()
        for span in gold:
            self.count(GOLD, span.type)
        for span in predicted:
            self.count(PREDICTED, span.type)
        for span in set(gold).intersection(predicted):
            self.count(CORRECT, span.type)

    def counts(self, tokens: TokenCount | None = None) -> Counts:
        """Close the tally."""
        rows = np.array(self._rows, dtype=np.int32).reshape(-1, 3)
        types = {name: Count(*count) for name, count in sorted(self._types.items())}
        return Counts(rows, types, tokens)


Variant = Literal["conlleval", "strict"]


@dataclass(frozen=True)
class Signature:
    """How a score was made, as one short string; two scores compare if all of it is equal.

    Attributes:
        variant: How tag sequences that break their scheme are read: ``conlleval`` repairs them,
            ``strict`` counts only well-formed entities and is lower.
        facts: What else the score depends on, in this order.

    Example:
        >>> str(Signature("strict", {"scheme": "bio"}).extended({"sentences": 980}))
        'kakehashi 0.1.0|strict|scheme:bio|sentences:980'
    """

    variant: Variant
    facts: Mapping[str, object] = field(default_factory=dict)

    def extended(self, facts: Mapping[str, object]) -> Signature:
        """Add facts, or put others in their place."""
        return replace(self, facts={**self.facts, **facts})

    def __str__(self) -> str:
        facts = (f"{key}:{value}".replace("|", "%7C") for key, value in self.facts.items())
        return "|".join((f"kakehashi {__version__}", self.variant, *facts))


@dataclass(frozen=True, eq=False)
class Score:
    """Precision, recall and F1 in percent, over all entities and per type.

    Attributes:
        counts: The integers behind it, per sentence, so that they can be resampled.
        signature: How it was made.
    """

    counts: Counts
    signature: Signature

    @property
    def precision(self) -> float:
        """How much of what was predicted is right, in percent."""
        return self.counts.total.precision

    @property
    def recall(self) -> float:
        """How much of what is there was predicted, in percent."""
        return self.counts.total.recall

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in percent."""
        return self.counts.total.f1

    @property
    def types(self) -> Mapping[str, Count]:
        """The same per entity type."""
        return self.counts.types

    def extended(self, facts: Mapping[str, object]) -> Score:
        """Add to the signature what only the caller knows, e.g. the type mapping or the seed."""
        return replace(self, signature=self.signature.extended(facts))

    def to_dict(self) -> dict[str, object]:
        """List ratios, counts, types and the signature by name, for JSON."""
        return {
            **self.counts.total.to_dict(),
            "types": {name: count.to_dict() for name, count in self.types.items()},
            "signature": str(self.signature),
        }
