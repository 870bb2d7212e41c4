"""Two systems compared on one test set, and scores by overlap of the test set with training."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, stdev

from kakehashi.scoring.score import Count, Score, Signature, Tally
from kakehashi.scoring.significance import (
    TRIALS,
    Interval,
    Significance,
    bootstrap_interval,
    permutation_test,
    randomization_test,
)
from kakehashi.sentence import Mention, Sentence, Span


@dataclass(frozen=True)
class SystemScores:
    """Mean F1 of the runs of a system, in percent, with its 95 % bootstrap interval."""

    f1: float
    deviation: float | None  # sample standard deviation; None for a single run
    interval: Interval
    runs: tuple[float, ...]  # F1 of each


@dataclass
class Delta:
    """Number of gold entities, and mean F1 of both systems on them, in percent."""

    gold: int
    first: float
    second: float
    points: float = field(init=False)  # F1 of the second minus F1 of the first
    relative: float | None = field(init=False)  # in percent of the first; None where that is 0

    def __post_init__(self) -> None:
        self.points = self.second - self.first
        self.relative = 100 * self.points / self.first if self.first else None


@dataclass(frozen=True)
class Comparison:
    """Two systems on one test set; the first is the baseline.

    The differences are over all entities and for each type, the most frequent first. ``models`` is
    the randomization test over sentences; ``method`` the permutation test over runs, None where
    both systems have but one.
    """

    first: SystemScores
    second: SystemScores
    total: Delta
    types: Mapping[str, Delta]
    models: Significance
    method: Significance | None
    signature: Signature

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON."""
        return asdict(self) | {"signature": str(self.signature)}


def compare_systems(
    first: Sequence[Score], second: Sequence[Score], *, trials: int = TRIALS, seed: int = 0
) -> Comparison:
    """Compare two systems by a score for each of their runs; the first is the baseline.

    Each test makes ``trials`` permutations, each interval resamples as many test sets. Raises
    ValueError if a system has no runs, or they are not all of one test set.
    """
    counts = [[score.counts.sentences for score in scores] for scores in (first, second)]
    sides = []
    for scores, runs in zip((first, second), counts, strict=True):
        f1s = tuple(score.f1 for score in scores)
        interval = bootstrap_interval(runs, trials=trials, seed=seed)
        deviation = stdev(f1s) if len(f1s) > 1 else None
        sides.append(SystemScores(fmean(f1s), deviation, interval, f1s))
    one, other = sides
    method = None
    if len(first) > 1 or len(second) > 1:
        method = permutation_test(one.runs, other.runs, trials=trials, seed=seed)
    facts = {"runs": f"{len(first)}+{len(second)}", "trials": trials, "seed": seed}
    return Comparison(
        first=one,
        second=other,
        total=Delta(first[0].counts.total.gold, one.f1, other.f1),
        types=_compare_types(first, second),
        models=randomization_test(*counts, trials=trials, seed=seed),
        method=method,
        signature=first[0].signature.extended(facts),
    )


def _compare_types(first: Sequence[Score], second: Sequence[Score]) -> dict[str, Delta]:
    """Compare each type that is in gold or was predicted by a run."""
    deltas, nothing = {}, Count(0, 0, 0)
    for name in {name for score in (*first, *second) for name in score.types}:
        one, other = ([s.types.get(name, nothing) for s in scores] for scores in (first, second))
        f1s = (fmean(count.f1 for count in counts) for counts in (one, other))
        deltas[name] = Delta(max(count.gold for count in one + other), *f1s)
    return dict(sorted(deltas.items(), key=lambda entry: (-entry[1].gold, entry[0])))


def known_values(train: Iterable[Sentence]) -> set[int]:
    """Return hashes of the values of a training set: type and text of each mention."""
    return {value_hash(mention) for sentence in train for mention in sentence.mentions}


def score_by_overlap(
    gold: Iterable[Sentence], predicted: Iterable[Sentence], known: Container[int]
) -> dict[str, Count]:
    """Count ``seen`` mentions, whose value is known (see `known_values`), and ``unseen`` ones.

    What a recognizer finds of the unseen it cannot have memorised. A correct prediction has the
    type and text of its gold mention, so no mention is correct in one part and wrong in the other:
    both add up to the counts of `score_sentences`.

    Example:
        >>> train = [Sentence("to Oslo", (Mention(3, 7, "LOC", "Oslo"),))]
        >>> gold = [*train, Sentence("to Rome", (Mention(3, 7, "LOC", "Rome"),))]
        >>> found = score_by_overlap(gold, [*train, Sentence("to Rome")], known_values(train))
        >>> found["seen"].recall, found["unseen"].recall
        (100.0, 0.0)
    """
    tallies = {"seen": Tally(), "unseen": Tally()}
    for sides in zip(gold, predicted, strict=True):
        for name, tally in tallies.items():
            spans = (
                [Span(m.start, m.end, m.type) for m in side.mentions
                 if (value_hash(m) in known) == (name == "seen")]
                for side in sides
            )  # fmt: skip
            tally.add_sentence(*spans)
    return {name: tally.counts().total for name, tally in tallies.items()}


def with_values(
    scores: Iterable[Score | None],
    sides: Iterable[tuple[Iterable[Sentence], Iterable[Sentence]]],
    known: Container[int],
) -> list[Score | None]:
    """Score each pair of gold and predicted sentences by whether training has the values, too."""
    return [
        score and replace(score, values=score_by_overlap(gold, found, known))
        for score, (gold, found) in zip(scores, sides, strict=True)
    ]


def value_hash(mention: Mention) -> int:
    """Hash the value of a mention: its type and text."""
    return hash((mention.type, mention.text))
