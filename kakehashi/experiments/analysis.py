"""Runs that differ only in their seed taken together, and the gains of these groups tested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import comb
from statistics import fmean, stdev

from kakehashi.experiments.grid import SEED, Grid
from kakehashi.experiments.store import Results, RunResult
from kakehashi.scoring import significance
from kakehashi.scoring.score import GOLD, Count, Signature
from kakehashi.scoring.significance import Interval, Significance

OURS = "kakehashi"
LEVEL = 0.05


@dataclass(frozen=True)
class Group:
    """The runs of one setting, one per seed; a baseline without a seed has a single run."""

    axes: Mapping[str, str]  # axis to label, without the seed
    system: str
    runs: tuple[RunResult, ...]  # finished and with a test score, in the order of the seeds
    wanted: int  # how many runs there would be if all were finished
    interval: Interval | None  # 95 % of the mean F1 over sentences; None without counts

    @property
    def scores(self) -> dict[str, float]:
        """F1 of each run by its seed, in percent; a single run without one has an empty name."""
        named = len(self.runs) > 1 or self.system == OURS
        return {
            run.axes[SEED] if named else "": float(run.result["test"]["f1"]) for run in self.runs
        }

    @property
    def mean(self) -> float | None:
        """Mean F1 of the finished runs; None where there is none."""
        return fmean(self.scores.values()) if self.runs else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation over the runs; None for fewer than two."""
        return stdev(self.scores.values()) if len(self.runs) > 1 else None

    @property
    def found(self) -> str:
        """How many of the runs are finished: ``3/5``."""
        return f"{len(self.runs)}/{self.wanted}"

    @property
    def best_on_test(self) -> float | None:
        """Mean of the best test F1 among all scored epochs, as the paper reports (section 4.2).

        Selected on the test set, it is no honest estimate. None unless every run of ours has it.
        """
        epochs = [[epoch.get("test") for epoch in run.result["epochs"]] for run in self.runs]
        scores = [[score for score in run if score is not None] for run in epochs]
        known = scores and all(scores) and self.system == OURS
        return fmean(map(max, scores)) if known else None

    @property
    def types(self) -> dict[str, float]:
        """Mean F1 of each entity type over the runs; one that a run never met counts as 0."""
        runs = [run.result["test"]["types"] for run in self.runs]
        names = sorted({name for types in runs for name in types})
        return {n: fmean(types[n]["f1"] if n in types else 0.0 for types in runs) for n in names}

    @property
    def values(self) -> tuple[dict[str, Count], ...]:
        """Counts of seen and of unseen values, per run; empty unless every run recorded them."""
        runs = [run.result["test"].get("values", {}) for run in self.runs]
        counts = ({n: Count(*map(each.get, Count._fields)) for n, each in v.items()} for v in runs)
        return tuple(counts) if all(runs) else ()

    @property
    def training_size(self) -> int:
        """Sentences trained on; 0 where no run is finished."""
        return int(self.runs[0].result["corpus"]["train"]["sentences"]) if self.runs else 0

    @property
    def training_types(self) -> dict[str, int]:
        """How often each entity type occurs in the training set; empty where not recorded."""
        return dict(self.runs[0].result["corpus"]["train"].get("types", {})) if self.runs else {}


def same_test_set(runs: Iterable[RunResult]) -> bool:
    """Whether there are runs, and all have the same gold counts in the same sentences."""
    return len({run.counts[:, GOLD].tobytes() for run in runs}) == 1


def group_runs(results: Results, *, trials: int, seed: int) -> tuple[Group, ...]:
    """Group the runs that differ only in their seed; ``trials`` and ``seed`` of the bootstrap."""
    settings: dict[tuple[tuple[str, str], ...], dict[str, RunResult]] = {}
    for run in results.runs:
        axes = tuple(item for item in run.axes.items() if item[0] != SEED)
        settings.setdefault(axes, {}).setdefault(run.key, run)
    groups = []
    for axes, runs in settings.items():
        tested = tuple(run for run in runs.values() if run.result.get("test"))
        system = str(next(iter(runs.values())).settings.get("system", OURS))
        interval = None
        if same_test_set(tested):
            counts = [run.counts for run in tested]
            interval = significance.bootstrap_interval(counts, trials=trials, seed=seed)
        groups.append(Group(dict(axes), system, tested, len(runs), interval))
    return tuple(groups)


