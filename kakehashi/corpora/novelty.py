"""How often a corpus repeats itself, and how much of a test set training has shown already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import log
from statistics import linear_regression
from typing import Any

from kakehashi.sentence import Sentence


@dataclass(frozen=True)
class Novelty:
    """What is new in a corpus and in its test set.

    Attributes:
        sentences: How many to train on.
        distinct: Share of them that are left when each text counts once, in percent.
        types: Mentions per entity type, the most frequent first.
        test_sentences: How many to test on.
        unseen_values: Share of the test mentions whose type and text no training sentence has, in
            percent.
        seen_sentences: Share of the test sentences that stand in training as they are, in percent.
    """

    sentences: int
    distinct: float
    types: dict[str, int]
    test_sentences: int
    unseen_values: float
    seen_sentences: float

    @property
    def slope(self) -> float:
        """Slope of frequency against rank in log-log scale; Zipf's law is a straight line."""
        ranks = [log(rank) for rank in range(1, len(self.types) + 1)]
        return linear_regression(ranks, [log(count) for count in self.types.values()]).slope

    def to_dict(self) -> dict[str, Any]:
        """Give the figures as JSON takes them."""
        return asdict(self) | {"slope": self.slope}


def measure_novelty(train: Iterable[Sentence], test: Iterable[Sentence]) -> Novelty:
    """Read both sets once; of texts and values only hashes are kept.

    Example:
        >>> from kakehashi.sentence import Mention
        >>> sentences = [Sentence(f"to {city}", (Mention(3, 7, "LOC", city),))
        ...              for city in ("Oslo", "Rome", "Bern")]
        >>> found = measure_novelty([*sentences[:2], sentences[0]], sentences[1:])
        >>> round(found.distinct), found.unseen_values, found.seen_sentences
        (67, 50.0, 50.0)
    """
    types: Counter[str] = Counter()
    texts: set[int] = set()
    values: set[int] = set()
    n_train = 0
    for sentence in train:
        n_train += 1
        texts.add(hash(sentence.text))
        for mention in sentence.mentions:
            types[mention.type] += 1
            values.add(hash((mention.type, mention.text)))
    n_test = n_seen = n_mentions = n_unseen = 0
    for sentence in test:
        n_test += 1
        n_seen += hash(sentence.text) in texts
        n_mentions += len(sentence.mentions)
        n_unseen += sum(hash((m.type, m.text)) not in values for m in sentence.mentions)
    return Novelty(
        sentences=n_train,
        distinct=_percent(len(texts), n_train),
        types=dict(types.most_common()),
        test_sentences=n_test,
        unseen_values=_percent(n_unseen, n_mentions),
        seen_sentences=_percent(n_seen, n_test),
    )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
