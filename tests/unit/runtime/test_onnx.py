"""ONNX files tag as their model folders do, and whatever is not ours is refused."""

import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from kakehashi.config.segmenting import TextSettings
from kakehashi.errors import ConfigError, MissingExtraError, ModelError
from kakehashi.model.folder import Model, save_model
from kakehashi.runtime.checked_folder import Calibration, write_calibration
from kakehashi.runtime.onnx_export import TOLERANCE, export_onnx
from kakehashi.runtime.onnx_file import _seal, read_onnx
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.text.edges import EdgeRules

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

WORDS = [f"{a}{b}" for a in "bdgk" for b in ("a", "en", "il", "o", "u")]
NGRAMS = ["ba", "en", "ko", "ai", "ru"]
KINDS = {
    "softmax": {},
    "crf": {"decoder": "crf", "scheme": "iobes"},
    "vectors": {"n_seen": 7, "n_compact": 5},
    "character CNN": {"char_encoder": "cnn", "char_filters": 7},
}


@pytest.fixture(params=KINDS)
def folder(request, make_tagger, tmp_path):
    tagger = make_tagger(WORDS[:12], NGRAMS, ("LOC", "PER"), **KINDS[request.param])
    with torch.no_grad():  # so that it finds something
        tagger.dense.weight.mul_(20)
        if tagger.word.vectors is not None:
            tagger.word.vectors.codes.random_(-127, 128)
            tagger.word.vectors.scales.fill_(0.01)
    save_model(tmp_path / "model", Model("small", tagger, TextSettings(), EdgeRules({})))
    return tmp_path / "model"


@pytest.fixture
def file(folder):
    path = folder.parent / "model.onnx"
    assert export_onnx(folder, path, "float32") < TOLERANCE
    return path


def found(recognizer, texts):
    sentences = list(recognizer.recognize(texts))
    return (
        [[mention[:4] for mention in sentence.mentions] for sentence in sentences],
        [mention.probability for sentence in sentences for mention in sentence.mentions],
    )


def test_a_file_tags_as_its_folder(folder, file, texts):
    mentions, probabilities = found(Recognizer.load(folder, precision="float32"), texts)
    recognizer = Recognizer.load(file, cache_bytes=3000)
    for again in (recognizer, pickle.loads(pickle.dumps(recognizer))):
        assert found(again, texts)[0] == mentions
        assert found(again, texts)[1] == pytest.approx(probabilities, abs=1e-4)
    assert sum(map(len, mentions)) > 20
    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(lambda _: found(recognizer, texts)[0], range(8)))
    assert several == [mentions] * 8


def test_a_file_has_the_temperature_of_its_folder(folder, texts):
    path = folder.parent / "model.onnx"
    plain = found(Recognizer.load(folder, precision="float32"), texts)[1]
    calibration = Calibration(
        temperature=3, mentions=200, corpus="0", error_before=0.2, error_after=0.1
    )
    write_calibration(folder, calibration)
    mentions, probabilities = found(Recognizer.load(folder, precision="float32"), texts)
    assert max(np.abs(np.subtract(probabilities, plain))) > 0.05
    export_onnx(folder, path, "float32")
    assert read_onnx(path).calibration == calibration
    again = found(Recognizer.load(path), texts)
    assert again == (mentions, pytest.approx(probabilities, abs=1e-4))


def test_eight_bits_nearly_tag_as_the_folder(folder, texts):
    path = folder.parent / "small.onnx"
    export_onnx(folder, path, "int8")
    mentions, _ = found(Recognizer.load(folder, precision="float32"), texts * 10)
    near, _ = found(Recognizer.load(path), texts * 10)
    agreeing = sum(one == other for one, other in zip(mentions, near, strict=True))
    assert agreeing > 0.8 * len(mentions)
    assert read_onnx(path).precision == "int8"
    with pytest.raises(ConfigError, match="precision: the ONNX file computes in int8, not in flo"):
        Recognizer.load(path, precision="float32")


def test_all_that_tagging_needs_is_in_the_metadata(folder, file):
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    proto = onnx.load(file)
    metadata = {each.key: each.value for each in proto.metadata_props}
    described = json.loads(metadata["kakehashi"])
    for name in ("name", "model", "text", "segmenter", "types", "edges", "n_seen_words"):
        assert described[name] == facts[name]
    assert json.loads(metadata["words"]) == WORDS[:12]
    model = read_onnx(file)
    assert json.loads(metadata["tags"]) == list(model.tagset.tags)
    if facts["model"]["decoder"] == "crf":
        legal = np.array(json.loads(metadata["transitions"]), float)
        assert (np.isfinite(legal) == model.tagset.transitions()).all()
    onnx.checker.check_model(proto, full_check=True)


def test_what_is_cut_or_damaged_is_refused(file):
    content = file.read_bytes()
    for length in (*range(20, len(content), 997), len(content) - 1):
        file.write_bytes(content[:length])
        with pytest.raises(ModelError, match="is cut or damaged"):
            read_onnx(file)
    for place in range(20, len(content), 503):
        file.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(ModelError, match="is cut or damaged"):
            read_onnx(file)