@dataclass(frozen=True)
class Gain:
    """What one group gains over another, with two tests, see `kakehashi.scoring.significance`."""

    group: Group
    against: Group  # of the baseline or the reference
    models: Significance | None  # whether these models differ; None on other test sentences
    method: Significance  # whether the methods do, trained with other seeds
    p_models: float | None = None  # after Holm's correction over the table
    p_method: float | None = None  # likewise

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
        return all(p is not None and p <= LEVEL for p in (self.p_models, self.p_method))

    @property
    def smallest_p(self) -> float:
        """The smallest p that the second test can give with so many runs."""
        ours, theirs = len(self.group.runs), len(self.against.runs)
        return (2 if ours == theirs else 1) / comb(ours + theirs, ours)


@dataclass(frozen=True, eq=False)
class Analysis:
    """A grid's groups, and two families of comparisons, each corrected for itself."""

    grid: Grid
    groups: tuple[Group, ...]  # every setting, in the order of the grid
    gains: tuple[Gain, ...]  # over the baseline, of the same system only: others are no method's
    comparisons: tuple[Gain, ...]  # of every group with the reference
    trials: int  # of the randomization and of the bootstrap
    seed: int  # of both

    @property
    def signature(self) -> str:
        """One line that identifies what the numbers were computed from, and how."""
        runs = [run for group in self.groups for run in group.runs]
        facts = {
            "runs": _listed(run.result["kakehashi"] for run in runs),
            "grid": self.grid.name,
            "corpora": _corpora(runs),
            "select": _listed(run.result["selection"]["by"] for run in runs),
            "seeds": ",".join(map(str, self.grid.seeds)),
            "trials": self.trials,
            "sampling-seed": self.seed,
            "level": LEVEL,
        }
        return str(Signature("conlleval", facts))


def analyse(results: Results, *, trials: int = significance.TRIALS, seed: int = 0) -> Analysis:
    """Group the finished runs of a grid over their seeds, and test every gain and comparison."""
    groups, report = group_runs(results, trials=trials, seed=seed), results.grid.report
    within = [(a, b) for a, b in _pairs(groups, report.baseline) if a.system == b.system]
    families = (within, _pairs(groups, report.reference))
    gains, comparisons = (_gains(pairs, trials, seed) for pairs in families)
    return Analysis(results.grid, groups, gains, comparisons, trials, seed)


def seeds_needed(n_comparisons: int) -> int:
    """Compute how many seeds on each side let the second test pass after Holm's correction.

    Example:
        >>> seeds_needed(1), seeds_needed(7), seeds_needed(21)
        (4, 6, 6)
    """
    return next(n for n in count(2) if n_comparisons * 2 / comb(2 * n, n) <= LEVEL)


def _pairs(groups: Sequence[Group], labels: Mapping[str, str]) -> list[tuple[Group, Group]]:
    """Pair each group with the one that has these labels instead of its own."""
    by_axes = {tuple(group.axes.items()): group for group in groups}
    pairs = [(group, by_axes.get(tuple({**group.axes, **labels}.items()))) for group in groups]
    return [(a, b) for a, b in pairs if b is not None and a is not b and a.runs and b.runs]


def _gains(pairs: Sequence[tuple[Group, Group]], trials: int, seed: int) -> tuple[Gain, ...]:
    """Test every group against the other of its pair, and correct both tests over all pairs."""
    gains = []
    for group, against in pairs:
        scores = [list(side.scores.values()) for side in (against, group)]
        method = significance.permutation_test(*scores, trials=trials, seed=seed)
        models = None
        if same_test_set([*group.runs, *against.runs]):
            counts = [[run.counts for run in side.runs] for side in (against, group)]
            models = significance.randomization_test(*counts, trials=trials, seed=seed)
        gains.append(Gain(group, against, models, method))
    p_models = iter(significance.holm([gain.models.p for gain in gains if gain.models is not None]))
    p_method = significance.holm([gain.method.p for gain in gains])
    return tuple(
        replace(gain, p_models=next(p_models) if gain.models else None, p_method=p)
        for gain, p in zip(gains, p_method, strict=True)
    )


def _corpora(runs: Sequence[RunResult]) -> str:
    """Name the corpora, each with a hash of its sizes, types and test gold, however segmented."""
    found: dict[str, set[str]] = {}
    for run in runs:
        parts = {
            part: {key: n for key, n in counts.items() if key not in ("tokens", "lost")}
            for part, counts in run.result["corpus"].items()
            if part in ("train", "dev", "test")
        }
        content = json.dumps([parts, run.counts[:, GOLD].tolist()], sort_keys=True)
        found.setdefault(run.result["name"], set()).add(_sha256(content))
    hashes = {name: _sha256("".join(sorted(digests)))[:8] for name, digests in found.items()}
    return _listed(f"{name}@{digest}" for name, digest in hashes.items())


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _listed(names: Iterable[str]) -> str:
    return ",".join(sorted(set(names))) or "none"
