"""Models are calibrated at the end of a training, and by hand."""

import json
import re
import shutil

import pytest

from kakehashi.config.reading import settings_from_tree
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.training.train import train


@pytest.fixture(scope="module")
def trained(tree, world, tmp_path_factory):
    """A run with enough development data."""
    settings = tree("en")
    parts = ("train", "train", "dev")  # else there are too few mentions
    settings["corpus"]["dev"] = [settings["corpus"][part][0] for part in parts]
    folder = tmp_path_factory.mktemp("calibrated") / "run"
    return train(settings_from_tree(settings), folder)


def test_a_training_calibrates_its_model_and_writes_such_probabilities(trained):
    result = json.loads((trained / "result.json").read_text())
    assert result["calibration"]["mentions"] >= 200
    recognizer = Recognizer.load(trained)
    assert recognizer.decoder.temperature == result["calibration"]["temperature"] != 1
    for sentence in map(json.loads, (trained / "predictions.jsonl").read_text().splitlines()):
        found = recognizer(sentence["text"])
        expected = [m["probability"] for m in sentence["mentions"]]
        assert [m.probability for m in found] == pytest.approx(expected, abs=1e-4)


def test_calibrating_again_is_measured_and_kept(run, trained, world, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    (folder / "model/calibration.json").unlink()
    sums = (folder / "model/SHA256SUMS").read_text().splitlines(keepends=True)
    (folder / "model/SHA256SUMS").write_text("".join(sums[:-1]))
    assert "not calibrated" in run("model", "info", folder).stdout
    test = world / "en-test.jsonl"
    done = run("calibrate", folder, "--test", test, "--out", tmp_path / "r.svg", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    then = json.loads((trained / "result.json").read_text())["calibration"]
    again = found["calibration"]
    assert (again["mentions"], again["corpus"]) == (then["mentions"], then["corpus"])
    assert again["temperature"] == pytest.approx(then["temperature"], rel=0.1)  # 8 bits, 32
    lines = test.read_text().splitlines()
    n_gold = sum(len(json.loads(line)["mentions"]) for line in lines)
    assert found["reliability"]["now"]["gold"] == n_gold
    assert "line-before" in (tmp_path / "r.svg").read_text()
    assert json.loads(run("model", "info", folder, "--json").stdout)["calibration"] == again
    before = (folder / "model/SHA256SUMS").read_bytes()
    checked = run("calibrate", folder, test, "--check")
    assert (folder / "model/SHA256SUMS").read_bytes() == before
    for part in ("least probability", "temperature", "Brier"):
        assert part in checked.stdout
    run("calibrate", folder, test).refused("200 are needed", str(test))


def test_a_model_is_not_calibrated_by_text_without_mentions_that_it_could_find(
    run, trained, world, tmp_path
):
    sums = (trained / "model/SHA256SUMS").read_bytes()
    text = (world / "en-train.jsonl").read_text() * 3
    sentences = [json.loads(line) | {"mentions": []} for line in text.splitlines()]
    raw, others = tmp_path / "raw.jsonl", tmp_path / "others.jsonl"
    raw.write_text("".join(f"{json.dumps(sentence)}\n" for sentence in sentences))
    others.write_text(re.sub('"(PER|LOC)"', '"time"', text))
    good = world / "en-test.jsonl"
    run("calibrate", trained, raw).refused("no mentions to judge", str(raw))
    run("calibrate", trained, others).refused("none of the types", "--mapping")
    run("calibrate", trained, "--test", others).refused("none of the types", str(others))
    assert (trained / "model/SHA256SUMS").read_bytes() == sums
    run("calibrate", raw, good).refused("is a file", "--check")
