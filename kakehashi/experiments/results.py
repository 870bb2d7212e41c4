"""What the cells of a grid gave, from their run folders or from the grid's Parquet file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi.experiments.archive import Row, write_archive
from kakehashi.experiments.cell import Cell, expand
from kakehashi.experiments.grid import Grid
from kakehashi.experiments.store import Store, read_counts


@dataclass(frozen=True)
class CellResult:
    """One cell of a grid.

    Attributes:
        key: Its identity; cells that differ in nothing that counts share one, and one run.
        axes: Axis to label, ``seed`` among them.
        settings: What was, or is to be, run.
        result: What ``result.json`` says, without ``machine`` and times; None where the cell is not
            finished.
        counts: Gold, predicted and correct mentions of every test sentence (sentences, 3).
        folder: The run folder, where it is still there.
    """

    key: str
    axes: Mapping[str, str]
    settings: Mapping[str, Any]
    result: Mapping[str, Any] | None
    counts: npt.NDArray[np.int32] | None
    folder: Path | None


@dataclass(frozen=True)
class Results:
    """Every cell of a grid, finished or not, in its order; the sources are not among them."""

    grid: Grid
    cells: tuple[CellResult, ...]


def load_results(grid: Grid, root: Path) -> Results:
    """Gather what is finished of a grid.

    Args:
        grid: The grid.
        root: Where its cells lie, or only its Parquet file.

    Raises:
        ConfigError: If the grid's configs are wrong.
        RunError: If the Parquet file is damaged.
    """
    store = Store(root, grid.name)
    return gather(grid, expand(grid, store.fingerprints), store)


def gather(grid: Grid, cells: Sequence[Cell], store: Store) -> Results:
    """Look up what is finished of the cells of a grid."""
    return Results(grid, tuple(_cell_result(cell, store) for cell in cells))


def save_results(cells: Sequence[Cell], results: Results, store: Store) -> None:
    """Write the Parquet file; results in it that stand nowhere else stay.

    Args:
        cells: Of the grid.
        results: Of these cells.
        store: Where they lie, and where the file goes.

    Raises:
        RunError: If it cannot be written.
    """
    rows = []
    for cell, found in zip(cells, results.cells, strict=True):
        key = store.finished(cell)
        if key is None or found.result is None or found.counts is None:
            continue
        today = key if cell.identity.missing else cell.key
        made = store.made_as(key)
        rows.append(Row(today, made, cell.axes, found.settings, found.result, found.counts))
    written = {row.identity.key for row in rows}
    others = [row for row in store.rows if row.identity.key not in written]
    rows += [row for row in others if store.folder(row.identity.key) is None]
    if rows:
        write_archive(store.archive, rows)


def _cell_result(cell: Cell, store: Store) -> CellResult:
    settings = cell.settings.model_dump(mode="json")
    key = store.finished(cell)
    folder = store.folder(key) if key is not None else None
    row = store.row(key) if key is not None else None
    if folder is not None:
        result = _portable(json.loads((folder / "result.json").read_bytes()), cell)
        return CellResult(cell.key, cell.axes, settings, result, read_counts(folder), folder)
    if row is not None:
        return CellResult(cell.key, cell.axes, settings, row.result, row.counts, None)
    return CellResult(cell.key, cell.axes, settings, None, None, None)


def _portable(result: dict[str, Any], cell: Cell) -> dict[str, Any]:
    """Leave out what hangs on the machine, the clock and the place of the cells."""
    del result["machine"]
    result["settings"] = cell.settings.model_dump(mode="json")
    result["epochs"] = [
        {name: value for name, value in epoch.items() if name != "seconds"}
        for epoch in result["epochs"]
    ]
    if result["transfer"] is not None and cell.source is not None:
        result["transfer"]["source"] = cell.source.label
    return result
