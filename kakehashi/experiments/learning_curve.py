"""How much annotation transfer saves: the training size that would do as well from scratch.

The paper's own claim is that 500,000 utterances with transfer beat 1,000,000 without (section 5.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kakehashi.experiments.analysis import OURS, Analysis, Group
from kakehashi.scoring.score import CORRECT, GOLD, PREDICTED

TRIALS = 1000


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
        if np.isnan(self.low):
            return None
        return f"{self.worded(self.low)} to {self.worded(self.high)}"


def equal_size(sizes: Sequence[int], scores: Sequence[float], score: float) -> float:
    """Read off a learning curve how many sentences give a score.

    Scores that fall while the size grows are levelled first (isotonic regression: the rising curve
    nearest to them); between sizes the curve is straight over the logarithm of the size. ``sizes``
    rise; ``scores`` are the F1 at each.

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


def find_equivalent_sizes(
    analysis: Analysis, *, trials: int = TRIALS
) -> tuple[EquivalentSize, ...]:
    """Compare every transfer along the grid's axis ``x`` of sizes with the curve of its baseline.

    The interval resamples both sources of chance at once, ``trials`` times: test sentences, the
    same for all runs of a trial, and the seeds of each group.
    """
    report = analysis.grid.report
    if report.x is None:
        return ()
    curves: dict[tuple[tuple[str, str], ...], None] = {}  # of our recognizer, without the size
    for gain in analysis.gains:
        if gain.group.system == OURS:
            axes = gain.group.axes.items()
            curves[tuple((axis, label) for axis, label in axes if axis != report.x)] = None
    found: list[EquivalentSize] = []
    for curve in map(dict, curves):
        scratch = _curve(analysis, {**curve, **report.baseline}, report.x)
        transfer = _curve(analysis, curve, report.x)
        if len(scratch) > 1 and transfer:
            found += _equivalents(curve, scratch, transfer, trials, analysis.seed)
    return tuple(found)


def _curve(analysis: Analysis, axes: Mapping[str, str], x: str) -> list[tuple[int, Group]]:
    """Find the groups of a curve with their training sizes, rising."""
    groups = analysis.groups_of({axis: label for axis, label in axes.items() if axis != x})
    points = [(group.training_size, group) for group in groups if group.training_size is not None]
    return sorted(points, key=lambda point: point[0])


def _equivalents(
    axes: Mapping[str, str],
    scratch: Sequence[tuple[int, Group]],
    transfer: Sequence[tuple[int, Group]],
    trials: int,
    seed: int,
) -> list[EquivalentSize]:
    sizes = [size for size, _ in scratch]
    groups = [group for _, group in (*scratch, *transfer)]
    observed = [group.mean or 0.0 for group in groups]
    resampled = _resampled(groups, trials, seed)
    found = []
    for index, (size, _) in enumerate(transfer, start=len(scratch)):
        equals, *drawn = (
            equal_size(sizes, scores[: len(sizes)], scores[index])
            for scores in (observed, *resampled)
        )
        low = high = float("nan")
        if drawn:
            cut = int(0.025 * len(drawn))  # values are never mixed, since some are infinite
            low, high = sorted(drawn)[cut], sorted(drawn)[-1 - cut]
        found.append(EquivalentSize(axes, size, equals, low, high, sizes[0], sizes[-1]))
    return found


def _resampled(groups: Sequence[Group], trials: int, seed: int) -> list[list[float]]:
    """Draw the mean F1 of every group; nothing where runs have different test sets."""
    runs = [run for group in groups for run in group.runs]
    if len({run.counts[:, GOLD].tobytes() for run in runs}) != 1:
        return []
    rng = np.random.default_rng(seed)
    n_sentences = len(runs[0].counts)
    stacked = np.stack([run.counts.astype(np.float64) for run in runs], axis=1)
    flat = stacked.reshape(n_sentences, -1)  # (sentences, runs × 3)
    ends = np.cumsum([len(group.runs) for group in groups])[:-1]
    drawn: list[list[float]] = []
    for _ in range(trials):
        weights = np.bincount(rng.integers(n_sentences, size=n_sentences), minlength=n_sentences)
        totals = (weights @ flat).reshape(-1, 3)
        guessed = totals[:, GOLD] + totals[:, PREDICTED]
        f1 = 200 * totals[:, CORRECT] / np.maximum(guessed, 1)
        drawn.append([float(rng.choice(part, len(part)).mean()) for part in np.split(f1, ends)])
    return drawn


def _rising(scores: Sequence[float]) -> list[float]:
    """Pool adjacent scores that fall into their mean, until none falls."""
    pools: list[tuple[float, int]] = []
    for score in scores:
        pools.append((score, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (one, n_one), (other, n_other) = pools[-2:]
            total = n_one + n_other
            pools[-2:] = [((one * n_one + other * n_other) / total, total)]
    return [score for score, size in pools for _ in range(size)]
