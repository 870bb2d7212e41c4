import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.segmenting import TextSettings
from kakehashi.data.vectors import Vectors
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.errors import ModelError
from kakehashi.model.folder import Model, load_model, save_model
from kakehashi.model.tagger import Tagger
from kakehashi.runtime.model_folder import describe_model
from kakehashi.tags import Tagset
from kakehashi.text.edges import EdgeRules
from kakehashi.text.word_classes import WordClass


@pytest.fixture
def folder(tmp_path, make_tagger):
    tagger = make_tagger(["東京", "a"], ["to", "ou"], ["LOC"], n_seen=1, scheme="iobes")
    text = TextSettings(segmenter="unidic-lite", cut_scripts=False)
    edges = EdgeRules({"LOC": (frozenset(), frozenset({WordClass.VERB}))})
    save_model(tmp_path / "run" / "model", Model("test", tagger, text, edges))
    return tmp_path / "run" / "model"


@pytest.fixture
def compact(make_tagger):
    """A tagger that knows two of its four words from vectors only."""
    tagger = make_tagger(["a", "b", "c", "d"], ["to"], ["LOC"], n_seen=2, n_compact=2)
    matrix = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6)
    tagger.take_vectors(Vectors({"c": 0, "d": 1}, matrix))
    return tagger


@pytest.fixture
def compact_folder(tmp_path, compact):
    save_model(tmp_path / "compact", Model("test", compact, TextSettings()))
    return tmp_path / "compact"


