from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import pyarrow.parquet as pq
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
from kakehashi.corpora.formats import (
    FORMATS,
    WRITABLE,
    guess_source,
    prediction_files,
    read_source,
    runs_of,
    source_name,
)
from kakehashi.corpora.jsonl import lines, read_jsonl
from kakehashi.corpora.stats import LostMention
from kakehashi.corpora.writing import Written, write_corpus, write_generated
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.sentence import Mention, Sentence, Token


def test_every_format_of_the_settings_has_a_reader():
    models = get_args(get_args(Source)[0])
    assert {model.model_fields["format"].default for model in models} == set(FORMATS)
    assert {"brat", "columns", "doccano", "inline", "jsonl", "labelstudio"} <= set(WRITABLE)


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


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"assistant", "plugin"}))
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


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("en-US.jsonl", '{"id": "0", "utt": "a", "annot_utt": "a"}', "annotated"),
        ("a.jsonl", '\ufeff{"text": "a", "mentions": []}', "jsonl"),
        ("a.jsonl", "{", "jsonl"),
        ("a.jsonl", '\n{"text": "a", "label": []}', "doccano"),
        ("a.jsonl.gz", '{"text": "a", "entities": [], "relations": []}', "doccano"),
        ("a.jsonl", '{"text": "a", "spans": []}', "prodigy"),
        ("a.jsonl", '{"text": "a", "answer": "reject"}', "prodigy"),
        ("a.json", '[{"curid": "1", "text": "a", "entities": []}]', "stockmark"),
        ("a.json", '[{"text": "\\"data\\""}]', "stockmark"),
        ("a.json", '[{"id": 1, "data": {"text": "a"}}]', "labelstudio"),
        ("a.json.gz", '[{"text": "a", "annotation_id": 3}]', "labelstudio"),
        ("a.json", '{"text": "a", "spans": []}', "prodigy"),
        ("a.jsonl", '{"tokens": ["a"], "ner_tags": [0]}', "huggingface"),
        ("a.jsonl", '{"text": "a", "tags": []}', "jsonl"),
        ("a.parquet", "PAR1", "parquet"),
        ("b/data/train-0.parquet", "", "huggingface"),
        ("b/a.ann", "", "brat"),
        ("b/a.knp", "", "knp"),
    ],
)
def test_formats_are_guessed_by_content_where_names_do_not_tell(tmp_path, name, content, format):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    place = tmp_path / name.partition("/")[0]
    assert guess_source(place).format == format


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


INSIDE = Mention(0, 1, "OPTIONAL", "英")
WHOLE = Mention(2, 4, "DATE", "今日")
ENGLISH_TODAY = Sentence(
    "英語今日", (INSIDE, WHOLE), (Token("英語", 0, 2), Token("今日", 2, 4)), id="s1", group="a"
)


def test_columns_lose_what_no_token_edge_meets_and_say_so(tmp_path):
    source = ColumnsSource(path=str(tmp_path / "out.conll"), encoding="euc-jp", spaces=False)
    written = write_corpus([ENGLISH_TODAY, ENGLISH_TODAY], source)
    lost = [LostMention(number, "s1", *INSIDE, ("英語",)) for number in (1, 2)]
    assert written == Written(2, 2, lost, Counter(id=2))
    assert asdict(written)["lost"][1]["number"] == 2
    assert [s.mentions for s in read_source(source)] == [(WHOLE,)] * 2


@pytest.mark.parametrize("model", [JsonlSource, InlineSource])
def test_other_formats_lose_no_mention(tmp_path, model):
    source = model(path=str(tmp_path / "out"))
    left_out = Counter(id=1, group=1, token=2) if model is InlineSource else Counter()
    assert write_corpus([ENGLISH_TODAY], source) == Written(1, 2, [], left_out)
    (sentence,) = read_source(source)
    assert (sentence.text, sentence.mentions) == (ENGLISH_TODAY.text, ENGLISH_TODAY.mentions)


@pytest.mark.parametrize(
    "source", [KnpSource(path="out"), AssistantSource(language="en", utterances=1)]
)
def test_formats_that_are_only_read(source):
    with pytest.raises(ConfigError, match=r"only read; written are brat, columns, doccano"):
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
    with pytest.raises(OSError, match=r"No such file.*out\.jsonl"):
        write_corpus([ENGLISH_TODAY], JsonlSource(path=str(tmp_path / "no" / "out.jsonl")))
    with pytest.raises(OSError, match=r"No such file.*a\.jsonl"):
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
