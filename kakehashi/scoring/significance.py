"""The arithmetic of approximate randomization: counts that change sides, and what F1 becomes.

A run is an array (sentences, 3) of gold, predicted and correct. Of a whole test set only the
sentences matter in which two runs differ, and of a shuffle only the sums over those swapped.

Is a difference in F1 more than chance? Two tests, a correction, and an interval.

The two tests make different claims. Approximate randomization (Noreen 1989; Yeh 2000) shuffles
sentences: it speaks of these trained models, and what they would do on other sentences. The
permutation of run labels shuffles runs: it speaks of the methods, trained with other seeds. With
the seed noise of real training and no true difference, the first rejects at level .05 in about one
case of five, the second in one of twenty; a gain deserves a mark where both reject.

All work on counts per sentence, `kakehashi.scoring.score.Counts.sentences`, one array a run. F1 is
in percent, differences are second minus first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, product
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.scoring.score import GOLD, PREDICTED, Count

Run = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

_COINS = 1 << 22  # thrown at once


def check_runs(runs: Sequence[Run]) -> None:
    """Make sure that all runs are of one test set.

    Raises:
        ValueError: If they have other gold entities, or no sentences.
    """
    for number, run in enumerate(runs, 1):
        if not len(run):
            raise ValueError(f"run {number} has no sentences")
        if not np.array_equal(run[:, GOLD], runs[0][:, GOLD]):
            raise ValueError(f"runs 1 and {number} differ in gold: they are of other test sets")


def disputed(runs: Sequence[Run]) -> Floats:
    """Give predicted and correct of every run where any two differ: (sentences, 2 · runs)."""
    differs = np.zeros(len(runs[0]), dtype=np.bool_)
    for run in runs[1:]:
        differs |= (run != runs[0]).any(axis=1)
    return np.hstack([run[differs, PREDICTED:] for run in runs]).astype(np.float64)


def every_swap(rows: Floats) -> Floats:
    """Sum the swapped rows for every way to swap: (2 ** rows, columns)."""
    ways = np.arange(1 << len(rows))[:, None] >> np.arange(len(rows)) & 1
    return ways.astype(np.float64) @ rows


def random_swaps(rows: Floats, trials: int, seed: int) -> Floats:
    """Sum the rows whose coin says to swap: (trials, columns); memory is flat in their number."""
    rng = np.random.default_rng(seed)
    moved = np.zeros((trials, rows.shape[1]))
    step = max(8, _COINS // trials)
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        bits = rng.integers(0, 256, (trials, -(-len(block) // 8)), dtype=np.uint8)
        moved += np.unpackbits(bits, axis=1, count=len(block)).astype(np.float64) @ block
    return moved


def differences(runs: Sequence[Run], n_first: int, moved: Floats) -> Floats:
    """Subtract mean F1, second minus first, for each trial once ``moved`` has changed sides.

    A shuffled side answers some sentences as a run of the first does, the others as a run of the
    second; its mean is taken over all pairs of such runs.

    Args:
        runs: Those of the first side, then those of the second.
        n_first: How many are of the first.
        moved: What is swapped: (trials, 2 · runs), predicted and correct of each run.
    """
    gold = runs[0][:, GOLD].sum(dtype=np.int64)
    totals = np.stack([run[:, PREDICTED:].sum(axis=0, dtype=np.float64) for run in runs])
    changed = moved.reshape(len(moved), len(runs), 2)
    kept = totals - changed
    pairs = list(product(range(n_first), range(n_first, len(runs))))
    sums = np.zeros(len(moved))
    for one, other in pairs:
        sums += f1_from_counts(gold, kept[:, other] + changed[:, one])
        sums -= f1_from_counts(gold, kept[:, one] + changed[:, other])
    return sums / len(pairs)


def f1_from_counts(gold: np.int64 | Floats, answers: Floats) -> Floats:
    """Compute F1 in percent from answers (…, 2): predicted, correct; nothing of nothing is 0."""
    scores: Floats = 200 * answers[..., 1] / np.maximum(gold + answers[..., 0], 1)
    return scores


TRIALS = 10_000
THESE_MODELS = "these trained models on this test set"
THE_METHOD = "the method, trained with other seeds"

# In points of F1. A shuffle that gives back what was observed must not fall short by rounding: then
# a system would differ significantly from itself.
_TOLERANCE = 1e-10
_DRAWS = 1 << 22  # at once


@dataclass(frozen=True)
class Significance:
    """What a test says of the difference between two systems.

    Attributes:
        p: How often chance alone makes a difference as large, in either direction.
        difference: Mean F1 of the second minus that of the first, in points.
        trials: How many shuffles it was compared with.
        exact: Those are all there are. Otherwise they are random, and the observed one counts among
            them, so that p is never below 1 / (trials + 1).
        seed: Of the random shuffles.
        claim: What a small p is evidence of.
    """

    p: float
    difference: float
    trials: int
    exact: bool
    seed: int
    claim: str

    @property
    def shuffles(self) -> str:
        """Say how many there were, and how they were chosen."""
        if self.exact:
            return f"all {self.trials:,}"
        return f"{self.trials:,} random, seed {self.seed}"

    def __str__(self) -> str:
        return f"p = {self.p:.4f} (shuffles: {self.shuffles}): {self.claim}"

    def to_dict(self) -> dict[str, object]:
        """List everything by name, for JSON."""
        return asdict(self)


class Interval(NamedTuple):
    """The range in which resampled test sets leave F1, in percent."""

    low: float
    high: float


def run_f1(run: Run) -> float:
    """Score one run, in percent.

    Example:
        >>> run_f1(np.array([[1, 1, 1], [1, 0, 0]], dtype=np.int32))
        66.66666666666667
    """
    return Count(*run.sum(axis=0, dtype=np.int64).tolist()).f1


def randomization_test(
    first: Sequence[Run], second: Sequence[Run], *, trials: int = TRIALS, seed: int = 0
) -> Significance:
    """Test by approximate randomization whether these models differ in mean F1 on this test set.

    One coin per sentence and trial swaps the answers of the two systems, of all their runs at once.
    A shuffled system then answers some sentences as a run of the first does, the others as a run of
    the second; its mean F1 is taken over every pair of such runs. So the order of the runs does not
    matter, their numbers may differ, and a single run of a system without a seed can stand against
    several. Where there are no more than ``trials`` ways to swap, all are tried instead.

    Args:
        first: Counts (sentences, 3) of each run of one system.
        second: Those of the other system.
        trials: How often to shuffle.
        seed: Of the coins.

    Raises:
        ValueError: If a side has no runs, or they are not all of one test set.

    Example:
        >>> right, wrong = np.array([[1, 1, 1]] * 5), np.array([[1, 1, 0]] * 5)
        >>> print(randomization_test([wrong], [right]))
        p = 0.0625 (shuffles: all 32): these trained models on this test set
    """
    _check(trials, first, second)
    runs = [*first, *second]
    check_runs(runs)
    rows = disputed(runs)
    exact = len(rows) < trials.bit_length()  # 2 ** len(rows) <= trials
    swapped = every_swap(rows) if exact else random_swaps(rows, trials, seed)
    observed = differences(runs, len(first), np.zeros((1, rows.shape[1])))
    shuffled = differences(runs, len(first), swapped)
    return _significance(observed[0], shuffled, exact, seed, THESE_MODELS)


def permutation_test(
    first: Sequence[float], second: Sequence[float], *, trials: int = TRIALS, seed: int = 0
) -> Significance:
    """Test by permuting run labels whether the methods differ in mean F1.

    Every split of the pooled scores into groups of these sizes is tried, or ``trials`` random ones
    where there are more. Five runs a side give 252 splits and p of at least 2 / 252.

    A system without a seed has one score. To repeat it would invent evidence: five runs of the
    other land on one side of it in one case of sixteen by chance, and p would be .008.

    Args:
        first: F1 of each run of one system, in percent.
        second: Those of the other system.
        trials: How many splits to try at most.
        seed: Of the random splits.

    Raises:
        ValueError: If a side has no runs.

    Example:
        >>> print(permutation_test([61.0, 61.4, 60.9], [62.3, 62.0, 61.9]))
        p = 0.1000 (shuffles: all 20): the method, trained with other seeds
    """
    _check(trials, first, second)
    pooled = np.array([*first, *second], dtype=np.float64)
    n_splits = comb(len(pooled), len(first))
    exact = n_splits <= trials
    if exact:
        chosen = np.array(list(combinations(range(len(pooled)), len(first))))
    else:
        order = np.tile(np.arange(len(pooled)), (trials, 1))
        chosen = np.random.default_rng(seed).permuted(order, axis=1)[:, : len(first)]
    sums = pooled[chosen].sum(axis=1)
    shuffled = (pooled.sum() - sums) / len(second) - sums / len(first)
    observed = float(np.mean(second) - np.mean(first))
    return _significance(observed, shuffled, exact, seed, THE_METHOD)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p values of several tests for their number (Holm 1979).

    Returns:
        In the same order; those still below the level hold together at that level.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    by_size = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, index in enumerate(by_size):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def bootstrap_interval(
    runs: Sequence[Run], *, level: float = 0.95, trials: int = TRIALS, seed: int = 0
) -> Interval:
    """Bracket the F1 of a system, for several runs their mean, by resampling sentences.

    Test sets of the same size are drawn from this one with replacement; the interval leaves out
    equal shares of their F1 at both ends. It speaks of the choice of sentences, not of seeds.

    Args:
        runs: Counts (sentences, 3) of each run.
        level: Share of the resampled F1 inside.
        trials: How many test sets to draw.
        seed: Of the draws.

    Raises:
        ValueError: If there are no runs, or they are not all of one test set.

    Example:
        >>> bootstrap_interval([np.array([[1, 1, 1]] * 5, dtype=np.int32)])
        Interval(low=100.0, high=100.0)
    """
    _check(trials, runs)
    check_runs(runs)
    rows = np.hstack([runs[0][:, [GOLD]], *(run[:, PREDICTED:] for run in runs)])
    kinds, sizes = np.unique(rows, axis=0, return_counts=True)
    scores = np.zeros(0)
    # Equal sentences are drawn together. A part of the trials at a time keeps memory flat.
    step, rng = max(1, _DRAWS // len(kinds)), np.random.default_rng(seed)
    for start in range(0, trials, step):
        draws = rng.multinomial(len(rows), sizes / len(rows), min(step, trials - start))
        totals = draws.astype(np.float64) @ kinds.astype(np.float64)
        answers = totals[:, 1:].reshape(len(draws), len(runs), 2)
        scores = np.append(scores, f1_from_counts(totals[:, [0]], answers).mean(axis=1))
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _check(trials: int, *sides: Sequence[object]) -> None:
    if trials < 1:
        raise ValueError(f"expected at least one trial, got {trials}")
    if not all(map(len, sides)):
        raise ValueError("expected at least one run on each side")


def _significance(
    observed: float, shuffled: Floats, exact: bool, seed: int, claim: str
) -> Significance:
    n_as_large = int((np.abs(shuffled) >= abs(observed) - _TOLERANCE).sum())
    plus = 0 if exact else 1
    p = (n_as_large + plus) / (len(shuffled) + plus)
    return Significance(p, float(observed), len(shuffled), exact, seed, claim)
