"""What a grid has, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kakehashi.experiments.cell import Cell, expand
from kakehashi.experiments.grid import Grid
from kakehashi.experiments.store import Store


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
