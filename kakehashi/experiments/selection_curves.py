"""What selection saves: F1 round by round, the area under it, labels to nearly full F1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev

from kakehashi.experiments.analysis import Analysis, Group
from kakehashi.experiments.learning_curve import equal_size
from kakehashi.scoring.significance import Significance, permutation_test

UNITS = ("sentences", "tokens", "mentions", "minutes")
SHARES = (0.9, 0.95, 0.99)
"""Of the F1 with all labels."""


@dataclass(frozen=True)
class Point:
    """A round: means over the seeds."""

    size: Mapping[str, float]  # annotated so far, by unit
    f1: float
    deviation: float | None  # sample standard deviation; None for one seed


@dataclass(frozen=True)
class SelectionCurve:
    """The rounds of a group that all its runs have."""

    axes: Mapping[str, str]
    points: tuple[Point, ...]
    area: float  # mean F1 over the sentences annotated, mean of the seeds
    full: float | None  # F1 with all labels; None where that is not run
    needed: Mapping[str, tuple[float, ...]]  # by unit, for each of `SHARES`; infinity: more
    test: Significance | None  # of the areas against the baseline's, by run labels


def selection_curves(analysis: Analysis) -> list[SelectionCurve]:
    """Draw up the curve of every group that played the annotation loop; none of other grids."""
    report = analysis.grid.report
    groups = [group for group in analysis.groups if _rounds(group)]
    areas = {id(group): [_area(run) for run in _rounds(group)] for group in groups}
    curves = []
    for group in groups:
        runs = _rounds(group)
        points = tuple(map(_point, zip(*runs, strict=False)))
        baseline = _with(groups, group, report.baseline)
        test = None
        if baseline is not None and baseline is not group:
            sides = areas[id(baseline)], areas[id(group)]
            test = permutation_test(*sides, trials=analysis.trials, seed=analysis.seed)
        whole = _with(analysis.groups, group, report.full) if report.full else None
        full = whole.mean if whole is not None else None
        needed = {
            unit: tuple(_needed(points, unit, share * full) for share in SHARES)
            for unit in UNITS
            if full is not None
        }
        area = fmean(areas[id(group)])
        curves.append(SelectionCurve(group.axes, points, area, full, needed, test))
    return curves


def _rounds(group: Group) -> list[Sequence[Mapping[str, float]]]:
    """Return the rounds of each run; nothing if one has none."""
    rounds = [run.result.get("rounds") or [] for run in group.runs]
    return rounds if rounds and all(rounds) else []


def _with(groups: Sequence[Group], own: Group, labels: Mapping[str, str]) -> Group | None:
    """Find the group with these labels in place of its own."""
    wanted = {**own.axes, **labels}
    return next((group for group in groups if labels and dict(group.axes) == wanted), None)


def _point(rounds: Sequence[Mapping[str, float]]) -> Point:
    scores = [each["test"] for each in rounds]
    size = {unit: fmean(each[unit] for each in rounds) for unit in UNITS}
    return Point(size, fmean(scores), stdev(scores) if len(scores) > 1 else None)


def _area(rounds: Sequence[Mapping[str, float]]) -> float:
    """Compute the area under F1 over sentences, divided by their range; the F1 of a single round.

    Example:
        >>> _area([{"sentences": 100, "test": 40.0}, {"sentences": 300, "test": 60.0}])
        50.0
    """
    if len(rounds) == 1:
        return rounds[0]["test"]
    steps = ((b["sentences"] - a["sentences"], a["test"] + b["test"]) for a, b in pairwise(rounds))
    total = sum(width * both / 2 for width, both in steps)
    return total / (rounds[-1]["sentences"] - rounds[0]["sentences"])


def _needed(points: Sequence[Point], unit: str, f1: float) -> float:
    """Read off how much must be annotated; infinity if more than was, the first round if less."""
    sizes = [point.size[unit] for point in points]
    scores = [point.f1 for point in points]
    if len(points) == 1:
        return sizes[0] if scores[0] >= f1 else float("inf")
    return max(sizes[0], equal_size(sizes, scores, f1))
