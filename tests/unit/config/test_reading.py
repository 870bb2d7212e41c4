import json
import re
import tomllib
from pathlib import Path

import pytest

from kakehashi.config.reading import (
    check_files,
    data_path,
    missing_hint,
    read_settings,
    settings_from_tree,
)
from kakehashi.config.reference import reference
from kakehashi.config.settings import PRESETS
from kakehashi.errors import ConfigError, CorpusError

SOURCE = {"format": "columns", "path": "a.conll"}
ROOT = Path(__file__).parents[3]
SHIPPED = sorted([*ROOT.glob("configs/*.toml"), *ROOT.glob("kakehashi/config/*.toml")])


def tree(**changes):
    return {"name": "x", "corpus": {"train": [SOURCE], "dev": [SOURCE]}, **changes}


def test_presets_lie_below_what_the_file_says_and_the_paper_is_the_default():
    settings = settings_from_tree(tree(preset="internal", training={"epochs": 3}))
    assert settings.training.epochs == 3
    assert settings.model.char_lstm_width == PRESETS["internal"]["model"]["char_lstm_width"] == 30
    settings = settings_from_tree(tree(preset="strong", training={"epochs": 3}))
    assert (settings.model.decoder, settings.training.epochs) == ("crf", 3)
    few = settings_from_tree(tree(preset="few-labels", transfer={"source": "runs/en"}))
    assert few.joint is not None
    assert (few.joint.size, few.training.augment) == (5000, 0.5)
    assert (few.model, few.training.learning_rate) == (settings.model, 0.004)
    settings = settings_from_tree(tree())
    assert (settings.training.epochs, settings.model.char_lstm_width) == (None, 100)
    assert (settings.model.word_lstm_width, settings.model.char_width) == (300, 50)
    expected = (2, 0.5, "softmax")
    assert (settings.model.ngram, settings.model.dropout, settings.model.decoder) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainin": {}}, "trainin: unknown setting; did you mean 'training'?"),
        ({"training": {"epoch": 3}}, "training.epoch: unknown setting; did you mean 'epochs'?"),
        (
            {"corpus": {"train": [{**SOURCE, "seperator": "x"}], "dev": [SOURCE]}},
            "seperator: unknown setting; did you mean 'separator'?",
        ),
        ({"training": {"epochs": 0}}, "training.epochs: Input should be greater than 0, got 0"),
        ({"preset": "extern"}, "preset: Input should be 'external', 'internal', 'strong' or"),
        ({"corpus": {"dev": [SOURCE]}}, "corpus.train is needed, or corpus.all, or [teach]"),
        ({"corpus": {"train": [SOURCE]}}, "corpus.dev is needed to know when to stop, and which"),
        ({"training": {"select": "last"}}, "looks at no F1 that could tell when to stop; set tr"),
        ({"corpus": {"all": [SOURCE]}}, "'all' and 'split' go together"),
        ({"corpus": {}}, "corpus.train is needed, or corpus.all, or [teach]"),
        (
            {"corpus": {"train": [SOURCE], "all": [SOURCE]}},
            "give either 'train', 'dev' and 'test', or 'all' with 'split'",
        ),
        (
            {"corpus": {"train": [SOURCE], "dev": [SOURCE], "train_size": 0}},
            "corpus.train_size = 0 leaves no labels to learn from; add [teach]",
        ),
        ({"training": {"select": "teacher"}}, "training.select = 'teacher' needs [teach]"),
        ({"teach": {"teachers": ["t"], "unlabeled": "rest"}}, "what corpus.train_size leaves"),
        ({"teach": {"teachers": ["t"]}, "system": "crfsuite"}, "crfsuite learns from gold only"),
        ({"transfer": {"source": "s", "groups": ["chars"]}}, "transfer.groups.0: Input should be"),
        ({"name": "../x"}, "name: String should match pattern"),
    ],
)
def test_wrong_settings_are_named(changes, message):
    with pytest.raises(ConfigError) as caught:
        settings_from_tree(tree(**changes), "c.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("c.toml: ")
    assert "\n" not in str(caught.value)


def test_without_dev_training_has_a_number_of_epochs_and_keeps_the_last():
    """As the advice of either refusal has it; a baseline has no epochs to choose from."""
    corpus = {"train": [SOURCE]}
    settings = settings_from_tree(tree(corpus=corpus, training={"select": "last", "epochs": 3}))
    assert settings.training.epochs == 3
    for training in ({"epochs": 3}, {"select": "last"}):
        with pytest.raises(ConfigError):
            settings_from_tree(tree(corpus=corpus, training=training))
        settings_from_tree(tree(corpus=corpus, training=training, system="crfsuite"))


def test_the_config_of_a_run_of_version_0_1_is_a_config(tmp_path):
    training = {"epochs": 15, "learning_rate": 0.004, "batch_tokens": 512, "precision": "float32"}
    training |= {"device": "cpu", "clip_norm": 5.0, "unknown_rate": 0.5, "patience": None}
    training |= {"select": "dev", "test_epochs": True, "seed": 3, "threads": 1}
    vectors = {"path": "ja.vec.gz", "format": "text", "extra_words": "corpus"}
    parts = {"train": [SOURCE], "dev": [SOURCE], "test": [], "all": [], "split": None}
    written = tree(preset="strong", corpus=parts, vectors=vectors, training=training)
    (tmp_path / "config.json").write_text(json.dumps(written | {"transfer": None}))
    settings = read_settings(tmp_path / "config.json")
    assert (settings.training.epochs, settings.training.patience) == (15, None)
    assert settings.vectors.extra_words == "corpus"
    again = settings_from_tree(json.loads(settings.model_dump_json()))
    assert again == settings


def test_overrides_are_toml_or_plain_words_of_any_characters(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(tree(vectors={"path": "v"})))
    overrides = ["training.epochs=2", "model.char_view=romaji", "name='y'", "vectors=null"]
    settings = read_settings(path, overrides)
    assert (settings.training.epochs, settings.model.char_view) == (2, "romaji")
    assert (settings.name, settings.vectors) == ("y", None)
    (tmp_path / "a.json").write_text(json.dumps(tree()))
    source = 'runs/l\'été "x" = \\1'
    settings = read_settings(tmp_path / "a.json", [("transfer.source", source)])
    assert settings.transfer is not None
    assert settings.transfer.source == source
    assert read_settings("demo-ja", ["training.seed=7"]).training.seed == 7


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "expected --set KEY=VALUE"),
        ("=3", "expected --set KEY=VALUE"),
        ("name.x=3", "'name' is a value here, not a table"),
        ("training.epochs=many", "unable to parse"),
    ],
)
def test_wrong_overrides_are_named(tmp_path, override, message):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(tree()))
    with pytest.raises(ConfigError, match=message):
        read_settings(path, [override])


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.toml", b"name = ", "is not well-formed"),
        ("a.toml", b"\xff\xfe", "expected UTF-8 text"),
        ("a.toml", None, "there is no such config file"),
        ("a.json", "null", "expected a table of settings, got 'null'"),
        ("a.json", "[1]", "expected a table of settings"),
        ("a.json", "[" * 100_000, "is nested too deeply"),
        ("a.toml", "a = " + "[" * 100_000, "is nested too deeply"),
        ("a.toml", ".".join("a" * 100_000) + " = 1", "a key of more than 32 parts"),
        ("a.toml", " . ".join('"a"' for _ in range(50)) + " = 1", "a key of more than 32 parts"),
    ],
    ids=range(9),
)
def test_a_file_that_holds_no_settings_is_refused(tmp_path, name, content, problem):
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=problem) as caught:
        read_settings(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", [".".join("a" * 100_000), "training." * 33 + "seed"])
def test_a_key_of_many_parts_is_refused(tmp_path, key):
    (tmp_path / "a.toml").write_text('name = "x"')
    with pytest.raises(ConfigError, match="expected a key of at most 32 parts"):
        read_settings(tmp_path / "a.toml", [f"{key}=1"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("training.seed", -1), ("training.seed", 1 << 32), ("training.threads", 3000)),
        *(("training.learning_rate", float("inf")), ("training.clip_norm", float("nan"))),
        *(("training.epochs", 10**9), ("model.dropout", 0.9999999)),
        *(("model.word_lstm_width", 1_000_000), ("model.char_width", 5000)),
        *(("model.word_width", 1_000_000), ("model.ngram", 1000)),
        ("corpus.train_size_seed", -1),
    ],
)
def test_what_no_machine_can_do_is_refused(tmp_path, key, value):
    (tmp_path / "a.json").write_text(json.dumps(tree()))
    with pytest.raises(ConfigError, match=key):
        read_settings(tmp_path / "a.json", [(key, value)])


