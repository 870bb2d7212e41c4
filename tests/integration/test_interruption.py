"""Real signals to a real process: nothing is lost but some batches."""

import json
import random
import re
import signal
import time

import pytest

from kakehashi.files import sha256_of
from kakehashi.training.checkpoint import Checkpoint

EPOCHS = 80


@pytest.fixture
def begin(tree, tmp_path, start):
    """Start a training of some seconds in a folder; the settings are always the same."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(tree("en", epochs=EPOCHS)))
    return lambda folder, *options: start("train", config, "--out", tmp_path / folder, *options)


def wait_for_epochs(folder, count, process):
    path = folder / "epochs.jsonl"
    while not path.exists() or len(path.read_text().splitlines()) < count:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


def wait_for_checkpoint(folder, inside, process):
    """Wait for a checkpoint inside an epoch, or between two."""
    while (Checkpoint.load(folder / "checkpoint").epoch is not None) is not inside:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


def test_stopped_it_keeps_the_best_model_and_the_same_command_goes_on(begin, tmp_path):
    for number, status, epochs in ((signal.SIGINT, 130, 2), (signal.SIGTERM, 143, 20)):
        process = begin("run")
        wait_for_epochs(tmp_path / "run", epochs, process)
        process.send_signal(number)
        out, err = process.communicate()
        assert process.returncode == status
        assert out == ""
        assert err.strip().splitlines()[-1].startswith("stopped; the model of epoch")
        assert (tmp_path / "run/model/SHA256SUMS").exists()
        assert not (tmp_path / "run/result.json").exists()
    again = begin("run")
    out, err = again.communicate()
    assert again.returncode == 0, err
    assert "continuing after epoch" in err
    assert len((tmp_path / "run/epochs.jsonl").read_text().splitlines()) == EPOCHS


def test_stopped_it_can_be_finished_with_the_epochs_it_has(begin, tmp_path):
    refused = begin("run", "--finish")
    out, err = refused.communicate()
    assert (refused.returncode, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert "has no checkpoint of an interrupted run; leave out --finish" in line
    assert not (tmp_path / "run").exists()
    process = begin("run")
    wait_for_epochs(tmp_path / "run", 3, process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    before = (tmp_path / "run/epochs.jsonl").read_text()
    last = begin("run", "--finish")
    out, err = last.communicate()
    assert last.returncode == 0, err
    assert "continuing after" in err
    assert out.splitlines()[-1] == str(tmp_path / "run")
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["selection"]["stopped_by"] == "finish"
    assert 3 <= len(result["epochs"]) == len(before.splitlines()) < EPOCHS
    assert (tmp_path / "run/epochs.jsonl").read_text() == before
    assert not (tmp_path / "run/checkpoint").exists()


def test_killed_at_any_moment_it_ends_with_the_same_weights(begin, tmp_path):
    whole = begin("whole")
    _, err = whole.communicate()
    assert whole.returncode == 0, err
    random_ = random.Random(7)
    for count, minutes in ((1, 5), (12, 0), (30, 5), (50, 0)):
        process = begin("killed", "--save-every", str(minutes))
        wait_for_epochs(tmp_path / "killed", count, process)
        wait_for_checkpoint(tmp_path / "killed", minutes == 0, process)
        time.sleep(random_.random() * 0.05)
        process.kill()
        process.communicate()
    last = begin("killed")
    _, err = last.communicate()
    assert last.returncode == 0, err
    assert re.search("continuing after [0-9]+ batches of epoch", err)
    folders = (tmp_path / "whole", tmp_path / "killed")
    results = [json.loads((folder / "result.json").read_text()) for folder in folders]
    assert results[0]["test"] == results[1]["test"]
    weights = [sha256_of(folder / "model/weights.safetensors") for folder in folders]
    assert weights[0] == weights[1]
