"""Cells that differ in nothing but their seed, taken together.

What a grid shows: scores over seeds, and gains with the chance that they are none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from statistics import fmean, stdev
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi.experiments.grid import SEED, Grid
from kakehashi.experiments.store import CellResult, Results
from kakehashi.scoring.score import GOLD, Signature
from kakehashi.scoring.significance import (
    TRIALS,
    Interval,
    Significance,
    bootstrap_interval,
    holm,
    permutation_test,
    randomization_test,
)

OURS = "kakehashi"


@dataclass(frozen=True)
class Group:
    """The runs of one setting, one per seed.

    A system without a seed has a single run, however many seeds the grid names.

    Attributes:
        axes: Axis to label, without the seed.
        system: What was trained.
        runs: The finished runs that have a test score, in the order of the seeds.
        wanted: How many runs there would be if all were finished.
        interval: 95 % bootstrap interval of the mean F1 over the sentences; None without counts.
    """

    axes: Mapping[str, str]
    system: str
    runs: tuple[CellResult, ...]
    wanted: int
    interval: Interval | None = None

    @property
    def scores(self) -> dict[str, float]:
        """F1 of each run by its seed, in percent; a single run without one has an empty name."""
        named = len(self.runs) > 1 or self.system == OURS
        return {
            run.axes[SEED] if named else "": float(result["test"]["f1"])
            for run, result in zip(self.runs, self._results(), strict=True)
        }

    @property
    def mean(self) -> float | None:
        """Mean F1 of the runs found; None where there is none."""
        return fmean(self.scores.values()) if self.runs else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation over the runs; None for fewer than two."""
        return stdev(self.scores.values()) if len(self.runs) > 1 else None

    @property
    def found(self) -> str:
        """How many of the runs are there: ``3/5``."""
        return f"{len(self.runs)}/{self.wanted}"

    @property
    def best_on_test(self) -> float | None:
        """Mean of the best test F1 among all epochs, as the paper reports (section 4.2).

        It selects on the test set and is no honest estimate. None unless every run recorded it, and
        for other systems, whose epochs are not ours to choose from.
        """
        if self.system != OURS:
            return None
        scores = [[epoch.get("test") for epoch in result["epochs"]] for result in self._results()]
        if not scores or any(not epochs or None in epochs for epochs in scores):
            return None
        return fmean(map(max, scores))

    @property
    def counts(self) -> list[npt.NDArray[np.int32]] | None:
        """Counts per test sentence of each run; None unless all have them, of one test set."""
        counts = [run.counts for run in self.runs if run.counts is not None]
        gold = {run[:, GOLD].tobytes() for run in counts}
        return counts if len(counts) == len(self.runs) and len(gold) == 1 else None

    @property
    def types(self) -> dict[str, float]:
        """Mean F1 of each entity type over the runs; one that a run never met counts as 0."""
        counts = [result["test"]["types"] for result in self._results()]
        return {
            name: fmean(types[name]["f1"] if name in types else 0.0 for types in counts)
            for name in sorted({name for types in counts for name in types})
        }

    @property
    def training_size(self) -> int | None:
        """Sentences trained on; None where no run is finished."""
        sizes = [int(result["corpus"]["train"]["sentences"]) for result in self._results()]
        return sizes[0] if sizes else None

    @property
    def training_types(self) -> dict[str, int]:
        """How often each entity type stands in the training set; empty where it is not recorded."""
        found = [result["corpus"]["train"].get("types", {}) for result in self._results()]
        return dict(found[0]) if found else {}

    def matches(self, axes: Mapping[str, str]) -> bool:
        """Say whether it bears these labels."""
        return all(self.axes[axis] == label for axis, label in axes.items())

    def _results(self) -> list[Mapping[str, Any]]:
        return [run.result for run in self.runs if run.result is not None]