def reseal(folder):
    """Write a manifest that vouches for whatever the files hold now."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]
    lines = (f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_a_model_comes_back_as_it_was(folder, make_tagger):
    again = make_tagger(["東京", "a"], ["to", "ou"], ["LOC"], n_seen=1, scheme="iobes")
    model = load_model(folder)
    assert model.name == "test"
    assert model.text == TextSettings(segmenter="unidic-lite", cut_scripts=False)
    assert model.edges == EdgeRules({"LOC": (frozenset(), frozenset({WordClass.VERB}))})
    assert model.tagger.tagset == again.tagset
    assert model.tagger.words.strings == ("東京", "a")
    assert model.tagger.words.n_seen == 1
    assert model.tagger.settings == again.settings
    assert not model.tagger.training
    for name, value in again.state_dict().items():
        assert torch.equal(model.tagger.state_dict()[name], value)
    assert load_model(folder.parent).name == "test"


def test_vectors_in_8_bits_come_back_as_they_were(compact, compact_folder):
    again = load_model(compact_folder).tagger
    assert (again.words.strings, again.words.n_seen) == (("a", "b", "c", "d"), 2)
    assert len(again.word.embedding.weight) == 3
    assert again.state_dict().keys() == compact.state_dict().keys()
    for name, value in compact.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert again.word.vectors.codes.dtype == torch.int8
    inputs = torch.arange(5), torch.ones(5, 6)
    embedded = again.word.embed(*inputs)
    assert torch.equal(embedded, compact.word.embed(*inputs))
    assert embedded[3:, :6].abs().max(1).values.tolist() == pytest.approx([1, 1])


def test_there_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="there is no such model or run folder"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="is no model folder"):
        load_model(tmp_path)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(ModelError, match="runs of baselines have none"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["model.json", "words.json", "ngrams.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        load_model(folder)


def test_no_bit_flips_silently(folder, tmp_path):
    """Flip one bit of every 41st byte of every file, the manifest included."""
    n_flips = 0
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for position in range(0, len(content), 41):
            flipped = bytearray(content)
            flipped[position] ^= 1 << position % 8
            path.write_bytes(flipped)
            with pytest.raises(ModelError, match="damaged") as caught:
                load_model(folder)
            assert "\n" not in str(caught.value)
            n_flips += 1
        path.write_bytes(content)
    assert n_flips > 50
    load_model(folder)


def test_no_truncation_is_silent(folder):
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for length in range(0, len(content), max(1, len(content) // 7)):
            path.write_bytes(content[:length])
            with pytest.raises(ModelError):
                load_model(folder)
        path.write_bytes(content)


def change_description(folder, **changes):
    description = json.loads((folder / "model.json").read_text())
    description["model"] |= changes.pop("model", {})
    (folder / "model.json").write_text(json.dumps(description | changes))
    reseal(folder)


def change_weights(folder, change):
    weights = load_file(folder / "weights.safetensors")
    save_file(change(weights), folder / "weights.safetensors")
    reseal(folder)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model": {"word_lstm_width": 4000}}, "dense.weight: expected the shape"),
        ({"model": {"word_lstm_width": 10**30}}, "does not hold what a model folder should"),
        ({"model": {"word_width": 4000}}, "word.embedding.weight: expected the shape"),
        ({"model": {"char_width": 4000}}, "char.embedding.weight: expected the shape"),
        ({"model": {"decoder": "crf"}}, "crf.transitions: expected the shape .*, got none"),
        ({"types": [f"T{n}" for n in range(20_000)]}, "dense.weight: expected the shape"),
        ({"types": ["LOC", "LOC"]}, "no two alike"),
        ({"types": ["A B"]}, "types without blanks"),
        ({"n_seen_words": -1}, "n_seen_words: Input should be greater"),
        ({"format_version": "x" * 10_000}, "format_version: Input should be"),
        ({"edges": {"LOC": [["NOUN"], []]}}, "edges: there is no word class 'NOUN'"),
        ({"format_version": 4}, "format_version: is 4, and this kakehashi reads 1 to 3"),
    ],
    ids=range(12),
)
def test_what_a_description_claims_must_fit_the_weights(folder, monkeypatch, changes, problem):
    """Nothing of the size that is claimed is made, and the message stays a short line."""
    change_description(folder, **changes)
    with monkeypatch.context() as patch:
        patch.setattr("kakehashi.model.folder.Tagger", None)  # so that none is built
        with pytest.raises(ModelError, match=problem) as caught:
            load_model(folder)
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("dense.bias", float("nan")), ("word.embedding.weight", -float("inf"))]
)
def test_weights_that_are_no_numbers_are_refused(folder, name, value):
    def change(weights):
        weights[name].view(-1)[-1] = value
        return weights

    change_weights(folder, change)
    with pytest.raises(ModelError, match=f"{name} has weights that are infinite or no number"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda weights: {k: v.double() for k, v in weights.items()}, "float32, got float64"),
        (lambda weights: {k: v.half() for k, v in weights.items()}, "float32, got float16"),
        (lambda weights: weights | {"more": torch.zeros(1)}, "unexpected more"),
        (lambda weights: weights | {"dense.bias": torch.zeros(9)}, r"dense.bias: .* got \(9,\)"),
        (
            lambda weights: weights | {"word.embedding.weight": torch.tensor(1.0)},
            r"word.embedding.weight: expected the shape \(0, 6\), got \(\)",
        ),
    ],
    ids=["double", "half", "one more", "longer", "no matrix"],
)
def test_other_weights_than_the_description_asks_for_are_refused(folder, change, problem):
    change_weights(folder, change)
    with pytest.raises(ModelError, match=problem):
        load_model(folder)


CODES, SCALES = "word.vectors.codes", "word.vectors.scales"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda weights: weights | {CODES: weights[CODES].short()}, "int8, got int16"),
        (lambda weights: weights | {CODES: weights[CODES].float()}, "int8, got float32"),
        (lambda weights: weights | {SCALES: weights[SCALES].half()}, "float32, got float16"),
        (
            lambda weights: weights | {"dense.bias": torch.zeros(3, dtype=torch.int8)},
            "dense.bias: expected numbers of type float32, got int8",
        ),
        (
            lambda weights: weights | {CODES: weights[CODES][:, 1:].clone()},
            r"shape \(2, 6\), got \(2, 5\)",
        ),
        (lambda weights: weights | {CODES: weights[CODES][1:]}, r"shape \(2, 6\), got \(1, 6\)"),
        (lambda weights: weights | {SCALES: torch.ones(2, 1)}, r"shape \(2,\), got \(2, 1\)"),
        (lambda weights: weights | {SCALES: torch.ones(3)}, r"codes: .*\(3, 6\), got \(2, 6\)"),
        (lambda weights: weights | {SCALES: torch.tensor(1.0)}, "unexpected word.vectors.codes"),
        (lambda weights: weights | {SCALES: torch.tensor([1.0, float("inf")])}, "are infinite or"),
        (lambda weights: weights | {SCALES: torch.tensor([float("nan"), 1.0])}, "or no number"),
        (lambda weights: without(weights, CODES), f"{CODES}: expected the shape .* got none"),
        (lambda weights: without(weights, SCALES), "unexpected word.vectors.codes"),
    ],
    ids=range(13),
)
def test_damaged_vectors_are_refused(compact_folder, change, problem):
    change_weights(compact_folder, change)
    with pytest.raises(ModelError, match=problem) as caught:
        load_model(compact_folder)
    assert "\n" not in str(caught.value)


def without(weights, name):
    return {key: value for key, value in weights.items() if key != name}


def test_a_word_seen_in_training_has_a_row_that_was_trained(compact_folder):
    """Else a transfer would read past the rows."""
    change_description(compact_folder, n_seen_words=3)
    with pytest.raises(ModelError, match=r"model\.json: does.*n_seen_words: expected at most 2"):
        load_model(compact_folder)


@pytest.mark.parametrize(
    "content",
    [
        *("[" * 100_000, '{"a":' * 100_000, '["a", "a"]', '["a", 1]', '["a"]'),
        *(json.dumps(["x" * 3_000_000, "y"]), "9" * 10_000),
        *("{}", "[]", "not JSON", '{"format_version": 1}'),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("name", ["words.json", "model.json"])
def test_json_that_is_no_vocabulary_is_refused(folder, name, content):
    (folder / name).write_text(content)
    reseal(folder)
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        *(b"[" * 9999, b"{}", b"[]", b"null", b'{"a": 1}'),
        *(b'{"a": {"dtype": "F32", "shape": 3}}', b"\xff"),
    ],
    ids=["deep", "empty", "list", "null", "number", "no shape", "no text"],
)
def test_a_damaged_header_is_refused(folder, header):
    size = len(header).to_bytes(8, "little")
    for content in (size + header, b"\xff" * 8 + header, size + header[:-1], size[:3]):
        (folder / "weights.safetensors").write_bytes(content)
        reseal(folder)
        with pytest.raises(ModelError, match=r"do not fit|does not hold"):
            load_model(folder)


def test_a_header_that_claims_more_than_there_is_lets_no_vocabulary_grow(folder, monkeypatch):
    content = (folder / "weights.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["word.embedding.weight"]["shape"][0] = 10**9
    new = json.dumps(header).encode()
    weights = len(new).to_bytes(8, "little") + new + content[8 + size :]
    (folder / "weights.safetensors").write_bytes(weights)
    reseal(folder)
    monkeypatch.setattr("kakehashi.runtime.model_folder._read_strings", None)
    with pytest.raises(ModelError, match=r"do not fit .* invalid shape"):
        load_model(folder)


def test_saving_again_replaces_the_folder_and_sha256sum_can_check_it(folder, make_tagger):
    tagger = make_tagger(["b"], ["x"], ["PER"])
    save_model(folder, Model("second", tagger, TextSettings()))
    assert load_model(folder).name == "second"
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    shutil.rmtree(folder)


def test_a_description_counts_what_is_in_the_folder(folder):
    found, tagger = describe_model(folder.parent), load_model(folder).tagger
    assert (found["name"], found["format_version"], found["types"]) == ("test", 3, ["LOC"])
    assert found["text"]["segmenter"] == "unidic-lite"
    assert found["model"] == tagger.settings.model_dump()
    assert found["words"] == {"seen": 1, "others": 1, "precision": "float32"}
    assert found["ngrams"] == 2
    assert found["weights"] == sum(values.numel() for values in tagger.state_dict().values())
    assert found["files"] == {path.name: path.stat().st_size for path in folder.iterdir()}


def test_a_description_counts_words_in_8_bits(tmp_path):
    words = Vocabulary(["a", "b", "c", "d", "e"], 2)
    settings = ModelSettings(word_width=6, word_lstm_width=5, char_width=4, char_lstm_width=3)
    tagger = Tagger(settings, words, Vocabulary(["to"]), Tagset(("LOC",), "bio"), 3)
    save_model(tmp_path / "model", Model("test", tagger, TextSettings()))
    found = describe_model(tmp_path / "model")
    assert found["words"] == {"seen": 2, "others": 3, "precision": "int8"}


def test_what_cannot_be_described_is_refused_as_when_loading(folder):
    weights = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(weights[:-1])
    with pytest.raises(ModelError, match=r"weights.safetensors is damaged"):
        describe_model(folder)
    reseal(folder)
    with pytest.raises(ModelError, match="weights do not fit"):
        describe_model(folder)
    (folder / "weights.safetensors").write_bytes(weights)
    change_weights(folder, lambda w: {k: v for k, v in w.items() if "embedding" not in k})
    with pytest.raises(ModelError, match=r"word\.embedding\.weight: expected a row per string"):
        describe_model(folder)
    change_description(folder, format_version=4)
    with pytest.raises(ModelError, match="reads 1 to 3"):
        describe_model(folder)


def test_scales_that_are_one_number_are_refused_on_loading_and_do_not_stop_a_description(folder):
    change_weights(folder, lambda weights: weights | {"word.vectors.scales": torch.tensor(1.0)})
    assert describe_model(folder)["words"]["precision"] == "float32"
    with pytest.raises(ModelError, match=r"unexpected word\.vectors\.scales"):
        load_model(folder)
