"""All results of a grid in one Parquet file, for queries and for tables without the run folders.

A row per finished cell. ``axis_NAME`` are its labels, dotted names its settings, then its scores
on ``dev_…`` and ``test_…``, those of every epoch and entity type, the signature, and what was in
each test sentence (``gold``, ``predicted``, ``correct``: one number per sentence). What hangs on
a machine or a clock is left out, so that the same cells give the same bytes.
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

from kakehashi.config.dotted import dotted
from kakehashi.errors import RunError
from kakehashi.experiments.identity import Identity
from kakehashi.files import write_atomically

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