def group_cells(results: Results, *, trials: int, seed: int) -> tuple[Group, ...]:
    """Take the cells together that differ in nothing but their seed, in the order of the grid.

    Args:
        results: The cells.
        trials: Resampled test sets of the bootstrap interval.
        seed: Of the resampling.
    """
    cells: dict[tuple[tuple[str, str], ...], list[CellResult]] = {}
    for cell in results.cells:
        axes = tuple((axis, label) for axis, label in cell.axes.items() if axis != SEED)
        cells.setdefault(axes, []).append(cell)
    return tuple(_group(dict(axes), found, trials, seed) for axes, found in cells.items())


def _group(axes: Mapping[str, str], cells: Sequence[CellResult], trials: int, seed: int) -> Group:
    distinct = {cell.key: cell for cell in reversed(cells)}  # the first cell of each key stays
    runs = tuple(
        cell
        for cell in reversed(distinct.values())
        if cell.result is not None and cell.result["test"] is not None
    )
    group = Group(axes, str(cells[0].settings.get("system", OURS)), runs, len(distinct))
    if group.counts is None:
        return group
    interval = bootstrap_interval(group.counts, trials=trials, seed=seed)
    return replace(group, interval=interval)


LEVEL = 0.05


@dataclass(frozen=True)
class Gain:
    """What one group has over another.

    Attributes:
        group: The one.
        against: The other: baseline or yardstick.
        models: Whether these trained models differ on this test set; None where it cannot be
            tested, since counts are missing or the test sentences differ.
        method: Whether the methods differ, trained with other seeds.
        p_models: p of the first test after Holm's correction over the table.
        p_method: p of the second after the same.
    """

    group: Group
    against: Group
    models: Significance | None = None
    method: Significance | None = None
    p_models: float | None = None
    p_method: float | None = None

    @property
    def absolute(self) -> float:
        """Points of F1."""
        return (self.group.mean or 0.0) - (self.against.mean or 0.0)

    @property
    def relative(self) -> float | None:
        """Percent of the other's F1; None where that is 0."""
        return 100 * self.absolute / self.against.mean if self.against.mean else None

    @property
    def marked(self) -> bool:
        """Whether both tests pass after the correction."""
        passed = (p is not None and p <= LEVEL for p in (self.p_models, self.p_method))
        return all(passed)

    @property
    def smallest_p(self) -> float:
        """The smallest p that the second test can give with so many runs."""
        ours, theirs = len(self.group.runs), len(self.against.runs)
        return (2 if ours == theirs else 1) / comb(ours + theirs, ours)


@dataclass(frozen=True)
class Analysis:
    """A grid's groups, and two families of comparisons, each corrected for itself.

    Attributes:
        grid: The question.
        groups: Every setting, in the order of the grid.
        gains: What every other value of the baseline's axis has over the baseline, if it is of the
            same system; others are no gains of a method, and would only dilute the correction.
        contests: What every value has over the yardstick.
        trials: Of the randomization and of the bootstrap.
        seed: Of both.
    """

    grid: Grid
    groups: tuple[Group, ...]
    gains: tuple[Gain, ...]
    contests: tuple[Gain, ...]
    trials: int
    seed: int

    def groups_of(self, axes: Mapping[str, str]) -> tuple[Group, ...]:
        """Find the groups that bear these labels."""
        return tuple(group for group in self.groups if group.matches(axes))

    @property
    def signature(self) -> str:
        """Say in one line what the numbers rest on."""
        runs = [run for group in self.groups for run in group.runs]
        results = [run.result for run in runs if run.result is not None]
        facts = {
            "runs": _listed(result["kakehashi"] for result in results),
            "grid": self.grid.name,
            "corpora": _corpora(runs),
            "select": _listed(result["selection"]["by"] for result in results),
            "seeds": ",".join(map(str, self.grid.seeds)),
            "trials": self.trials,
            "sampling-seed": self.seed,
            "level": LEVEL,
        }
        return str(Signature("conlleval", facts))


