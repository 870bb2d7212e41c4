import json

import pytest

from kakehashi.config.reading import read_settings, settings_from_tree
from kakehashi.config.settings import PRESETS
from kakehashi.errors import ConfigError

SOURCE = {"format": "columns", "path": "a.conll"}


def tree(**changes):
    return {"name": "x", "corpus": {"train": [SOURCE], "dev": [SOURCE]}, **changes}


def test_a_preset_lies_below_what_the_file_says():
    settings = settings_from_tree(tree(preset="internal", training={"epochs": 3}))
    assert settings.training.epochs == 3
    assert settings.model.char_lstm_width == PRESETS["internal"]["model"]["char_lstm_width"] == 30


def test_strong_decodes_with_a_crf():
    settings = settings_from_tree(tree(preset="strong", training={"epochs": 3}))
    assert (settings.model.decoder, settings.training.epochs) == ("crf", 3)


def test_the_paper_is_the_default():
    settings = settings_from_tree(tree())
    assert (settings.training.epochs, settings.model.char_lstm_width) == (10, 100)
    assert (settings.model.word_lstm_width, settings.model.char_width) == (300, 50)
    assert (settings.model.ngram, settings.model.dropout, settings.model.decoder) == (
        2,
        0.5,
        "softmax",
    )


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
        (
            {"preset": "extern"},
            "preset: Input should be 'external', 'internal' or 'strong', got 'extern'",
        ),
        ({"corpus": {"dev": [SOURCE]}}, "'train' is needed"),
        ({"corpus": {"train": [SOURCE]}}, "corpus.dev is needed to keep the best epoch"),
        (
            {"training": {"select": "last", "patience": 2}},
            "training.patience waits for a better F1",
        ),
        ({"corpus": {"all": [SOURCE]}}, "'all' and 'split' go together"),
        ({"corpus": {}}, "give either 'train', 'dev' and 'test', or 'all' with 'split'"),
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


def test_overrides_are_toml_or_plain_words(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(tree(vectors={"path": "v"})))
    overrides = ["training.epochs=2", "model.char_view=romaji", "name='y'", "vectors=null"]
    settings = read_settings(path, overrides)
    assert (settings.training.epochs, settings.model.char_view) == (2, "romaji")
    assert (settings.name, settings.vectors) == ("y", None)


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


def test_configs_of_the_package_go_by_name():
    assert read_settings("demo-ja", ["training.seed=7"]).training.seed == 7


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = ", "is not well-formed"),
        (b"\xff\xfe", "expected UTF-8 text"),
        (None, "there is no such config file"),
    ],
)
def test_unreadable_files_are_named(tmp_path, content, message):
    path = tmp_path / "c.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_settings(path)
