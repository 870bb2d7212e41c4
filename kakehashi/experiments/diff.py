"""Why two runs differ: sentences fixed and regressed; the results tell types and transfer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.errors import ConfigError, RunError
from kakehashi.experiments.analysis import same_test_set
from kakehashi.experiments.grid import SEED
from kakehashi.experiments.store import Results, RunResult, read_counts
from kakehashi.scoring.score import CORRECT, GOLD, PREDICTED
from kakehashi.sentence import Sentence


@dataclass(frozen=True)
class RunDiff:
    """What changed from the first run to the second."""

    first: RunResult
    second: RunResult
    fixed: list[int]  # sentences that only the second tags correctly, counted from 0
    regressed: list[int]  # sentences that only the first tags correctly
    tagged: list[tuple[Sentence, Sentence]]  # by both; empty where predictions of one are gone


def diff_runs(first: RunResult, second: RunResult) -> RunDiff:
    """Find the sentences that are right in one run and wrong in the other.

    A sentence is right where gold, predicted and correct mentions are equal in number, so no gold
    file is needed. A RunError says that the runs were not tested on the same sentences, or that
    predictions do not fit; a CorpusError that a file of them is damaged.
    """
    for run in (first, second):
        if run.result["test"] is None:
            raise RunError(run.name, "was not tested: its corpus has no test set")
    if not same_test_set((first, second)):
        raise RunError(second.name, f"was tested on other sentences than {first.name}")
    one, other = (
        (run.counts[:, [GOLD, PREDICTED]] == run.counts[:, [CORRECT]]).all(axis=1)
        for run in (first, second)
    )
    fixed, regressed = (np.flatnonzero(flips).tolist() for flips in (other & ~one, one & ~other))
    tagged = list(zip(_predictions(first), _predictions(second), strict=False))
    return RunDiff(first, second, fixed, regressed, tagged)


def run_in_folder(folder: Path) -> RunResult:
    """Read a finished run from its folder; raises a RunError if it holds none."""
    try:
        result = json.loads((folder / "result.json").read_bytes())
        counts = read_counts(folder)
    except (OSError, ValueError):
        problem = "holds no finished run: result.json or counts.parquet is missing"
        raise RunError(folder, problem) from None
    return RunResult(str(folder), {}, result["settings"], result, counts, folder)


def run_with_labels(results: Results, labels: str) -> RunResult:
    """Find a finished run by ``label`` or ``axis=label``, with commas; the first seed of several.

    Raises a ConfigError if no run has these labels, several settings do, or none is finished.
    """
    wanted = [label.strip() for label in labels.split(",")]
    found = [run for run in results.runs if _has_labels(run, wanted)]
    if not found:
        known = "; ".join(f"{axis}: {', '.join(ls)}" for axis, ls in results.grid.labels.items())
        raise ConfigError(labels, f"no run of {results.grid.name} has these labels; {known}")
    settings = {
        ", ".join(f"{axis}={label}" for axis, label in run.axes.items() if axis != SEED)
        for run in found
    }
    if len(settings) > 1:
        raise ConfigError(labels, f"may be {' or '.join(sorted(settings))}; add a label")
    for run in found:
        if run.result:
            return run
    raise ConfigError(labels, "is not finished; run the grid first")


def _has_labels(run: RunResult, wanted: Sequence[str]) -> bool:
    """Match the labels one after another; a label may contain commas itself."""
    known = {*run.axes.values(), *(f"{axis}={label}" for axis, label in run.axes.items())}
    return not wanted or any(
        ", ".join(wanted[:n]) in known and _has_labels(run, wanted[n:])
        for n in range(1, len(wanted) + 1)
    )


def _predictions(run: RunResult) -> list[Sentence]:
    if run.folder is None or not (file := run.folder / "predictions.jsonl").exists():
        return []
    sentences = list(read_jsonl(file))
    if len(sentences) != len(run.counts):
        problem = f"expected {len(run.counts):,} sentences, got {len(sentences):,}"
        raise RunError(file, f"{problem}; the run folder has been changed")
    return sentences
