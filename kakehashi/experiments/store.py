"""The root folder with the runs of all grids, and the export of a grid's runs to Parquet.

::

    ROOT/
      KEY/               a run folder, and cell.json: its fingerprint
      cache/             encoded corpora, which the runs share
      kept.json          older runs that stand for those whose corpora have changed since
      fingerprints.json  SHA-256 of corpora and vectors
      GRID.parquet       export of all finished runs of a grid; tables can be made from it alone

docs/experiments.md lists the columns of the Parquet file. What depends on a machine or a clock is
left out, so that the same runs give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kakehashi.config.reading import dotted
from kakehashi.errors import RunError
from kakehashi.experiments.grid import Grid
from kakehashi.experiments.runs import FileHashes, Fingerprint, RunSpec, expand
from kakehashi.files import read_json, replacing_file, write_json
from kakehashi.scoring.score import Count

RUN_FILE = "cell.json"  # the name that version 0.1 gave it: its roots are read, and read ours
_UNKNOWN = Fingerprint("", {})


@dataclass(frozen=True)
class RunResult:
    """A run of a grid, finished or not."""

    key: str  # of its fingerprint; labels that differ in nothing that counts share one
    axes: Mapping[str, str]  # axis to label, ``seed`` among them
    settings: Mapping[str, Any]
    result: Mapping[str, Any]  # result.json without ``machine`` and times; empty if not finished
    counts: npt.NDArray[np.int32]  # gold, predicted, correct of each test sentence (sentences, 3)
    folder: Path | None = None  # the run folder, where it still exists
    made: Fingerprint = _UNKNOWN  # when it was run

    @property
    def name(self) -> str:
        """Its labels, or its folder where it belongs to no grid."""
        return ", ".join(self.axes.values()) or self.key


@dataclass(frozen=True)
class Results:
    """Every run of a grid, finished or not, in its order; the sources are not among them."""

    grid: Grid
    runs: tuple[RunResult, ...]


def load_results(grid: Grid, root: Path) -> Results:
    """Gather the results of a grid; raises what `expand` and `Store` do."""
    store = Store(root, grid.name)
    return Results(grid, tuple(map(store.result, expand(grid, store.hashes))))


class Store:
    """Finished runs in a root folder, if there is one, or a Parquet file; RunError if damaged."""

    def __init__(self, root: Path, grid: str) -> None:
        self.root, self.parquet = root, root / f"{grid}.parquet"
        self.hashes = FileHashes(root / "fingerprints.json")
        self._exported = _read_parquet(self.parquet) if self.parquet.exists() else []
        self._kept: dict[str, str] = read_json(root / "kept.json")
        self._rows = {run.made.key: run for run in self._exported}
        self._rows |= {run.key: run for run in self._exported}
        self._made = {key: run.made for key, run in self._rows.items()}
        for file in root.glob(f"*/{RUN_FILE}"):
            record, key = read_json(file), file.parent.name
            if record and self.folder(key) is not None:
                self._made[key] = Fingerprint(record["config"], record["facts"])

    def folder(self, key: str) -> Path | None:
        """Return the folder of a finished run."""
        folder = self.root / key
        return folder if (folder / "result.json").exists() else None

    def model(self, source: RunSpec) -> Path | None:
        """Return the run folder of a source model, if it is finished."""
        return self.folder(self._kept.get(source.key, source.key))

    def finished(self, spec: RunSpec) -> str | None:
        """Return the key under which a planned run is finished, if it is.

        Where a corpus is not on this machine, what is known about the run is enough.
        """
        key, fingerprint = self._kept.get(spec.key, spec.key), spec.fingerprint
        if self.folder(key) is not None or key in self._made:
            return key
        made = self._made.items() if fingerprint.missing else ()
        return next((key for key, other in made if fingerprint.may_be(other)), None)

    def older(self, spec: RunSpec) -> Fingerprint | None:
        """Find a finished run of the same settings whose corpora or programs have changed."""
        config, key = spec.fingerprint.config, spec.key
        made = reversed(self._made.values())
        return next((f for f in made if f.config == config and f.key != key), None)

    def keep(self, older: Mapping[str, Fingerprint]) -> None:
        """Let older runs stand for those that they would be today, by key of today."""
        self._kept |= {key: fingerprint.key for key, fingerprint in older.items()}
        self.root.mkdir(parents=True, exist_ok=True)
        write_json(self.root / "kept.json", self._kept)

    def result(self, spec: RunSpec) -> RunResult:
        """Read the result of a planned run, empty if it is not finished."""
        settings = spec.settings.model_dump(mode="json")
        run = RunResult(spec.key, spec.axes, settings, {}, np.zeros((0, 3), np.int32))
        key = self.finished(spec)
        if key is None:
            return run
        made, folder = self._made.get(key, spec.fingerprint), self.folder(key)
        if folder is None:
            row = self._rows[key]
            return replace(run, result=row.result, counts=row.counts, made=made)
        result = json.loads((folder / "result.json").read_bytes())
        del result["machine"]  # and all else that depends on a machine, a clock or our place
        result["settings"] = settings
        for epoch in result["epochs"]:
            epoch.pop("seconds", None)
        if result["transfer"] is not None and spec.source is not None:
            result["transfer"]["source"] = spec.source.label
        return replace(run, result=result, counts=read_counts(folder), folder=folder, made=made)

    def export(self, specs: Iterable[RunSpec]) -> None:
        """Write the finished runs of a grid to its Parquet file; rows without a folder stay."""
        runs = []
        for spec in specs:
            key = self.finished(spec)
            if key is not None:
                key = key if spec.fingerprint.missing else spec.key  # of today, where that is known
                runs.append(replace(self.result(spec), key=key))
        written = {run.made.key for run in runs}
        others = [row for row in self._exported if row.made.key not in written]
        runs += [row for row in others if self.folder(row.made.key) is None]
        if not runs:
            return
        rows = list(map(_columns, runs))
        names = dict.fromkeys(name for row in rows for name in row)
        table = pa.table({name: [row.get(name) for row in rows] for name in names})
        with replacing_file(self.parquet) as path:
            pq.write_table(table, path, compression="zstd")


def read_counts(folder: Path) -> npt.NDArray[np.int32]:
    """Read the counts of each test sentence from a run folder: gold, predicted, correct."""
    table = pq.read_table(folder / "counts.parquet")
    return np.stack([table[name].to_numpy() for name in Count._fields], axis=1).astype(np.int32)


def _read_parquet(path: Path) -> list[RunResult]:
    try:
        return [
            RunResult(
                row["key"],
                **{name: json.loads(row[name]) for name in ("axes", "settings", "result")},
                counts=np.array([row[name] for name in Count._fields], np.int32).T,
                made=Fingerprint(row["config"], json.loads(row["facts"])),
            )
            for row in pq.read_table(path).to_pylist()
        ]
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise RunError(path, f"cannot be read as results ({problem})") from None


def _columns(run: RunResult) -> dict[str, Any]:
    dev, test = (run.result[part] or {} for part in ("dev", "test"))
    names = ("f1", "precision", "recall", *Count._fields)
    whole = {"axes": run.axes, "settings": run.settings, "result": run.result}
    return {
        "key": run.key,
        **{f"axis_{axis}": label for axis, label in run.axes.items()},
        **dict(dotted(run.settings)),
        **{f"dev_{name}": dev.get(name) for name in names},
        **{f"test_{name}": test.get(name) for name in names},
        "epochs": run.result["epochs"],
        "types": [
            {"type": type_, **{name: count[name] for name in names}}
            for type_, count in test.get("types", {}).items()
        ],
        "signature": (test or dev).get("signature"),
        **dict(zip(Count._fields, run.counts.T.tolist(), strict=True)),
        "config": run.made.config,
        "facts": json.dumps(run.made.facts, ensure_ascii=False),
        **{name: json.dumps(value, ensure_ascii=False) for name, value in whole.items()},
    }
