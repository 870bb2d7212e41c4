"""How much annotation transfer saves: the training size that would do as well from scratch.

The paper's own claim is that 500,000 utterances with transfer beat 1,000,000 without (section 5.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kakehashi.experiments.analysis import OURS, Analysis, Group
from kakehashi.scoring.score import CORRECT, GOLD, PREDICTED

TRIALS = 1000

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Saving:
    """Transfer with ``size`` sentences equals training from scratch with ``equals``.

    Sizes beyond the curve from scratch are unknown: infinity means more than its largest size, 0
    less than its smallest.

    Attributes:
        axes: What was trained: all labels but those of the size and the baseline.
        size: Sentences trained on with transfer.
        equals: Sentences from scratch that give the same F1.
        low: Lower end of the 95 % interval of that.
        high: Upper end.
        smallest: The smallest size measured from scratch.
        largest: The largest.
    """

    axes: Mapping[str, str]
    size: int
    equals: float
    low: float
    high: float
    smallest: int
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
        if np.isnan(self.low):
            return None
        return f"{self.worded(self.low)} to {self.worded(self.high)}"


def equal_size(sizes: Sequence[int], scores: Sequence[float], score: float) -> float:
    """Read off a learning curve how many sentences give a score.

    Scores that fall while the size grows are levelled first (isotonic regression: the rising curve
    nearest to them); between sizes the curve is straight over the logarithm of the size.

    Args:
        sizes: Of the training sets, rising.
        scores: F1 at each.
        score: The one to reach.

    Returns:
        Sentences; infinity if the curve stays below the score, 0 if it begins above.

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


def find_savings(analysis: Analysis, *, trials: int = TRIALS) -> tuple[Saving, ...]:
    """Compare every transfer of a size curve with the curve of its baseline.

    The interval resamples both sources of chance at once: test sentences, the same for all runs of
    a trial, and the seeds of each group.

    Args:
        analysis: Of a grid whose report names a baseline and the axis ``x`` of sizes.
        trials: Resamplings behind the interval.
    """
    x = analysis.grid.report.x
    if x is None:
        return ()
    savings: list[Saving] = []
    for curve in _curves(analysis, x):
        scratch = _curve(analysis, {**curve, **analysis.grid.report.baseline}, x)
        transfer = _curve(analysis, curve, x)
        if len(scratch) > 1 and transfer:
            savings += _savings(curve, scratch, transfer, trials, analysis.seed)
    return tuple(savings)


def _curves(analysis: Analysis, x: str) -> list[dict[str, str]]:
    """Name the curves of our own recognizer that are no baseline, by their labels but the size."""
    curves = [
        {axis: label for axis, label in gain.group.axes.items() if axis != x}
        for gain in analysis.gains
        if gain.group.system == OURS
    ]
    return [curve for index, curve in enumerate(curves) if curve not in curves[:index]]


def _curve(analysis: Analysis, axes: Mapping[str, str], x: str) -> list[tuple[int, Group]]:
    """Find the groups of a curve with their training sizes, rising."""
    wanted = {axis: label for axis, label in axes.items() if axis != x}
    points = [(group.training_size, group) for group in analysis.groups_of(wanted)]
    return sorted(
        ((size, group) for size, group in points if size is not None), key=lambda point: point[0]
    )


def _savings(
    axes: Mapping[str, str],
    scratch: Sequence[tuple[int, Group]],
    transfer: Sequence[tuple[int, Group]],
    trials: int,
    seed: int,
) -> list[Saving]:
    sizes = [size for size, _ in scratch]
    groups = [group for _, group in (*scratch, *transfer)]
    observed = [group.mean or 0.0 for group in groups]
    trial_scores = _resampled(groups, trials, seed)
    savings = []
    for index, (size, _) in enumerate(transfer, start=len(scratch)):
        equals = equal_size(sizes, observed[: len(sizes)], observed[index])
        drawn = sorted(
            equal_size(sizes, scores[: len(sizes)], scores[index]) for scores in trial_scores
        )
        low, high = _ends(drawn) if drawn else (float("nan"), float("nan"))
        savings.append(Saving(axes, size, equals, low, high, sizes[0], sizes[-1]))
    return savings


def _ends(drawn: Sequence[float]) -> tuple[float, float]:
    """Cut 2.5 % off both ends; values are never mixed, since some are infinite."""
    cut = int(0.025 * len(drawn))
    return drawn[cut], drawn[-1 - cut]


def _resampled(groups: Sequence[Group], trials: int, seed: int) -> list[list[float]]:
    """Draw mean F1 of every group; nothing where counts are missing or of several test sets."""
    counts = [group.counts for group in groups]
    runs = [run for group in counts for run in group or ()]
    if None in counts or len({run[:, GOLD].tobytes() for run in runs}) != 1:
        return []
    rng = np.random.default_rng(seed)
    n_sentences = len(runs[0])
    stacked = np.stack([run.astype(np.float64) for run in runs], axis=1)  # (sentences, runs, 3)
    flat = stacked.reshape(n_sentences, -1)
    drawn: list[list[float]] = []
    for _ in range(trials):
        weights = np.bincount(rng.integers(n_sentences, size=n_sentences), minlength=n_sentences)
        totals = (weights @ flat).reshape(-1, 3)
        guessed = totals[:, GOLD] + totals[:, PREDICTED]
        f1 = 200 * totals[:, CORRECT] / np.maximum(guessed, 1)
        ends = np.cumsum([len(group or ()) for group in counts])[:-1]
        drawn.append([float(rng.choice(part, len(part)).mean()) for part in np.split(f1, ends)])
    return drawn


def _rising(scores: Sequence[float]) -> _Floats:
    """Pool adjacent scores that fall into their mean, until none falls."""
    pools: list[tuple[float, int]] = []
    for score in scores:
        pools.append((score, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (one, n_one), (other, n_other) = pools[-2:]
            total = n_one + n_other
            pools[-2:] = [((one * n_one + other * n_other) / total, total)]
    return np.repeat([score for score, _ in pools], [size for _, size in pools])