def test_a_relative_path_is_looked_for_beside_the_config_too(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    for folder in (tmp_path / "data", tmp_path):
        (folder / "both.jsonl").write_text("")
    (tmp_path / "data/beside.jsonl").write_text("")
    names = ("both", "beside", "none")
    sources = [{"format": "jsonl", "path": f"{name}.jsonl"} for name in names]
    config = {"name": "x", "corpus": {"train": sources, "dev": [sources[0]]}}
    config["vectors"] = {"path": "both.jsonl", "align_to": "beside.jsonl"}
    (tmp_path / "data/a.json").write_text(json.dumps(config))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)
    settings = read_settings("data/a.json")
    found = [source.path for source in settings.corpus.train]
    assert found == ["both.jsonl", "data/beside.jsonl", "none.jsonl"]
    assert (settings.vectors.path, settings.vectors.align_to) == tuple(found[:2])
    with pytest.raises(CorpusError) as caught:
        check_files(settings, "data/a.json")
    assert f"{tmp_path}/none.jsonl and {tmp_path}/data/none.jsonl" in str(caught.value)


def test_relative_paths_are_taken_from_the_data_folder_if_there_is_one(monkeypatch):
    monkeypatch.setenv("KAKEHASHI_DATA", "/data")
    assert data_path("a/b.txt") == Path("/data/a/b.txt")
    assert data_path(Path("/elsewhere/b.txt")) == Path("/elsewhere/b.txt")
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)
    assert data_path("a/b.txt") == Path("a/b.txt")
    monkeypatch.setenv("KAKEHASHI_DATA", "")
    assert data_path("a.txt") == Path("a.txt")


