"""A small training as a process, for attacks on it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SETTINGS = {
    "model.word_lstm_width": 24,
    "model.char_lstm_width": 12,
    "training.epochs": 12,
    "training.batch_tokens": 64,
}
UTTERANCES = {"train": 250, "dev": 60, "test": 60}


def write_config(folder: Path) -> Path:
    """Write the config of a training that takes some seconds."""
    parts = {
        part: [{"format": "assistant", "language": "en", "utterances": count, "partition": part}]
        for part, count in UTTERANCES.items()
    }
    tree: dict[str, Any] = {"name": "attacked", "corpus": parts}
    for key, value in _SETTINGS.items():
        table, name = key.split(".")
        tree.setdefault(table, {})[name] = value
    path = folder / "attacked.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


def start(
    *arguments: object, cwd: Path, before: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    """Start the program; its output is kept.

    Args:
        arguments: Of the command line.
        cwd: Working directory.
        before: Is called in the new process first, e.g. to lower its limits.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "kakehashi", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=before,
    )


def run(
    *arguments: object, cwd: Path, before: Callable[[], None] | None = None
) -> tuple[int, str, str]:
    """Run the program to its end: exit status, stdout, stderr."""
    process = start(*arguments, cwd=cwd, before=before)
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def state_of(folder: Path) -> dict[str, str]:
    """Hash every file of a finished run; times of day and durations in it do not count."""
    state = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.name in ("epochs.jsonl", "result.json"):
                content = json.dumps(_timeless(path)).encode()
            name = str(path.relative_to(folder))
            state[name] = "" if name == "log.txt" else hashlib.sha256(content).hexdigest()
    return state


def _timeless(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    whole = path.suffix == ".json"
    records: list[dict[str, Any]] = (
        [json.loads(text)] if whole else [*map(json.loads, text.splitlines())]
    )
    for record in records:
        for timed in (record, *record.get("epochs", ())):
            timed.pop("seconds", None)
    return records
