"""A score and the string that says how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kakehashi import __version__
from kakehashi.scoring.counts import Count, Counts

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
