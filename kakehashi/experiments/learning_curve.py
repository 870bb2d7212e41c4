"""How much annotation transfer saves: the training size that would do as well from scratch.

The paper's own claim is that 500,000 utterances with transfer beat 1,000,000 without (section 5.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kakehashi.experiments.analysis import OURS, Analysis, Group, same_test_set
from kakehashi.scoring.score import CORRECT, GOLD, PREDICTED

_TRIALS = 1000


@dataclass(frozen=True)
class EquivalentSize:
    """Transfer with ``size`` sentences gives the F1 of ``equals`` sentences from scratch.

    Sizes beyond the curve from scratch are unknown: infinity means more than its largest size, 0
    less than its smallest.
    """

    axes: Mapping[str, str]  # all labels but those of the size and the baseline
    size: int
    equals: float
    low: float  # of the 95 % interval of that; nan where there is none
    high: float
    smallest: int  # size measured from scratch
    largest: int

    @property
    def ratio(self) -> float | None:
        """How many sentences from scratch one with transfer is worth; None where unknown."""
        return self.equals / self.size if 0 < self.equals < np.inf else None

    def worded(self, size: float) -> str:
        """Write a size from scratch, also where it lies beyond the curve."""
        if size == np.inf:
            return f"more than {self.largest:,}"
        return f"{size:,.0f}" if size > 0 else f"less than {self.smallest:,}"

    @property
    def interval(self) -> str | None:
        """Both ends in words; None where there is no interval."""
        known = not np.isnan(self.low)
        return f"{self.worded(self.low)} to {self.worded(self.high)}" if known else None


def equal_size(sizes: Sequence[float], scores: Sequence[float], score: float) -> float:
    """Read off a learning curve how many sentences give a score.

    Scores that fall while the size grows are levelled first (isotonic regression: the rising curve
    nearest to them); between sizes, which rise, the curve is straight over their logarithm. It is
    infinity if the curve stays below the score, 0 if it begins above.

    Example:
        >>> round(equal_size([100, 1000, 10000], [40.0, 60.0, 70.0], 65.0))
        3162
    """
    curve = _rising(scores)
    if score > curve[-1]:
        return float("inf")
    if score < curve[0]:
        return 0.0
    right = max(1, int(np.searchsorted(curve, score)))  # the first that reaches it
    low, high = curve[right - 1], curve[right]
    share = (score - low) / (high - low) if high > low else 0.0
    logs = np.log(sizes)
    return float(np.exp(logs[right - 1] + share * (logs[right] - logs[right - 1])))


@lru_cache(maxsize=1)  # tables and summary tell the same
def find_equivalent_sizes(analysis: Analysis) -> tuple[EquivalentSize, ...]:
    """Compare every transfer along the grid's axis ``x`` of sizes with the curve of its baseline.

    The interval resamples both sources of chance at once, a thousand times: test sentences, the
    same for all runs of a trial, and the seeds of each group.
    """
    report = analysis.grid.report
    if report.x is None:
        return ()
    ours = (gain.group.axes.items() for gain in analysis.gains if gain.group.system == OURS)
    curves = dict.fromkeys(tuple(item for item in axes if item[0] != report.x) for axes in ours)
    found: list[EquivalentSize] = []
    for axes in map(dict, curves):
        scratch = _curve(analysis, {**axes, **report.baseline}, report.x)
        transfer = _curve(analysis, axes, report.x)
        if len(scratch) < 2 or not transfer:
            continue
        sizes, groups = [group.training_size for group in scratch], [*scratch, *transfer]
        resampled = _resampled(groups, analysis.seed)
        means = [[group.mean or 0.0 for group in groups], *resampled]
        for index, group in enumerate(transfer, start=len(scratch)):
            equals, *drawn = (equal_size(sizes, f1[: len(sizes)], f1[index]) for f1 in means)
            low = high = float("nan")
            if drawn:
                cut = int(0.025 * len(drawn))  # values are never mixed, since some are infinite
                low, high = sorted(drawn)[cut], sorted(drawn)[-1 - cut]
            ends = sizes[0], sizes[-1]
            found.append(EquivalentSize(axes, group.training_size, equals, low, high, *ends))
    return tuple(found)


def _curve(analysis: Analysis, axes: Mapping[str, str], x: str) -> list[Group]:
    """Find the groups of a curve, by rising training size."""
    labels = {axis: label for axis, label in axes.items() if axis != x}.items()
    groups = (each for each in analysis.groups if each.runs and labels <= each.axes.items())
    return sorted(groups, key=lambda group: group.training_size)


def _resampled(groups: Sequence[Group], seed: int) -> list[list[float]]:
    """Draw the mean F1 of every group; nothing where runs have different test sets."""
    runs = [run for group in groups for run in group.runs]
    if not same_test_set(runs):
        return []
    rng, n_sentences = np.random.default_rng(seed), len(runs[0].counts)
    flat = np.hstack([run.counts for run in runs]).astype(np.float64)  # (sentences, runs × 3)
    ends = np.cumsum([len(group.runs) for group in groups])[:-1]
    drawn: list[list[float]] = []
    for _ in range(_TRIALS):
        weights = np.bincount(rng.integers(n_sentences, size=n_sentences), minlength=n_sentences)
        totals = (weights @ flat).reshape(-1, 3)
        answers = totals[:, GOLD] + totals[:, PREDICTED]
        f1 = 200 * totals[:, CORRECT] / np.maximum(answers, 1)
        drawn.append([float(rng.choice(part, len(part)).mean()) for part in np.split(f1, ends)])
    return drawn


def _rising(scores: Sequence[float]) -> list[float]:
    """Pool adjacent scores that fall into their mean, until none falls."""
    pools: list[tuple[float, int]] = []
    for score in scores:
        pools.append((score, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (one, n), (other, m) = pools[-2:]
            pools[-2:] = [((one * n + other * m) / (n + m), n + m)]
    return [score for score, n in pools for _ in range(n)]
