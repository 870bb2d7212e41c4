"""Two real processes that train one model: the result is that of one."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kakehashi.config.reading import settings_from_tree
from kakehashi.files import sha256_of
from kakehashi.training.checkpoint import Checkpoint
from kakehashi.training.run import load_result
from kakehashi.training.train import train

BIN = Path(sys.executable).parent
TWO = [BIN / "torchrun", "--standalone", "--nproc-per-node", "2"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

MEMBER = """
import json, sys
from pathlib import Path
from kakehashi.config.reading import settings_from_tree
from kakehashi.errors import CorpusError, DistributedError
from kakehashi.training.train import train
from kakehashi.training.distributed import process_group

folder = Path(sys.argv[1])
with process_group() as group:
    notes = []
    try:
        with group.run_on_all():
            if group.rank:
                raise CorpusError("there", "is damaged", 3)
    except CorpusError as error:
        notes.append(str(error))
    try:
        group.check_equal(group.rank, "another number")
    except DistributedError as error:
        notes.append(str(error))
    notes.append(group.broadcast(f"from {group.rank}"))
    for name in ("turn", "again"):
        with group.run_on_all(in_turn=True):
            notes.append((folder / name).exists())
            (folder / name).touch()
    (folder / f"notes{group.rank}.json").write_text(json.dumps(notes))
    for name, tree in json.loads((folder / "trees.json").read_text()).items():
        train(settings_from_tree(tree), folder / name, group=group)
"""


@pytest.fixture(scope="module")
def trees(tree):
    """What there is to train, with dropout and hidden words: a decoder each, and tiny batches."""
    softmax, crf, tiny = tree("en", unknown_rate=0.5), tree("ja"), tree("en", epochs=2)
    crf["model"] |= {"decoder": "crf", "scheme": "iobes", "dropout": 0.3}
    # Most sentences are batches of their own: one of the processes has nothing to do.
    tiny["training"]["batch_tokens"] = 6
    return {"softmax": softmax, "crf": crf, "tiny": tiny}


@pytest.fixture(scope="module")
def team(trees, tmp_path_factory):
    """A folder with what two processes gave."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "member.py").write_text(MEMBER)
    (folder / "trees.json").write_text(json.dumps(trees))
    command = [*TWO, folder / "member.py", folder]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return folder


def assert_same(one, two):
    """Same weights, losses and scores, to rounding."""
    weights = [load_file(folder / "model/weights.safetensors") for folder in (one, two)]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-4, atol=1e-4, msg=name)
    results = [load_result(folder) for folder in (one, two)]
    for part in ("dev", "test"):
        assert results[0][part] == results[1][part]
    losses = [[epoch["loss"] for epoch in result["epochs"]] for result in results]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert [result["machine"]["processes"] for result in results] == [1, 2]


@pytest.mark.parametrize("name", ["softmax", "crf", "tiny"])
def test_two_processes_train_what_one_does(name, trees, team, tmp_path):
    one = train(settings_from_tree(trees[name]), tmp_path / "one")
    assert_same(one, team / name)


def test_what_fails_in_one_fails_in_all_and_they_take_turns(team):
    notes = [json.loads((team / f"notes{rank}.json").read_text()) for rank in (0, 1)]
    assert [note[0] for note in notes] == ["there:3: is damaged"] * 2
    assert notes[0][1] == "process 1 has another number than process 0; all must see the same files"
    assert [note[2] for note in notes] == ["from 0"] * 2
    assert [note[3:] for note in notes] == [[False, False], [True, True]]


def children(process):
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    lines = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in found}
    return [pid for pid, line in lines.items() if b"kakehashi" in line]


@pytest.mark.slow
def test_a_process_that_dies_ends_the_other_and_training_resumes(start, trees, team, tmp_path):
    config, out = tmp_path / "config.json", tmp_path / "run"
    config.write_text(json.dumps(trees["softmax"]))
    command = ("train", config, "--out", out, "--cache", tmp_path / "cache")
    killed = start(*command, "--save-every", 0, program=(*TWO, "-m", "kakehashi"))
    while not (out / "checkpoint").exists() or not inside_an_epoch(out / "checkpoint"):
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.01)
    os.kill(children(killed)[-1], 9)
    killed.communicate()
    assert killed.returncode != 0
    assert not (out / "result.json").exists()
    again = start(*command, program=(*TWO, "-m", "kakehashi"))
    stdout, stderr = again.communicate()
    assert again.returncode == 0, stderr
    assert re.search("continuing after [0-9]+ batches of epoch", stderr)
    assert stdout.splitlines()[-1] == str(out)  # once
    assert stdout.count(str(out)) == 1
    folders = (out, team / "softmax")
    weights = [sha256_of(folder / "model/weights.safetensors") for folder in folders]
    assert weights[0] == weights[1]


def inside_an_epoch(checkpoint):
    epoch = Checkpoint.load(checkpoint).epoch
    return epoch is not None and epoch["batches"] > 2


def test_an_error_is_one_line_of_one_process(start, trees, team, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(trees["softmax"]))
    command = ("train", config, "--seed", 9, "--out", team / "softmax")
    process = start(*command, program=(*TWO, "-m", "kakehashi"))
    _, stderr = process.communicate()
    assert process.returncode == 1  # torchrun's
    lines = [line for line in stderr.splitlines() if "holds a finished run" in line]
    assert [line[:6] for line in lines] == ["error:"]
    assert "exitcode  : 2" in stderr


def test_processes_on_ray_are_for_ray(run, tmp_path):
    run("train", "demo-en", "--workers", 2, cwd=tmp_path).refused("--workers: needs --executor ray")


@pytest.mark.slow
def test_two_processes_on_ray_train_the_same(trees, team, start, cluster, tmp_path):
    config, out = tmp_path / "config.json", tmp_path / "run"
    config.write_text(json.dumps(trees["crf"]))
    ray = ("train", config, "--executor", "ray", "--address", cluster, "--out")
    process, refused = start(*ray, out, "--workers", 2), start(*ray, team / "crf", "--seed", 9)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert stderr.count("epoch 6/6") == 1
    assert stdout.splitlines()[-1] == str(out)
    weights = [sha256_of(folder / "model/weights.safetensors") for folder in (out, team / "crf")]
    assert weights[0] == weights[1]
    assert [path.name for path in tmp_path.iterdir() if "ray" in path.name] == []
    _, stderr = refused.communicate()
    assert refused.returncode == 2
    (line,) = stderr.splitlines()
    assert line.startswith("error: ")
    assert "holds a finished run" in line
