"""Trainings that share a cache, and an encoding that is killed."""

import json
import os
import subprocess
import sys
import time

import pytest

from kakehashi.files import sha256_of
from kakehashi.training.run import load_result
from kakehashi.training.train import train

_ENCODE = """
import json, sys
from pathlib import Path
from kakehashi.config.reading import settings_from_tree
from kakehashi.data.cache import load_dataset
from kakehashi.progress import Progress
load_dataset(Path(sys.argv[1]), settings_from_tree(json.loads(sys.argv[2])), Progress(), 2)
"""


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_training_from_the_cache_gives_the_same_weights(settings, tmp_path, language):
    runs = [
        train(settings(language, epochs=2), tmp_path / name, cache=cache)
        for name, cache in (
            ("memory", None),
            ("written", tmp_path / "cache"),
            ("found", tmp_path / "cache"),
        )
    ]
    results = [load_result(run) | {"epochs": None} for run in runs]
    assert results[0] == results[1] == results[2]
    for name in ("model/weights.safetensors", "predictions.jsonl"):
        assert len({sha256_of(run / name) for run in runs}) == 1


def files(folder):
    return {path.name: sha256_of(path) for path in folder.rglob("*") if path.is_file()}


def test_a_killed_encoding_goes_on_to_the_same_bytes(tree, tmp_path):
    sources = [
        {"format": "assistant", "language": "en", "utterances": 2000, "seed": seed}
        for seed in range(12)
    ]
    settings = json.dumps(tree("en") | {"corpus": {"train": sources, "dev": sources[:1]}})

    def start(folder):
        return subprocess.Popen(
            [sys.executable, "-c", _ENCODE, tmp_path / folder, settings],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    assert start("whole").wait() == 0
    killed = start("killed")
    while len(list((tmp_path / "killed").rglob("shards/[a-z]*"))) < 3:
        assert killed.poll() is None
        time.sleep(0.005)
    killed.kill()
    killed.wait()
    assert list((tmp_path / "killed").rglob("*.partial"))
    assert start("killed").wait() == 0
    assert not list((tmp_path / "killed").rglob("*.partial"))
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
