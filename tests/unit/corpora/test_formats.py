from typing import get_args

import pytest

from kakehashi.config.sources import (
    AssistantSource,
    ColumnsSource,
    InlineSource,
    JsonlSource,
    KnpSource,
    Source,
)
from kakehashi.corpora.assistant import generate
from kakehashi.corpora.formats import FORMATS, WRITABLE, guess_source, read_source, source_name
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.sentence import Sentence


def test_every_format_of_the_settings_has_a_reader():
    models = get_args(get_args(Source)[0])
    assert {model.model_fields["format"].default for model in models} == set(FORMATS)
    assert WRITABLE == ("columns", "inline", "jsonl")


def test_sources_are_read_by_their_format(write, archive):
    path = write("a.x", '{"text": "Oslo"}')
    assert list(read_source(JsonlSource(path=path))) == [Sentence("Oslo")]
    assert list(read_source(InlineSource(path=path))) == [Sentence('{"text": "Oslo"}', group="a.x")]
    with pytest.raises(CorpusError, match="holds no sentence"):
        list(read_source(KnpSource(path=archive({"README": b"nothing"}))))


@pytest.mark.parametrize("format", ["columns", "inline", "jsonl", "annotated", "stockmark"])
def test_a_file_without_a_sentence_is_an_error(write, format):
    content = "[]" if format == "stockmark" else "\n \n"
    source = guess_source(write("empty.x", content), format)
    with pytest.raises(CorpusError, match=r"empty\.x: holds no sentence"):
        list(read_source(source))


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"assistant"}))
def test_a_missing_file_is_an_error(tmp_path, format):
    source = guess_source(tmp_path / "none", format)
    with pytest.raises(CorpusError, match=r"none: there is no such file"):
        list(read_source(source))


@pytest.mark.parametrize(
    ("name", "format"),
    [
        *(("a.conll", "columns"), ("a.txt", "columns"), ("a.jsonl", "jsonl")),
        *(("a.jsonl.gz", "jsonl"), ("a.parquet", "parquet"), ("a.json.gz", "stockmark")),
        *(("a.json", "stockmark"), ("a.tar.gz", "knp"), ("a.tgz", "knp"), ("a.xml", "inline")),
    ],
)
def test_formats_are_guessed_by_name(write, name, format):
    assert guess_source(name).format == format  # where there is no such file
    path = write(name, "")
    assert guess_source(path).format == format
    assert guess_source(path).path == path


def test_formats_are_guessed_by_content_where_names_do_not_tell(write, tmp_path):
    line = '{"id": "0", "utt": "a", "annot_utt": "a"}\n'
    assert guess_source(write("en-US.jsonl", line)).format == "annotated"
    assert guess_source(tmp_path).format == "knp"


def test_relative_paths_are_taken_from_here_first(write, tmp_path, monkeypatch):
    write("a.txt", "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAKEHASHI_DATA", "/data")
    assert source_name(guess_source("a.txt")) == str(tmp_path / "a.txt")
    assert source_name(guess_source("b.txt")) == "/data/b.txt"


def test_settings_go_along():
    source = guess_source("a", "columns", columns=("token", "tag"), separator="tab", spaces=False)
    assert source == ColumnsSource(path="a", separator="\t", spaces=False)


@pytest.mark.parametrize(
    ("arguments", "settings", "problem"),
    [
        (("a.pdf",), {}, r"format: cannot tell the format of 'a\.pdf'.*\.conll.*; say --format"),
        (("a.txt", "arrow"), {}, r"format: .*'arrow'"),
        (("a.txt",), {"columns": ("tag",)}, r"columns: expected the column 'token' once"),
        (("a.txt",), {"columns": ("token", "token")}, r"columns: expected the column 'token' once"),
        (("a.txt",), {"columns": ("token", "ner")}, r"columns: expected token, .* got 'ner'"),
        (("a.txt",), {"separator": ""}, r"separator: "),
        (("a.txt",), {"encoding": "utf-99"}, r"encoding: expected an encoding .* got 'utf-99'"),
        (("a.txt",), {"encoding": "utf-16"}, r"encoding: expected an encoding that keeps ASCII"),
        (("a.txt",), {"encoding": "base64"}, r"encoding: expected an encoding that keeps ASCII"),
        (("a.jsonl",), {"columns": ("token",)}, r"columns: "),
    ],
)
def test_wrong_settings_are_refused(arguments, settings, problem):
    with pytest.raises(ConfigError, match=problem) as caught:
        guess_source(*arguments, **settings)
    assert "\n" not in str(caught.value)


def test_generated_sources_are_generated_and_named_by_language():
    source = AssistantSource(language="ja", utterances=2, partition="dev", seed=7)
    assert list(read_source(source)) == list(generate("ja", 2, partition="dev", seed=7))
    assert source_name(AssistantSource(language="ja", utterances=3)) == "assistant ja"
