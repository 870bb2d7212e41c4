"""Whether a difference in F1 is more than chance: two tests, a correction, and an interval.

Permuting the answers to sentences (approximate randomization: Noreen 1989; Yeh 2000) is about these
trained models; permuting the labels of runs is about the methods, trained with other seeds. With
real seed noise and no true difference the first rejects at level .05 in one case of five, the
second in one of twenty: a gain deserves a mark where both do. Differences are second minus first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import comb

import numpy as np
import numpy.typing as npt

from kakehashi.scoring.score import GOLD, PREDICTED

# (sentences, 3): gold, predicted, correct, as in `kakehashi.scoring.score.Counts.sentences`.
Run = npt.NDArray[np.int32]
_Floats = npt.NDArray[np.float64]

TRIALS = 10_000
THESE_MODELS = "these trained models on this test set"
THE_METHOD = "the method, trained with other seeds"

# In points of F1. A permutation that gives what was observed must not fall short by rounding: then
# a system would differ significantly from itself.
_TOLERANCE = 1e-10
_DRAWS = 1 << 22  # random numbers at a time, so that memory is flat in sentences and trials


@dataclass(frozen=True)
class Significance:
    """The result of a test of the difference between two systems, in points of mean F1.

    ``p`` is how often chance alone makes a difference as large, in either direction. The trials are
    all permutations there are (``exact``) or random ones, among which the observed one counts, so
    that p is never below 1 / (trials + 1). A small p is evidence of the claim.
    """

    p: float
    difference: float
    trials: int
    exact: bool
    seed: int
    claim: str

    @property
    def shuffles(self) -> str:
        """The number of permutations and how they were chosen, in words."""
        return f"all {self.trials:,}" if self.exact else f"{self.trials:,} random, seed {self.seed}"


@dataclass(frozen=True)
class Interval:
    """The range of F1 over resampled test sets, in percent."""

    low: float
    high: float


def randomization_test(
    first: Sequence[Run], second: Sequence[Run], *, trials: int = TRIALS, seed: int = 0
) -> Significance:
    """Test by approximate randomization whether these models differ in mean F1 on this test set.

    One coin per sentence and trial swaps the answers of the two systems, of all their runs at once.
    A permuted system then answers some sentences as a run of the first does, the others as a run of
    the second; its mean F1 is taken over every pair of such runs. So the order of the runs does not
    matter, their numbers may differ, and a single run of a system without a seed can be compared
    with several. Where there are no more than ``trials`` ways to swap, all are tried instead.
    Raises ValueError if a system has no runs, or they are not all of one test set.

    Example:
        >>> right, wrong = np.array([[1, 1, 1]] * 5), np.array([[1, 1, 0]] * 5)
        >>> found = randomization_test([wrong], [right])
        >>> found.p, found.shuffles
        (0.0625, 'all 32')
    """
    _check(trials, first, second)
    _check_runs(runs := [*first, *second])
    # Of a whole test set only the sentences matter in which two runs differ, and of a permutation
    # only the sums over those swapped.
    differs = np.any([(run != runs[0]).any(axis=1) for run in runs], axis=0)
    rows = np.hstack([run[differs, PREDICTED:] for run in runs]).astype(np.float64)
    exact = len(rows) < trials.bit_length()  # 2 ** len(rows) <= trials
    if exact:
        ways = np.arange(1 << len(rows))[:, None] >> np.arange(len(rows)) & 1
        swapped = ways.astype(np.float64) @ rows
    else:
        swapped = _random_swaps(rows, trials, seed)
    observed = _differences(runs, len(first), np.zeros((1, rows.shape[1])))
    permuted = _differences(runs, len(first), swapped)
    return _significance(observed[0], permuted, exact, seed, THESE_MODELS)


def _random_swaps(rows: _Floats, trials: int, seed: int) -> _Floats:
    """Sum the rows whose coin says to swap: (trials, columns)."""
    rng = np.random.default_rng(seed)
    swapped = np.zeros((trials, rows.shape[1]))
    step = max(8, _DRAWS // trials)
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        bits = rng.integers(0, 256, (trials, -(-len(block) // 8)), dtype=np.uint8)
        swapped += np.unpackbits(bits, axis=1, count=len(block)).astype(np.float64) @ block
    return swapped


def _differences(runs: Sequence[Run], n_first: int, swapped: _Floats) -> _Floats:
    """Compute the difference in mean F1 of each trial; ``n_first`` runs are of the first system.

    Swapped are predicted and correct of each run: (trials, 2 · runs).
    """
    gold = runs[0][:, GOLD].sum(dtype=np.int64)
    totals = np.stack([run[:, PREDICTED:].sum(axis=0, dtype=np.float64) for run in runs])
    changed = swapped.reshape(len(swapped), len(runs), 2)
    kept = totals - changed
    pairs = list(product(range(n_first), range(n_first, len(runs))))
    sums = np.zeros(len(swapped))
    for one, other in pairs:
        sums += _f1(gold, kept[:, other] + changed[:, one])
        sums -= _f1(gold, kept[:, one] + changed[:, other])
    return sums / len(pairs)


def _f1(gold: np.int64 | _Floats, answers: _Floats) -> _Floats:
    """Compute F1 from answers (…, 2): predicted, correct; F1 of nothing is 0."""
    scores: _Floats = 200 * answers[..., 1] / np.maximum(gold + answers[..., 0], 1)
    return scores


def permutation_test(
    first: Sequence[float], second: Sequence[float], *, trials: int = TRIALS, seed: int = 0
) -> Significance:
    """Test by permuting run labels whether the methods differ in mean F1, in percent per run.

    Every split of the pooled scores into groups of these sizes is tried, or ``trials`` random ones
    where there are more. Five runs of each system give 252 splits and p of at least 2 / 252.

    A system without a seed has one score. To repeat it would invent evidence: five runs of the
    other are all above or all below it in one case of sixteen by chance, and p would be .008.
    Raises ValueError if a system has no runs.

    Example:
        >>> permutation_test([61.0, 61.4, 60.9], [62.3, 62.0, 61.9]).p
        0.1
    """
    _check(trials, first, second)
    pooled = np.array([*first, *second], dtype=np.float64)
    exact = comb(len(pooled), len(first)) <= trials
    if exact:
        chosen = np.array(list(combinations(range(len(pooled)), len(first))))
    else:
        order = np.tile(np.arange(len(pooled)), (trials, 1))
        chosen = np.random.default_rng(seed).permuted(order, axis=1)[:, : len(first)]
    sums = pooled[chosen].sum(axis=1)
    permuted = (pooled.sum() - sums) / len(second) - sums / len(first)
    observed = float(np.mean(second) - np.mean(first))
    return _significance(observed, permuted, exact, seed, THE_METHOD)


def _check(trials: int, *sides: Sequence[object]) -> None:
    if trials < 1:
        raise ValueError(f"expected at least one trial, got {trials}")
    if not all(map(len, sides)):
        raise ValueError("expected at least one run on each side")


def _check_runs(runs: Sequence[Run]) -> None:
    for number, run in enumerate(runs, 1):
        if not len(run):
            raise ValueError(f"run {number} has no sentences")
        if not np.array_equal(run[:, GOLD], runs[0][:, GOLD]):
            raise ValueError(f"runs 1 and {number} differ in gold: they are of other test sets")


def _significance(
    observed: float, permuted: _Floats, exact: bool, seed: int, claim: str
) -> Significance:
    n_as_large = int((np.abs(permuted) >= abs(observed) - _TOLERANCE).sum())
    plus = 0 if exact else 1
    p = (n_as_large + plus) / (len(permuted) + plus)
    return Significance(p, float(observed), len(permuted), exact, seed, claim)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p values of several tests for their number (Holm 1979), in the same order.

    Those still below the level hold together at that level.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def bootstrap_interval(runs: Sequence[Run], *, trials: int = TRIALS, seed: int = 0) -> Interval:
    """Compute a 95 % confidence interval of mean F1 over runs by resampling the test set.

    ``trials`` test sets of the same size are drawn from this one with replacement; the interval
    leaves out 2.5 % of their F1 at both ends. It is about the choice of sentences, not about seeds.
    Raises ValueError if there are no runs, or they are not all of one test set.

    Example:
        >>> bootstrap_interval([np.array([[1, 1, 1]] * 5, dtype=np.int32)])
        Interval(low=100.0, high=100.0)
    """
    _check(trials, runs)
    _check_runs(runs)
    rows = np.hstack([runs[0][:, [GOLD]], *(run[:, PREDICTED:] for run in runs)])
    kinds, sizes = np.unique(rows, axis=0, return_counts=True)  # equal sentences are drawn together
    scores = np.zeros(0)
    step, rng = max(1, _DRAWS // len(kinds)), np.random.default_rng(seed)
    for start in range(0, trials, step):
        draws = rng.multinomial(len(rows), sizes / len(rows), min(step, trials - start))
        totals = draws.astype(np.float64) @ kinds.astype(np.float64)
        answers = totals[:, 1:].reshape(len(draws), len(runs), 2)
        scores = np.append(scores, _f1(totals[:, [0]], answers).mean(axis=1))
    low, high = np.quantile(scores, [(1 - 0.95) / 2, (1 + 0.95) / 2])
    return Interval(float(low), float(high))
