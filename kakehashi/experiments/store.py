"""The folder where the cells of all grids lie.

::

    ROOT/
      KEY/              the run folder of a cell, and cell.json: who it is
      locks/KEY         held by the process that runs the cell
      kept.json         cells whose corpora have changed, and the older ones that stand for them
      fingerprints.json sums of corpora and vectors
      GRID.parquet      all results of a grid; does without the folders
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from kakehashi.errors import RunError
from kakehashi.experiments.archive import Row, read_archive
from kakehashi.experiments.cell import Cell
from kakehashi.experiments.fingerprints import Fingerprints
from kakehashi.experiments.identity import Identity
from kakehashi.experiments.work import CELL_FILE
from kakehashi.files import write_json


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
        self._kept: dict[str, str] = _json(root / "kept.json")
        self._known = {row.identity.key: row.identity for row in self.rows}
        self._known |= {row.key: row.identity for row in self.rows}
        for file in root.glob(f"*/{CELL_FILE}"):
            record = _json(file)
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


def _json(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value
