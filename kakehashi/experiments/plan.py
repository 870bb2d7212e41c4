"""What a grid has, and what it lacks.

How long a grid will take: from cells of the same kind, or from a short training.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kakehashi.config.settings import RunSettings
from kakehashi.corpora.corpus import load_corpora
from kakehashi.experiments.grid import Grid
from kakehashi.experiments.runs import Cell, expand
from kakehashi.experiments.store import Store
from kakehashi.experiments.work import CELL_FILE
from kakehashi.progress import Progress
from kakehashi.training.run import load_result
from kakehashi.training.train import train


@dataclass(frozen=True)
class Plan:
    """What a grid has, and what it lacks.

    Attributes:
        grid: The grid.
        store: Where its cells lie.
        cells: All of them, in the grid's order; some may share a run.
        wanted: Those that were asked for.
        missing: What there is to run, once each, the sources first.
        changed: Of these, the key of an older run on what has changed since.
    """

    grid: Grid
    store: Store
    cells: tuple[Cell, ...]
    wanted: tuple[Cell, ...]
    missing: tuple[Cell, ...]
    changed: Mapping[str, str]

    @property
    def n_runs(self) -> int:
        """How many runs the wanted cells are."""
        return len({cell.key for cell in self.wanted})

    @property
    def n_finished(self) -> int:
        """How many of these runs are finished."""
        return len({cell.key for cell in self.wanted} - {cell.key for cell in self.missing})

    def changes(self) -> list[str]:
        """Name what has changed since older runs were made."""
        names: dict[str, None] = {}
        for cell in self.missing:
            if cell.key in self.changed:
                older = self.store.made_as(self.changed[cell.key])
                names |= dict.fromkeys(cell.identity.changes(older))
        return list(names)


def make_plan(grid: Grid, root: Path, only: Iterable[str] = ()) -> Plan:
    """Look up what there is to run.

    Args:
        grid: The grid.
        root: Where cells lie.
        only: ``AXIS=LABEL`` each: leave out the cells that bear other labels on these axes.

    Raises:
        ConfigError: If a config is wrong, or there is no such axis or label.
        RunError: If the grid's Parquet file is damaged.
    """
    store = Store(root, grid.name)
    cells = expand(grid, store.fingerprints)
    labels = grid.only(only).labels
    wanted = [cell for cell in cells if all(cell.axes[axis] in labels[axis] for axis in labels)]
    missing: dict[str, Cell] = {}
    for cell in wanted:
        if store.finished(cell) is None:
            if cell.source is not None and store.model(cell.source) is None:
                missing.setdefault(cell.source.key, cell.source)
            missing.setdefault(cell.key, cell)
    older = {key: store.older(cell) for key, cell in missing.items()}
    changed = {key: identity.key for key, identity in older.items() if identity is not None}
    sources = {cell.source.key for cell in wanted if cell.source is not None}
    order = sorted(missing.values(), key=lambda cell: cell.key not in sources)
    return Plan(grid, store, tuple(cells), tuple(wanted), tuple(order), changed)


_SENTENCES = 200
_EPOCHS = 2


@dataclass(frozen=True)
class Pace:
    """Seconds that a run of some kind takes, beside those for each training sentence."""

    fixed: float
    per_sentence: float

    def seconds(self, sentences: int) -> float:
        """Tell how long a run takes, all epochs together."""
        return self.fixed + self.per_sentence * sentences


def forecast(plan: Plan, progress: Progress | None = None) -> float:
    """Tell how many seconds the missing cells take, one after another.

    Cells of one kind differ only in seed, transfer and training size. Where none of a kind is
    finished, a training of two epochs on 200 sentences tells.

    Args:
        plan: What is to be run.
        progress: Is told about each of these trainings.
    """
    progress = progress or Progress()
    paces = _known_paces(plan)
    sizes: dict[str, int] = {}
    total = 0.0
    for cell in plan.missing:
        kind, corpus = _kind(cell.settings), cell.settings.corpus.model_dump_json()
        if corpus not in sizes:
            sizes[corpus] = cell.settings.corpus.train_size or _size(cell.settings)
        if kind not in paces:
            progress.say(f"timing a short training of {cell.label}")
            paces[kind] = _probe(cell.settings, min(_SENTENCES, sizes[corpus]))
        total += paces[kind].seconds(sizes[corpus])
    return total


def _kind(settings: RunSettings) -> str:
    tree = settings.model_dump(mode="json", exclude={"name", "transfer"})
    del tree["training"]["seed"], tree["corpus"]["train_size"]
    return json.dumps(tree, sort_keys=True)


def _known_paces(plan: Plan) -> dict[str, Pace]:
    paces = {}
    for cell in {cell.key: cell for cell in _all(plan)}.values():
        folder = plan.store.folder(cell.key)
        seconds = _seconds(folder) if folder is not None else None
        if folder is not None and seconds is not None:
            sentences = load_result(folder)["corpus"]["train"]["sentences"]
            paces[_kind(cell.settings)] = Pace(0.0, seconds / sentences)
    return paces


def _all(plan: Plan) -> list[Cell]:
    return [*plan.cells, *(cell.source for cell in plan.cells if cell.source is not None)]


def _seconds(folder: Path) -> float | None:
    """Read how long a cell took; nothing is known of one that was interrupted."""
    record: Mapping[str, Any] = json.loads((folder / CELL_FILE).read_bytes())
    return record.get("seconds")


def _size(settings: RunSettings) -> int:
    return sum(1 for _ in load_corpora(settings.corpus).train)


@dataclass
class _Clock(Progress):
    """Notes when each epoch was over: the trainer says so."""

    times: list[float] = field(default_factory=list)

    def say(self, line: str) -> None:
        if line.startswith("epoch "):
            self.times.append(time.perf_counter())


def _probe(settings: RunSettings, sentences: int) -> Pace:
    corpus = settings.corpus.model_copy(update={"train_size": sentences})
    training = settings.training.model_copy(update={"epochs": _EPOCHS})
    short = settings.model_copy(update={"corpus": corpus, "training": training, "transfer": None})
    clock = _Clock()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = load_result(train(short, Path(folder) / "probe", clock))
    whole = time.perf_counter() - began
    learning = [float(epoch["seconds"]) for epoch in result["epochs"]]
    epochs = settings.training.epochs if clock.times else 1
    # The last epoch has warmed up; what it takes beside learning is the same on any training set.
    beside = clock.times[-1] - clock.times[-2] - learning[-1] if clock.times else 0.0
    start = whole - sum(learning) - len(clock.times) * beside
    return Pace(start + epochs * beside, epochs * learning[-1] / sentences)
