"""Which runs of a grid are finished, which are missing, and how long those will take."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kakehashi.baselines import BASELINES
from kakehashi.config.settings import RunSettings
from kakehashi.corpora.corpus import load_corpora, load_joint, load_unlabeled
from kakehashi.experiments.grid import Grid
from kakehashi.experiments.runs import Fingerprint, RunSpec, expand
from kakehashi.experiments.store import RUN_FILE, Store
from kakehashi.files import read_json
from kakehashi.progress import Progress

_TYPICAL_EPOCHS = 15  # of a training that ends when F1 has stopped rising


@dataclass(frozen=True)
class Plan:
    """What a grid has, and what it lacks."""

    grid: Grid
    store: Store
    specs: tuple[RunSpec, ...]  # in the grid's order; those that share a key are one run
    wanted: tuple[RunSpec, ...]  # those that were asked for
    missing: tuple[RunSpec, ...]  # to be run, once each, the sources first
    changed: Mapping[str, Fingerprint]  # by key of these, an older run of the same settings

    @property
    def n_runs(self) -> int:
        """How many runs were asked for, each key once."""
        return len({spec.key for spec in self.wanted})

    @property
    def n_finished(self) -> int:
        """How many of these runs are finished."""
        return len({spec.key for spec in self.wanted} - {spec.key for spec in self.missing})

    def changes(self) -> list[str]:
        """Return the names of what has changed since older runs were made."""
        pairs = [(spec.fingerprint, self.changed.get(spec.key)) for spec in self.missing]
        return list(dict.fromkeys(name for new, old in pairs if old for name in new.changes(old)))


def make_plan(grid: Grid, root: Path, only: Iterable[str] = ()) -> Plan:
    """Look up what there is to run; raises what `Grid.only`, `expand` and `Store` do."""
    store = Store(root, grid.name)
    specs = expand(grid, store.hashes)
    labels = grid.only(only).labels
    wanted = [spec for spec in specs if all(spec.axes[axis] in labels[axis] for axis in labels)]
    lacking = [spec for spec in wanted if store.finished(spec) is None]
    missing: dict[str, RunSpec] = {}
    for spec in (*_needed(lacking, store), *lacking):
        missing.setdefault(spec.key, spec)
    older = ((key, store.older(spec)) for key, spec in missing.items())
    changed = {key: fingerprint for key, fingerprint in older if fingerprint is not None}
    return Plan(grid, store, tuple(specs), tuple(wanted), tuple(missing.values()), changed)


def _needed(specs: Iterable[RunSpec], store: Store) -> Iterator[RunSpec]:
    """Yield the sources and teachers that are not there, each after those that it needs itself."""
    for need in (need for spec in specs for need in spec.needs if store.model(need) is None):
        yield from _needed([need], store)
        yield need


def forecast(plan: Plan, progress: Progress | None = None) -> float:
    """Estimate how many seconds the missing runs take, one after another.

    Runs of one kind differ only in seed, transfer and training size. Where none of a kind is
    finished, a training of two epochs on 200 sentences is timed.
    """
    paces: dict[str, _Pace] = {}
    needs = (need for spec in plan.specs for need in spec.needs)
    for spec in {spec.key: spec for spec in (*plan.specs, *needs)}.values():
        folder = plan.store.root / spec.key
        run, result = read_json(folder / RUN_FILE), read_json(folder / "result.json")
        if "seconds" in run and result and "rounds" not in result:  # it was not interrupted
            updates = result["selection"].get("updates", 1)
            corpora = (result["corpus"].get(name) for name in ("train", "labeled"))
            sentences = sum(corpus["sentences"] for corpus in corpora if corpus is not None)
            per_epoch = updates / len(result["epochs"]) / sentences
            paces[_kind(spec.settings)] = _Pace(0.0, 0.0, run["seconds"] / updates, per_epoch)
    sizes: dict[str, int] = {}
    total = 0.0
    for spec in plan.missing:
        settings = spec.settings
        corpus = settings.model_dump_json(include={"corpus", "teach", "joint"})
        if corpus not in sizes:
            sizes[corpus] = _sentences(settings)
        trained, each = [sizes[corpus]], settings.selection
        if each is not None:  # a training each round
            trained = [min(sizes[corpus], each.first + n * each.batch) for n in range(each.rounds)]
            settings = settings.model_copy(update={"selection": None})
        kind = _kind(settings)
        if kind not in paces:
            (progress or Progress()).say(f"timing a short training of {spec.label}")
            paces[kind] = _probe(settings, min(200, sizes[corpus] or 200))
        total += sum(paces[kind].seconds(settings, size) for size in trained)
    return total


def _sentences(settings: RunSettings) -> int:
    """Count the sentences that a run learns from: gold, labeled by teachers, of another corpus."""
    size, teach = settings.corpus.train_size, settings.teach
    total = sum(1 for _ in load_corpora(settings.corpus).train) if size is None else size
    if teach is not None:
        total += teach.unlabeled_size or sum(1 for _ in load_unlabeled(settings))
    if (joint := settings.joint) is not None:
        total += joint.size or sum(1 for _ in load_joint(settings))
    return total


class _Pace(NamedTuple):
    """How fast runs of a kind are."""

    start: float  # seconds of a run
    score: float  # seconds of scoring an epoch
    update: float  # seconds
    updates: float  # in an epoch, for each training sentence

    def seconds(self, settings: RunSettings, sentences: int) -> float:
        """Estimate the seconds of a run; where F1 tells it when to stop, of a typical one."""
        training, updates = settings.training, self.updates * sentences
        if settings.system in BASELINES or not sentences:  # to us a baseline trains one epoch
            return self.start + self.score + updates * self.update
        typical = max(training.min_updates / updates, _TYPICAL_EPOCHS)
        epochs = training.epochs or min(math.ceil(typical), training.max_epochs)
        scores = epochs * (1.0 if training.epochs else min(1.0, updates / training.score_every))
        return self.start + scores * self.score + epochs * updates * self.update


def _kind(settings: RunSettings) -> str:
    tree = settings.model_dump(mode="json", exclude={"name", "transfer", "teach", "joint"})
    del tree["training"]["seed"], tree["corpus"]["train_size"]
    return json.dumps(tree, sort_keys=True)


class _Clock(Progress):
    """Records when each epoch ended: the trainer says so."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def say(self, line: str) -> None:
        if line.startswith("epoch "):
            self.times.append(time.perf_counter())


