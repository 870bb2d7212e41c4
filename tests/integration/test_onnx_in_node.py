"""The example in JavaScript tags as we do; it needs node, and its package onnxruntime-node."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.segmenting import TextSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.runtime.model_folder import TrainedModel, weight_shapes, write_model
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.tags import Tagset
from kakehashi.text.edges import EdgeRules

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

ROOT = Path(__file__).parents[2]
TEXTS = [
    "Play jazz in the kitchen, please!",
    "😀 Frau Müller-Lüdenscheidt (Köln) fährt am 17.Juni um 10:30 nach São Paulo …",
    "George W. Bush's U.S. trip cost 3.5 % (or $20) 𠮷 ok",
    "Wake me at seven. I'm at St. Mary's, 5 km from o'clock/noon_time",
    "((Jazz)) [kitchen } „Berlin“ 100% Ａｂｃ",
    "",
    "remind me to call Anna tomorrow at nine about the weather in Hamburg",
]


def made_model(folder):
    """A CRF of random weights, wide enough to find something, that knows some words."""
    settings = ModelSettings(decoder="crf", scheme="iobes", word_lstm_width=20, word_width=8)
    tagset = Tagset(("LOC", "PER"), "iobes")
    words = Vocabulary(["jazz", "kitchen", "me", "the", "müller", "at", "(", "köln"])
    ngrams = Vocabulary(["Be", "er", "rl", "li", "in", "th", "he", "at", "😀"])
    shapes = weight_shapes(settings, len(words), len(ngrams), 0, len(tagset))
    random = np.random.default_rng(1)
    weights = {name: random.normal(0, 0.7, size).astype("f4") for name, size in shapes.items()}
    parts = words, ngrams, tagset, weights, "", EdgeRules({})
    write_model(folder, TrainedModel("made", settings, TextSettings(), *parts))
    return folder


@pytest.fixture
def tag():
    """Run the example."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    known = [node, "-e", "require('onnxruntime-node')"]
    if subprocess.run(known, capture_output=True, check=False).returncode:
        pytest.skip("node finds no onnxruntime-node; see examples/onnx, and set NODE_PATH")

    def tag(model, texts):
        return subprocess.run(
            [node, ROOT / "examples/onnx/tag.cjs", model],
            input="".join(f"{text}\n" for text in texts),
            capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip

    return tag


@pytest.mark.slow
@pytest.mark.parametrize("which", ["golden", "made"])
def test_javascript_finds_the_same(which, tag, tmp_path, run):
    model = ROOT / "tests/golden/models/en" if which == "golden" else made_model(tmp_path / "made")
    done = run("export", model, tmp_path / "model.onnx")
    assert done.returncode == 0, done.stderr
    answer = tag(tmp_path / "model.onnx", TEXTS)
    assert answer.returncode == 0, answer.stderr
    found = [json.loads(line)["mentions"] for line in answer.stdout.splitlines()]
    recognizer = Recognizer.load(model, precision="float32")
    expected = [[m._asdict() for m in recognizer(text)] for text in TEXTS]
    for mentions in expected:
        for mention in mentions:
            del mention["probability"]
    assert found == expected
    assert sum(map(len, found)) > 2


@pytest.mark.slow
def test_javascript_refuses_what_it_cannot_tag(tag, tmp_path, run):
    (tmp_path / "other.onnx").write_bytes(b"\x08\x09\x12\x03abc")
    run("export", ROOT / "tests/golden/models/ja", tmp_path / "ja.onnx")
    problems = {"other": "was not written by kakehashi export", "ja": "needs a dictionary"}
    for name, problem in problems.items():
        answer = tag(tmp_path / f"{name}.onnx", ["a"])
        assert (answer.returncode, answer.stdout) == (2, "")
        assert problem in answer.stderr
