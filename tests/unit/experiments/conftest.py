"""A grid of five small runs, and an executor that only pretends to train."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kakehashi.experiments.execute import Ended
from kakehashi.experiments.grid import Grid

CONFIG = """
name = "small"
[[corpus.train]]
format = "jsonl"
path = "train.jsonl"
[[corpus.dev]]
format = "jsonl"
path = "train.jsonl"
"""
COUNTS = np.array([[1, 1, 1], [2, 1, 0], [0, 1, 0]], np.int32)
SCORE = {
    "gold": 3,
    "predicted": 3,
    "correct": 1,
    "f1": 33.3,
    "precision": 33.3,
    "recall": 33.3,
    "types": {
        "LOC": {"gold": 3, "predicted": 3, "correct": 1, "f1": 33.3, "precision": 33.3}
        | {"recall": 33.3}
    },
    "signature": "s",
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("KAKEHASHI_DATA", str(tmp_path))
    (tmp_path / "train.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "small.toml").write_text(CONFIG)
    return tmp_path / "cells"


@pytest.fixture
def grid(root):
    def make(**more):
        config = str(root.parent / "small.toml")
        tree = {
            "name": "g",
            "seeds": [1, 2],
            "config": config,
            "source": "en",
            "sources": {"en": {"config": config, "set": {"training.epochs": 3}}},
            "axes": {"recognizer": {"none": {}, "char": {"groups": ["char"]}}},
            "report": {"rows": "recognizer"},
        }
        return Grid.model_validate_json(json.dumps(tree | more))

    return make


class Pretender:
    """Pretends to train; what becomes of runs may be given, by the order of their start."""

    def __init__(self, *endings, workers=1):
        self.workers, self.endings, self.commands, self.running = workers, list(endings), [], []

    def close(self):
        self.running.clear()

    def start(self, key, arguments):
        assert len(self.running) < self.workers
        self.commands.append(arguments)
        self.running.append(key)

    def ended(self, seconds):
        if not self.running:
            return []
        key = self.running.pop(0)
        status, output = self.endings.pop(0) if self.endings else (0, "")
        if not status and not output.startswith("elsewhere"):
            finish(Path(self.commands[-1][1]).parents[1] / key)
        return [Ended(key, status, output)]

    @property
    def sources(self):
        configs = [json.loads(Path(command[1]).read_text()) for command in self.commands]
        return [config["transfer"] and config["transfer"]["source"] for config in configs]


def finish(folder):
    table = dict(zip(("gold", "predicted", "correct"), COUNTS.T, strict=True))
    pq.write_table(pa.table(table), folder / "counts.parquet")
    settings = json.loads((folder / "config.json").read_text())
    result = {
        "name": "small",
        "dev": SCORE,
        "test": SCORE,
        "settings": settings,
        "epochs": [{"number": 1, "dev": 1.0, "seconds": folder.stat().st_mtime}],
        "transfer": settings["transfer"] and {"source": settings["transfer"]["source"]},
        "machine": {"cores": 2},
    }
    (folder / "result.json").write_text(json.dumps(result))


@pytest.fixture
def pretender():
    return Pretender
