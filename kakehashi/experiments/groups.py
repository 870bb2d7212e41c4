"""Cells that differ in nothing but their seed, taken together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi.experiments.grid import SEED
from kakehashi.experiments.results import CellResult, Results
from kakehashi.scoring.counts import GOLD
from kakehashi.scoring.significance import Interval, bootstrap_interval

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
