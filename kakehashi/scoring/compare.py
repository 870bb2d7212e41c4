"""Two systems on one test set: how much better, for which types, and whether by chance.

Scores apart for what training has shown and what it has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import NamedTuple

from kakehashi.scoring.score import Count, Score, Signature, Tally
from kakehashi.scoring.significance import (
    TRIALS,
    Interval,
    Run,
    Significance,
    bootstrap_interval,
    permutation_test,
    randomization_test,
)
from kakehashi.sentence import Mention, Sentence, Span

_NOTHING = Count(0, 0, 0)


@dataclass(frozen=True)
class Side:
    """What one system reached.

    Attributes:
        f1s: F1 of every run, in percent.
        interval: 95 % of the means over runs that resampled test sets give.
    """

    f1s: tuple[float, ...]
    interval: Interval

    @property
    def mean(self) -> float:
        """Mean F1 of the runs."""
        return fmean(self.f1s)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of F1 over runs; None for a single one."""
        return stdev(self.f1s) if len(self.f1s) > 1 else None

    def to_dict(self) -> dict[str, object]:
        """List scores and interval by name, for JSON."""
        return {
            "f1": self.mean,
            "deviation": self.deviation,
            "interval": self.interval._asdict(),
            "runs": list(self.f1s),
        }


class Gain(NamedTuple):
    """Mean F1 of both sides, in percent, and how many gold entities it is of."""

    gold: int
    first: float
    second: float

    @property
    def points(self) -> float:
        """How much higher the second is."""
        return self.second - self.first

    @property
    def relative(self) -> float | None:
        """The same in percent of the first; None where that is 0."""
        return 100 * self.points / self.first if self.first else None

    def to_dict(self) -> dict[str, float | None]:
        """List scores and gains by name, for JSON."""
        return {**self._asdict(), "points": self.points, "relative": self.relative}


@dataclass(frozen=True)
class Contest:
    """Two systems compared.

    Attributes:
        first: The system to beat.
        second: The other.
        total: What the second gains over all entities.
        types: What it gains for each entity type, the most frequent first.
        models: The test that shuffles sentences.
        method: The test that shuffles runs; None where both sides have but one.
        signature: How the scores and the tests were made.
    """

    first: Side
    second: Side
    total: Gain
    types: Mapping[str, Gain]
    models: Significance
    method: Significance | None
    signature: Signature

    def to_dict(self) -> dict[str, object]:
        """List everything by name, for JSON."""
        return {
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "total": self.total.to_dict(),
            "types": {name: gain.to_dict() for name, gain in self.types.items()},
            "models": self.models.to_dict(),
            "method": self.method and self.method.to_dict(),
            "signature": str(self.signature),
        }


def hold_contest(
    first: Sequence[Score], second: Sequence[Score], *, trials: int = TRIALS, seed: int = 0
) -> Contest:
    """Compare the runs of two systems on one test set.

    Args:
        first: A score for each run of the system to beat.
        second: Those of the other.
        trials: How many shuffles, and how many resampled test sets.
        seed: Of both.

    Raises:
        ValueError: If a side has no runs, or they are not all of one test set.
    """
    sides = [_side(scores, trials, seed) for scores in (first, second)]
    f1s = [side.f1s for side in sides]
    several = max(map(len, f1s)) > 1
    facts = {"runs": f"{len(first)}+{len(second)}", "trials": trials, "seed": seed}
    return Contest(
        first=sides[0],
        second=sides[1],
        total=Gain(first[0].counts.total.gold, sides[0].mean, sides[1].mean),
        types=_gains(first, second),
        models=randomization_test(_counts(first), _counts(second), trials=trials, seed=seed),
        method=permutation_test(*f1s, trials=trials, seed=seed) if several else None,
        signature=first[0].signature.extended(facts),
    )


def _counts(scores: Sequence[Score]) -> list[Run]:
    return [score.counts.sentences for score in scores]


def _side(scores: Sequence[Score], trials: int, seed: int) -> Side:
    interval = bootstrap_interval(_counts(scores), trials=trials, seed=seed)
    return Side(tuple(score.f1 for score in scores), interval)


def _gains(first: Sequence[Score], second: Sequence[Score]) -> dict[str, Gain]:
    """Compare each type that is in gold or was predicted by a run."""
    gains = {}
    for name in {name for score in (*first, *second) for name in score.types}:
        found = [[score.types.get(name, _NOTHING) for score in side] for side in (first, second)]
        before, after = (fmean(count.f1 for count in counts) for counts in found)
        gains[name] = Gain(max(count.gold for counts in found for count in counts), before, after)
    return dict(sorted(gains.items(), key=lambda entry: (-entry[1].gold, entry[0])))


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
