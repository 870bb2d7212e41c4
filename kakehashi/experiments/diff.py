"""Why two runs differ: the sentences that flipped, the types that gained, what was transferred."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.errors import ConfigError, RunError
from kakehashi.experiments.store import CellResult, Results, read_counts
from kakehashi.scoring.score import CORRECT, GOLD, PREDICTED
from kakehashi.sentence import Sentence


@dataclass(frozen=True)
class Side:
    """A finished run.

    Attributes:
        name: Its folder, or the labels of its cell.
        result: What ``result.json`` says.
        counts: Gold, predicted and correct of each test sentence (sentences, 3).
        folder: The run folder; None where only the results are left.
    """

    name: str
    result: Mapping[str, Any]
    counts: npt.NDArray[np.int32]
    folder: Path | None


class Flip(NamedTuple):
    """A test sentence that one run reads rightly and the other does not.

    Which mentions are true needs no gold file: the run that is right has found just those.

    Attributes:
        number: Of the sentence in the test set, from 0.
        first: As the first run reads it; None where its predictions are gone.
        second: As the second does.
    """

    number: int
    first: Sentence | None
    second: Sentence | None


@dataclass(frozen=True)
class Explanation:
    """What changed from one run to another.

    Attributes:
        first: The one.
        second: The other.
        mended: Sentences that only the second reads rightly.
        broken: Sentences that only the first does.
    """

    first: Side
    second: Side
    mended: tuple[Flip, ...]
    broken: tuple[Flip, ...]


def explain(first: Side, second: Side) -> Explanation:
    """Find the sentences whose reading flipped between two runs.

    Raises:
        RunError: If they were tested on different sentences, or predictions are damaged.
        CorpusError: If a file of predictions is not what it should be.
    """
    if not np.array_equal(first.counts[:, GOLD], second.counts[:, GOLD]):
        raise RunError(second.name, f"was tested on other sentences than {first.name}")
    one, other = _right(first.counts), _right(second.counts)
    readings = [_readings(side) for side in (first, second)]

    def flips(chosen: npt.NDArray[np.bool_]) -> tuple[Flip, ...]:
        return tuple(
            Flip(number, *(found[number] if found else None for found in readings))
            for number in np.flatnonzero(chosen).tolist()
        )

    return Explanation(first, second, mended=flips(other & ~one), broken=flips(one & ~other))


def side_of_run(folder: Path) -> Side:
    """Read what a run folder tells.

    Raises:
        RunError: If the folder holds no finished run.
    """
    try:
        result = json.loads((folder / "result.json").read_bytes())
        return _side(str(folder), result, read_counts(folder), folder)
    except (OSError, ValueError):
        raise RunError(
            folder, "holds no finished run: result.json or counts.parquet is missing"
        ) from None


def side_of_cell(results: Results, labels: str) -> Side:
    """Find a finished cell of a grid by some of its labels.

    Args:
        results: Of the grid.
        labels: ``label`` or ``axis=label`` each, with commas; of several seeds the first is taken.

    Raises:
        ConfigError: If no cell bears them, or none is finished, or cells of several settings are.
    """
    wanted = [label.strip() for label in labels.split(",")]
    found = [cell for cell in results.cells if _bears(cell, wanted)]
    if not found:
        known = "; ".join(f"{axis}: {', '.join(ls)}" for axis, ls in results.grid.labels.items())
        raise ConfigError(labels, f"no cell of {results.grid.name} bears these labels; {known}")
    settings = {_name(cell) for cell in found}
    if len(settings) > 1:
        raise ConfigError(labels, f"may be {' or '.join(sorted(settings))}; add a label")
    for cell in found:
        if cell.result is not None and cell.counts is not None:
            name = ", ".join(cell.axes.values())
            return _side(name, cell.result, cell.counts, cell.folder)
    raise ConfigError(labels, "is not finished; run the grid first")


def _side(
    name: str, result: Mapping[str, Any], counts: npt.NDArray[np.int32], folder: Path | None
) -> Side:
    if result["test"] is None:
        raise RunError(name, "was not tested: its corpus has no test set")
    return Side(name, result, counts, folder)


def _bears(cell: CellResult, wanted: Sequence[str]) -> bool:
    """Say whether a cell has all labels; a label may hold commas itself."""
    known = {*cell.axes.values(), *(f"{axis}={label}" for axis, label in cell.axes.items())}
    return not wanted or any(
        ", ".join(wanted[:n]) in known and _bears(cell, wanted[n:])
        for n in range(1, len(wanted) + 1)
    )


def _name(cell: CellResult) -> str:
    return ", ".join(f"{axis}={label}" for axis, label in cell.axes.items() if axis != "seed")


def _right(counts: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    right: npt.NDArray[np.bool_] = (counts[:, CORRECT] == counts[:, GOLD]) & (
        counts[:, CORRECT] == counts[:, PREDICTED]
    )
    return right


def _readings(side: Side) -> list[Sentence] | None:
    """Read the predictions of a run, where they are still there."""
    if side.folder is None:
        return None
    file = side.folder / "predictions.jsonl"
    if not file.exists():
        return None
    sentences = list(read_jsonl(file))
    if len(sentences) != len(side.counts):
        problem = f"expected {len(side.counts):,} sentences, got {len(sentences):,}"
        raise RunError(file, f"{problem}; the run folder has been changed")
    return sentences
