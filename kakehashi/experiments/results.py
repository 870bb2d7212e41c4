"""What the cells of a grid gave, from their run folders or from the grid's Parquet file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi.experiments.grid import Grid


@dataclass(frozen=True)
class CellResult:
    """One cell of a grid.

    Attributes:
        key: Its identity; cells that differ in nothing that counts share one, and one run.
        axes: Axis to label, ``seed`` among them.
        settings: What was, or is to be, run.
        result: What ``result.json`` says; None where the cell is not finished. Out of a Parquet
            file it has neither ``machine`` nor times.
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
