"""All results of a grid in one Parquet file, for queries and for tables without the run folders.

A row per finished cell. ``axis_NAME`` are its labels, dotted names its settings, then its scores
on ``dev_…`` and ``test_…``, those of every epoch and entity type, the signature, and what was in
each test sentence (``gold``, ``predicted``, ``correct``: one number per sentence). What hangs on
a machine or a clock is left out, so that the same cells give the same bytes.

The folder where the cells of all grids lie.

::

    ROOT/
      KEY/              the run folder of a cell, and cell.json: who it is
      locks/KEY         held by the process that runs the cell
      kept.json         cells whose corpora have changed, and the older ones that stand for them
      fingerprints.json sums of corpora and vectors
      GRID.parquet      all results of a grid; does without the folders

What the cells of a grid gave, from their run folders or from the grid's Parquet file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kakehashi.config.reading import dotted
from kakehashi.errors import RunError
from kakehashi.experiments.grid import Grid
from kakehashi.experiments.runs import Cell, Fingerprints, Identity, expand
from kakehashi.experiments.work import CELL_FILE
from kakehashi.files import write_atomically, write_json

_COUNTS = ("gold", "predicted", "correct")
_RATIOS = ("f1", "precision", "recall")


@dataclass(frozen=True)
class Row:
    """A finished cell.

    Attributes:
        key: Who it is today.
        identity: Who it was when it was run.
        axes: Axis to label.
        settings: What was run.
        result: What came of it.
        counts: Gold, predicted and correct mentions of every test sentence (sentences, 3).
    """

    key: str
    identity: Identity
    axes: Mapping[str, str]
    settings: Mapping[str, Any]
    result: Mapping[str, Any]
    counts: npt.NDArray[np.int32]


def write_archive(path: Path, rows: Sequence[Row]) -> None:
    """Write the file, atomically.

    Raises:
        RunError: If it cannot be written.
    """
    columns = [_columns(row) for row in rows]
    names = dict.fromkeys(name for row in columns for name in row)
    table = pa.table({name: [row.get(name) for row in columns] for name in names})
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    try:
        write_atomically(path, buffer.getvalue().to_pybytes())
    except OSError as error:
        raise RunError(path, f"cannot be written ({error.strerror})") from None


def read_archive(path: Path) -> list[Row]:
    """Read the file.

    Raises:
        RunError: If it is damaged, or no file of ours.
    """
    try:
        return [_row(columns) for columns in pq.read_table(path).to_pylist()]
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise RunError(path, f"cannot be read as results ({problem})") from None


def _columns(row: Row) -> dict[str, Any]:
    return {
        "key": row.key,
        **{f"axis_{axis}": label for axis, label in row.axes.items()},
        **dict(dotted(row.settings)),
        **_scores("dev", row.result["dev"]),
        **_scores("test", row.result["test"]),
        "epochs": row.result["epochs"],
        "types": _types(row.result["test"]),
        "signature": (row.result["test"] or row.result["dev"] or {}).get("signature"),
        **dict(zip(_COUNTS, row.counts.T.tolist(), strict=True)),
        "config": row.identity.config,
        "facts": _json(row.identity.facts),
        "axes": _json(row.axes),
        "settings": _json(row.settings),
        "result": _json(row.result),
    }


def _row(columns: Mapping[str, Any]) -> Row:
    counts = np.array([columns[name] for name in _COUNTS], np.int32).T
    return Row(
        columns["key"],
        Identity(columns["config"], json.loads(columns["facts"])),
        json.loads(columns["axes"]),
        json.loads(columns["settings"]),
        json.loads(columns["result"]),
        counts,
    )


def _scores(part: str, score: Mapping[str, Any] | None) -> dict[str, Any]:
    return {f"{part}_{name}": (score or {}).get(name) for name in (*_RATIOS, *_COUNTS)}


def _types(score: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    types = (score or {}).get("types", {})
    return [
        {"type": name, **{key: count[key] for key in (*_RATIOS, *_COUNTS)}}
        for name, count in types.items()
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class Store:
    """What is finished, in the folder of the cells and in the Parquet file of a grid.

    Args:
        root: The folder; it need not exist.
        grid: Name of the grid.

    Raises:
        RunError: If the Parquet file is damaged.
    """

    def __init__(self, root: Path, grid: str) -> None:
        self.root = root
        self.archive = root / f"{grid}.parquet"
        self.fingerprints = Fingerprints(root / "fingerprints.json")
        self.rows = read_archive(self.archive) if self.archive.exists() else []
        self._kept: dict[str, str] = _json_store(root / "kept.json")
        self._known = {row.identity.key: row.identity for row in self.rows}
        self._known |= {row.key: row.identity for row in self.rows}
        for file in root.glob(f"*/{CELL_FILE}"):
            record = _json_store(file)
            if record and self.folder(file.parent.name) is not None:
                identity = Identity(record["config"], record["facts"])
                self._known[file.parent.name] = identity

    def folder(self, key: str) -> Path | None:
        """Give the folder of a finished cell."""
        folder = self.root / key
        return folder if (folder / "result.json").exists() else None

    def model(self, source: Cell) -> Path | None:
        """Give the run folder of a source model, if it is there."""
        return self.folder(self._kept.get(source.key, source.key))

    def finished(self, cell: Cell) -> str | None:
        """Give the key under which the results of a cell stand, if they do.

        Where a corpus is not on this machine, what is known about the cell is enough.
        """
        key = self._kept.get(cell.key, cell.key)
        if self.folder(key) is not None or key in self._known:
            return key
        if not cell.identity.missing:
            return None
        return next((k for k, i in self._known.items() if cell.identity.may_be(i)), None)

    def older(self, cell: Cell) -> Identity | None:
        """Find a finished cell of the same settings whose corpora or programs have changed."""
        same = [i for i in self._known.values() if i.config == cell.identity.config]
        return same[-1] if same else None

    def keep(self, older: Mapping[str, str]) -> None:
        """Let older cells stand for those that they would be today.

        Args:
            older: Key of today to older key.

        Raises:
            RunError: If the folder cannot be written to.
        """
        self._kept |= older
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            write_json(self.root / "kept.json", self._kept)
        except OSError as error:
            raise RunError(self.root, f"cannot be written to ({error.strerror})") from None

    def made_as(self, key: str) -> Identity:
        """Say who a finished cell was when it was run."""
        return self._known[key]

    def row(self, key: str) -> Row | None:
        """Find the row of a cell in the Parquet file."""
        return next((row for row in self.rows if key in (row.key, row.identity.key)), None)


def read_counts(folder: Path) -> npt.NDArray[np.int32]:
    """Read the counts of each test sentence from a run folder: gold, predicted, correct."""
    table = pq.read_table(folder / "counts.parquet")
    columns = [table[name].to_numpy() for name in ("gold", "predicted", "correct")]
    return np.stack(columns, axis=1).astype(np.int32)


def _json_store(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value


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
