from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kakehashi.config.sources import (
    AssistantSource,
    ColumnsSource,
    InlineSource,
    JsonlSource,
    KnpSource,
)
from kakehashi.corpora.assistant import generate
from kakehashi.corpora.formats import read_source
from kakehashi.corpora.jsonl import lines, read_jsonl
from kakehashi.corpora.stats import LostMention
from kakehashi.corpora.writing import (
    Written,
    prediction_files,
    runs_of,
    write_corpus,
    write_generated,
)
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.sentence import Mention, Sentence, Token

INSIDE = Mention(0, 1, "OPTIONAL", "英")
WHOLE = Mention(2, 4, "DATE", "今日")
ENGLISH_TODAY = Sentence(
    "英語今日", (INSIDE, WHOLE), (Token("英語", 0, 2), Token("今日", 2, 4)), id="s1", group="a"
)


def test_columns_lose_what_no_token_edge_meets_and_say_so(tmp_path):
    source = ColumnsSource(path=str(tmp_path / "out.conll"), encoding="euc-jp", spaces=False)
    written = write_corpus([ENGLISH_TODAY, ENGLISH_TODAY], source)
    lost = [LostMention(number, "s1", INSIDE, ("英語",)) for number in (1, 2)]
    assert written == Written(2, 2, lost)
    assert written.to_dict()["lost"][1]["number"] == 2
    assert [s.mentions for s in read_source(source)] == [(WHOLE,)] * 2


@pytest.mark.parametrize("model", [JsonlSource, InlineSource])
def test_other_formats_lose_nothing(tmp_path, model):
    source = model(path=str(tmp_path / "out"))
    assert write_corpus([ENGLISH_TODAY], source) == Written(1, 2, [])
    (sentence,) = read_source(source)
    assert (sentence.text, sentence.mentions) == (ENGLISH_TODAY.text, ENGLISH_TODAY.mentions)


@pytest.mark.parametrize(
    "source", [KnpSource(path="out"), AssistantSource(language="en", utterances=1)]
)
def test_formats_that_are_only_read(source):
    with pytest.raises(ConfigError, match=r"only read; written are columns, inline, jsonl"):
        write_corpus([ENGLISH_TODAY], source)


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.conll"
    path.write_text("old")
    source = ColumnsSource(path=str(path), encoding="euc-jp", spaces=False)
    with pytest.raises(CorpusError, match=r"out\.conll: euc-jp has no '😀'; write it as UTF-8"):
        write_corpus([Sentence("😀", tokens=(Token("😀", 0, 1),))], source)
    with pytest.raises(CorpusError, match="no tokens yet"):
        write_corpus([ENGLISH_TODAY, Sentence("雨")], source)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_path_is_taken_from_here_and_must_be_there(tmp_path, monkeypatch):
    with pytest.raises(CorpusError, match=r"out\.jsonl: cannot be written"):
        write_corpus([ENGLISH_TODAY], JsonlSource(path=str(tmp_path / "no" / "out.jsonl")))
    with pytest.raises(CorpusError, match="cannot be written"):
        write_generated(tmp_path / "nowhere" / "a.jsonl", FEW)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAKEHASHI_DATA", "/nowhere")
    write_corpus([ENGLISH_TODAY], JsonlSource(path="out.jsonl"))
    assert (tmp_path / "out.jsonl").exists()


def test_lines_come_one_by_one():
    def endless():
        while True:
            yield ENGLISH_TODAY

    found = lines(endless())

    assert next(found) == next(found)


MANY = AssistantSource(language="ja", utterances=25_000, seed=7)
FEW = AssistantSource(language="de", utterances=300, partition="test")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_any_number_of_processes_writes_the_same(tmp_path: Path, name: str) -> None:
    for processes in (1, 2):
        (tmp_path / str(processes)).mkdir()
        written = write_generated(tmp_path / str(processes) / name, MANY, processes)
        assert written.sentences == 25_000
    assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_lines_and_rows_are_the_sentences(tmp_path):
    written = write_generated(tmp_path / "a.jsonl", FEW)
    sentences = list(generate("de", 300, partition="test"))
    assert list(read_jsonl(tmp_path / "a.jsonl")) == sentences
    assert written.mentions == sum(len(sentence.mentions) for sentence in sentences)
    write_generated(tmp_path / "a.parquet", FEW)
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    for row, sentence in zip(rows, generate("de", 300, partition="test"), strict=True):
        for name in ("id", "text", "group"):
            assert row[name] == getattr(sentence, name)
        assert row["mentions"] == [mention._asdict() for mention in sentence.mentions]


@pytest.fixture
def annotations(tmp_path):
    """A folder as `kakehashi annotate` leaves it."""
    folder = tmp_path / "annotated"
    folder.mkdir()
    for name in ("part-000001.jsonl", "part-000000.jsonl", "annotation.json", ".lock"):
        (folder / name).touch()
    (folder / "result.json").write_text(json.dumps({"sentences": 3, "parts": 2}))
    return folder


def test_a_file_is_itself_and_a_run_has_one(tmp_path):
    assert prediction_files(tmp_path / "a.conll") == [tmp_path / "a.conll"]
    assert prediction_files(tmp_path) == [tmp_path / "predictions.jsonl"]


def test_parts_are_all_of_them_in_order(annotations):
    expected = [annotations / "part-000000.jsonl", annotations / "part-000001.jsonl"]
    assert prediction_files(annotations) == expected
    (annotations / "part-000000.jsonl").unlink()
    with pytest.raises(CorpusError, match="expected 2 parts, got 1"):
        prediction_files(annotations)


@pytest.mark.parametrize("result", ["", "[]", "{}", '"'])
def test_annotations_that_are_not_finished_are_refused(annotations, result):
    (annotations / "result.json").write_text(result)
    with pytest.raises(CorpusError, match="is not complete"):
        prediction_files(annotations)
    (annotations / "result.json").unlink()
    with pytest.raises(CorpusError, match="is not complete"):
        prediction_files(annotations)


def test_runs_are_one_or_all_that_a_pattern_names(tmp_path, monkeypatch):
    for name in ("ja-seed2", "ja-seed1", "en"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert runs_of("en") == [Path("en")]
    assert runs_of("ja-*") == [Path("ja-seed1"), Path("ja-seed2")]
    assert runs_of(tmp_path / "ja-*") == [tmp_path / "ja-seed1", tmp_path / "ja-seed2"]
    with pytest.raises(CorpusError, match="there is no such file or run folder"):
        runs_of("de-*")