def analyse(results: Results, *, trials: int = TRIALS, seed: int = 0) -> Analysis:
    """Group the cells of a grid over their seeds, and test every gain.

    Args:
        results: The cells, finished or not; what is missing is left out and counted.
        trials: Of the randomization and of the bootstrap.
        seed: Of both.
    """
    groups = group_cells(results, trials=trials, seed=seed)
    report = results.grid.report

    def compare(pairs: Iterable[tuple[Group, Group]]) -> tuple[Gain, ...]:
        return _corrected([_tested(Gain(*pair), trials, seed) for pair in pairs])

    within = [pair for pair in _pairs(groups, report.baseline) if pair[0].system == pair[1].system]
    contests = compare(_pairs(groups, report.yardstick))
    return Analysis(results.grid, groups, compare(within), contests, trials, seed)


def _pairs(groups: Sequence[Group], reference: Mapping[str, str]) -> list[tuple[Group, Group]]:
    """Pair each group with the one that has the labels of the reference instead of its own."""
    by_axes = {tuple(group.axes.items()): group for group in groups}
    pairs = [(group, by_axes.get(tuple({**group.axes, **reference}.items()))) for group in groups]
    return [
        (one, other)
        for one, other in pairs
        if other is not None and one is not other and one.runs and other.runs
    ]


def _tested(gain: Gain, trials: int, seed: int) -> Gain:
    ours, theirs = gain.group, gain.against
    scores = [list(side.scores.values()) for side in (theirs, ours)]
    method = permutation_test(*scores, trials=trials, seed=seed)
    models = None
    if ours.counts is not None and theirs.counts is not None and _one_test_set(ours, theirs):
        models = randomization_test(theirs.counts, ours.counts, trials=trials, seed=seed)
    return replace(gain, models=models, method=method)


def _one_test_set(*groups: Group) -> bool:
    gold = {counts[:, 0].tobytes() for group in groups for counts in group.counts or ()}
    return len(gold) == 1


def _corrected(gains: Sequence[Gain]) -> tuple[Gain, ...]:
    models = _holm([gain.models for gain in gains])
    method = _holm([gain.method for gain in gains])
    return tuple(
        replace(gain, p_models=one, p_method=other)
        for gain, one, other in zip(gains, models, method, strict=True)
    )


def _holm(tests: Sequence[Significance | None]) -> list[float | None]:
    corrected = iter(holm([test.p for test in tests if test is not None]))
    return [None if test is None else next(corrected) for test in tests]


def seeds_needed(n_comparisons: int) -> int:
    """Find how many seeds a side lets the second test pass after Holm's correction.

    Example:
        >>> seeds_needed(1), seeds_needed(7), seeds_needed(21)
        (4, 6, 6)
    """
    seeds = 2
    while n_comparisons * 2 / comb(2 * seeds, seeds) > LEVEL:
        seeds += 1
    return seeds


def _corpora(runs: Sequence[CellResult]) -> str:
    """Name the corpora, each with a hash of its sizes, types and test gold."""
    found: dict[str, set[str]] = {}
    for run in runs:
        if run.result is None:
            continue
        corpus = run.result["corpus"]
        parts = {name: _without_tokens(corpus[name]) for name in ("train", "dev", "test")}
        gold = "" if run.counts is None else run.counts[:, 0].tolist()
        digest = hashlib.sha256(json.dumps([parts, gold], sort_keys=True).encode()).hexdigest()
        found.setdefault(run.result["name"], set()).add(digest)
    return _listed(
        f"{name}@{hashlib.sha256(''.join(sorted(digests)).encode()).hexdigest()[:8]}"
        for name, digests in found.items()
    )


def _without_tokens(summary: Mapping[str, object]) -> dict[str, object]:
    """Keep what does not depend on how text is segmented."""
    return {key: value for key, value in summary.items() if key not in ("tokens", "lost")}


def _listed(names: Iterable[str]) -> str:
    return ",".join(sorted(set(names))) or "none"
