"""The arithmetic of approximate randomization: counts that change sides, and what F1 becomes.

A run is an array (sentences, 3) of gold, predicted and correct. Of a whole test set only the
sentences matter in which two runs differ, and of a shuffle only the sums over those swapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from kakehashi.scoring.counts import GOLD, PREDICTED

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
