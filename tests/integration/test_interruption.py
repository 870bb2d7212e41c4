"""Real signals to a real process: nothing is lost but some batches."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kakehashi.files import sha256_of
from kakehashi.training.checkpoint import Checkpoint

PROGRAM = Path(sys.executable).with_name("kakehashi")
EPOCHS = 120


@pytest.fixture
def start(tree, tmp_path):
    """Start a training of some seconds in a folder; the settings are always the same."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(tree("en", epochs=EPOCHS)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(folder, *options):
        return subprocess.Popen(
            [PROGRAM, "train", config, "--out", tmp_path / folder, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment,
            # A shell that runs the tests in the background has them ignore Ctrl-C, and so we would.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return start


def wait_for_epochs(folder, count, process):
    path = folder / "epochs.jsonl"
    while not path.exists() or len(path.read_text().splitlines()) < count:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


def wait_for_course(folder, inside, process):
    """Wait for a checkpoint inside an epoch, or between two."""
    while (Checkpoint.load(folder / "checkpoint").course is not None) is not inside:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_keeps_the_best_model_and_the_same_command_goes_on(
    start, tmp_path, number, status
):
    process = start("run")
    wait_for_epochs(tmp_path / "run", 2, process)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == status
    assert out == ""
    assert err.strip().splitlines()[-1].startswith("stopped; the model of epoch")
    assert (tmp_path / "run/model/SHA256SUMS").exists()
    assert not (tmp_path / "run/result.json").exists()
    again = start("run")
    out, err = again.communicate()
    assert again.returncode == 0, err
    assert "going on after epoch" in err
    assert len((tmp_path / "run/epochs.jsonl").read_text().splitlines()) == EPOCHS


def test_killed_at_any_moment_it_ends_with_the_same_weights(start, tmp_path):
    whole = start("whole")
    _, err = whole.communicate()
    assert whole.returncode == 0, err
    random_ = random.Random(7)
    for count, minutes in ((1, 5), (15, 0), (40, 5), (70, 0)):
        process = start("killed", "--save-every", str(minutes))
        wait_for_epochs(tmp_path / "killed", count, process)
        wait_for_course(tmp_path / "killed", minutes == 0, process)
        time.sleep(random_.random() * 0.05)
        process.kill()
        process.communicate()
    last = start("killed")
    _, err = last.communicate()
    assert last.returncode == 0, err
    assert re.search("going on after [0-9]+ batches of epoch", err)
    folders = (tmp_path / "whole", tmp_path / "killed")
    results = [json.loads((folder / "result.json").read_text()) for folder in folders]
    assert results[0]["test"] == results[1]["test"]
    weights = [sha256_of(folder / "model/weights.safetensors") for folder in folders]
    assert weights[0] == weights[1]