def _probe(settings: RunSettings, sentences: int) -> _Pace:
    from kakehashi.training.run import load_result
    from kakehashi.training.train import train

    corpus = settings.corpus.model_copy(update={"train_size": sentences})
    update: dict[str, object] = {"epochs": 2}
    if settings.training.select == "teacher":  # here is none
        update["select"] = "last"
    training = settings.training.model_copy(update=update)
    without = {"transfer": None, "teach": None, "joint": None}
    given: dict[str, Any] = {}
    share = 1.0
    if settings.system == "encoder":  # whose states take longest, and are computed once
        parts = {name: list(part) for name, part in load_corpora(corpus)._asdict().items()}
        given = {name: part[:sentences] for name, part in parts.items() if part}
        corpus = corpus.model_copy(update={"train_size": None, "mapping": None})
        share = sum(map(len, given.values())) / sum(map(len, parts.values()))
    short = settings.model_copy(update={"corpus": corpus, "training": training, **without})
    clock, began = _Clock(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = load_result(train(short, Path(folder) / "probe", clock, **given))
    whole = time.perf_counter() - began
    learning = [float(epoch["seconds"]) for epoch in result["epochs"]]
    # The last epoch has warmed up; what it takes beside learning is the same on any training set.
    beside = clock.times[-1] - clock.times[-2] - learning[-1] if clock.times else 0.0
    start = (whole - sum(learning) - len(clock.times) * beside) / share
    updates = result["selection"].get("updates", 2) / 2
    return _Pace(start, beside, learning[-1] / updates, updates / sentences)