@pytest.mark.parametrize("content", [b"", b"\x08\x09", b"PK\x03\x04", b"{}" * 99])
def test_files_of_other_programs_are_refused(tmp_path, content):
    (tmp_path / "other.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="was not written by `kakehashi export`"):
        Recognizer.load(tmp_path / "other.onnx")


def tensor(proto, name):
    return next(each for each in proto.graph.initializer if each.name == name)


def outside(proto):
    each = tensor(proto, "dense.bias")
    each.data_location = onnx.TensorProto.EXTERNAL
    each.external_data.add(key="location", value="/etc/passwd")
    each.ClearField("raw_data")


def other_graph(proto):
    proto.graph.node[-1].op_type = "Sub"


def other_width(proto):
    each = tensor(proto, "dense.bias")
    each.CopyFrom(onnx.numpy_helper.from_array(np.zeros(3, np.float32), "dense.bias"))


def no_number(proto):
    each, name = tensor(proto, "dense.weight"), "dense.weight"
    values = np.full(tuple(each.dims), np.nan, np.float32)
    each.CopyFrom(onnx.numpy_helper.from_array(values, name))


def metadata(key, value):
    def change(proto):
        next(each for each in proto.metadata_props if each.key == key).value = value

    return change


CHANGES = [
    (outside, "has weights in other files"),
    (other_graph, "its graph is not that of its settings"),
    (other_width, r"dense.bias: expected float32 \(\d+,\), got float32 \(3,\)"),
    (no_number, "dense.weight has weights that are infinite or no number"),
    (metadata("words", "[]"), r"n_seen_words: expected at most 0"),
    (metadata("words", '["a", "a"]'), "words: expected strings, no two alike"),
    (metadata("kakehashi", "{}"), r"kakehashi.format_version: Field required"),
    (metadata("kakehashi", '{"format_version": 9}'), "reads 1; use the version that wrote"),
    (metadata("ngrams", "3"), "ngrams: Input should be a valid"),
]


@pytest.mark.parametrize("folder", ["vectors"], indirect=True)
@pytest.mark.parametrize(("change", "problem"), CHANGES)
def test_a_file_that_vouches_for_something_else_is_refused(file, change, problem):
    proto = onnx.load(file)
    del proto.metadata_props[-1]
    change(proto)
    body = proto.SerializeToString()
    file.write_bytes(body + _seal(body))
    with pytest.raises(ModelError, match=problem) as caught:
        Recognizer.load(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("folder", ["crf"], indirect=True)
@pytest.mark.parametrize("scores", ["[]", "[[0]]", "null", '[["a"]]'])
def test_transitions_must_fit(file, scores):
    proto = onnx.load(file)
    del proto.metadata_props[-1]
    metadata("transitions", scores)(proto)
    body = proto.SerializeToString()
    file.write_bytes(body + _seal(body))
    with pytest.raises(ModelError, match="transitions"):
        read_onnx(file)


@pytest.mark.parametrize("folder", ["softmax"], indirect=True)
def test_the_extra_is_named(folder, file, monkeypatch):
    for module in ("onnx", "onnxruntime"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(MissingExtraError, match=rf"needs {module}.*\[onnx\]"):
                Recognizer.load(file)
    with pytest.raises(ConfigError, match="ONNX files run on the cpu"):
        Recognizer.load(file, device="cuda", precision="float32")


@pytest.mark.parametrize("folder", ["crf"], indirect=True)
def test_the_program_exports_tags_and_describes(folder, run):
    place = folder.parent
    done = run("export", "model", "model.onnx", cwd=place)
    assert (done.returncode, done.stdout) == (0, "model.onnx\n"), done.stderr
    run("export", "model", "model.onnx", cwd=place).refused("exists already")
    run("export", "model", "model.bin", cwd=place).refused("expected a name that ends in .onnx")
    assert run("export", "model", "model.onnx", "--int8", "--force", cwd=place).returncode == 0
    text = "ba ken gil\nko du\n"
    lines = run("predict", "model.onnx", stdin=text, cwd=place).stdout
    assert len(lines.splitlines()) == 2
    (place / "in.txt").write_text(text)
    done = run("predict", "model.onnx", "in.txt", "--out", "out", cwd=place)
    assert done.returncode == 0, done.stderr
    parts = (lines, (place / "out/part-000000.jsonl").read_text())
    there, here = ([json.loads(line)["mentions"] for line in part.splitlines()] for part in parts)
    assert here == there
    assert json.loads((place / "out/annotation.json").read_text())["precision"] == "int8"
    facts = json.loads(run("model", "info", "model.onnx", "--json", cwd=place).stdout)
    assert facts["tagged_by"].startswith("int8 by ONNX Runtime")
    assert facts["files"] == {"model.onnx": (place / "model.onnx").stat().st_size}
    assert facts["words"]["seen"] == 12
    run("train", "demo-en", "--source", "model.onnx", cwd=place).refused("is a file; expected")


def test_a_model_on_an_encoder_is_not_exported(tmp_path):
    (tmp_path / "SHA256SUMS").write_text("")
    (tmp_path / "encoder.json").write_text("{}")
    with pytest.raises(ModelError, match="is a model on an encoder, which is not exported; dis"):
        export_onnx(tmp_path, tmp_path / "model.onnx", "float32")


@pytest.mark.parametrize("folder", ["softmax"], indirect=True)
def test_nothing_is_written_where_the_file_would_tag_otherwise(folder, monkeypatch):
    from kakehashi.runtime import onnx_graph

    monkeypatch.setattr(onnx_graph, "_GATES", (0, 1, 2, 3))
    with pytest.raises(ModelError, match="would tag otherwise as an ONNX file in float32"):
        export_onnx(folder, folder.parent / "wrong.onnx", "float32")
    assert not (folder.parent / "wrong.onnx").exists()
