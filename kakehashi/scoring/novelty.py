"""Scores apart for what training has shown and what it has not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kakehashi.scoring.counts import Count, Tally
from kakehashi.sentence import Mention, Sentence, Span


class NoveltyScore(NamedTuple):
    """The mentions of a test set in two parts, gold and predicted alike.

    Attributes:
        seen: Those whose type and text some training sentence has.
        unseen: The others; what a recognizer finds of them it cannot have memorised.
    """

    seen: Count
    unseen: Count

    def to_dict(self) -> dict[str, dict[str, float]]:
        """List ratios and counts of both, for JSON."""
        return {name: count.to_dict() for name, count in self._asdict().items()}


def score_by_novelty(
    gold: Iterable[Sentence], predicted: Iterable[Sentence], train: Iterable[Sentence]
) -> NoveltyScore:
    """Score mentions that training has shown apart from those it has not.

    A right prediction has the type and text of its gold mention, so no mention is right in one part
    and wrong in the other: the counts of both parts add up to those of `score_sentences`.

    Args:
        gold: Sentences with the true mentions.
        predicted: The same sentences with those found.
        train: What the recognizer was trained on; of its values only hashes are kept.

    Example:
        >>> train = [Sentence("to Oslo", (Mention(3, 7, "LOC", "Oslo"),))]
        >>> gold = [*train, Sentence("to Rome", (Mention(3, 7, "LOC", "Rome"),))]
        >>> found = score_by_novelty(gold, [*train, Sentence("to Rome")], train)
        >>> found.seen.recall, found.unseen.recall
        (100.0, 0.0)
    """
    values = {_value(mention) for sentence in train for mention in sentence.mentions}
    seen, unseen = Tally(), Tally()
    for sides in zip(gold, predicted, strict=True):
        seen.add_sentence(*(_spans(side, values, known=True) for side in sides))
        unseen.add_sentence(*(_spans(side, values, known=False) for side in sides))
    return NoveltyScore(seen.counts().total, unseen.counts().total)


def _value(mention: Mention) -> int:
    return hash((mention.type, mention.text))


def _spans(sentence: Sentence, values: set[int], *, known: bool) -> list[Span]:
    return [
        Span(mention.start, mention.end, mention.type)
        for mention in sentence.mentions
        if (_value(mention) in values) == known
    ]