def test_the_hint_says_where_relative_paths_are_taken_from(monkeypatch):
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)
    assert "KAKEHASHI_DATA is not set" in missing_hint("a.txt")
    assert missing_hint("/a.txt") == ""
    monkeypatch.setenv("KAKEHASHI_DATA", "/data")
    assert "KAKEHASHI_DATA=/data" in missing_hint("a.txt")


def test_the_documented_settings_are_the_real_ones():
    """Else: kakehashi settings > docs/settings.toml."""
    assert (ROOT / "docs/settings.toml").read_text(encoding="utf-8") == reference()
    for name in ("columns", "jsonl", "knp", "inline", "annotated", "stockmark", "assistant"):
        assert f'# format = "{name}"' in reference()


def test_what_is_commented_out_is_the_default():
    lines = reference().split("\n# Token per line")[0].splitlines()
    uncommented = [re.sub(r"^# (\w+ = |\[[\w.]+\]$)", r"\1", line) for line in lines]
    shown = tomllib.loads("\n".join(line for line in uncommented if "…" not in line))
    given = {table: shown[table] for table in ("text", "model", "training")}
    given["corpus"] = shown["corpus"] | tree()["corpus"] | {"test": [], "split": None}
    assert settings_from_tree(tree(**given)) == settings_from_tree(tree())


def test_the_printed_config_trains():
    generated = {"format": "assistant", "language": "en"}
    corpus = {
        part: [{**generated, "utterances": utterances, "partition": part}]
        for part, utterances in (("train", 1000), ("dev", 200), ("test", 200))
    }
    expected = settings_from_tree({"name": "my-corpus", "corpus": corpus})
    assert settings_from_tree(tomllib.loads(reference())) == expected


def test_there_are_shipped_configs():
    names = {path.stem for path in SHIPPED}
    assert {"conll2003-en", "crf-knbc-ja", "kwdlc-ja", "massive-en", "demo-ja"} <= names


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configs_are_valid_and_named_like_their_file(path):
    assert read_settings(path).name == path.stem
