"""What an annotation does again, and what it refuses."""

import fcntl
import gzip
import io
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.segmenting import TextSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.errors import ConfigError, CorpusError, KakehashiError, ModelError, RunError
from kakehashi.model.folder import Model, save_model
from kakehashi.model.tagger import Tagger
from kakehashi.progress import Progress
from kakehashi.runtime.blocks import Reading
from kakehashi.runtime.bulk import Annotator, Count, annotate_corpus
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.runtime.stream import Kept
from kakehashi.tags import Tagset

TEXTS = ["Jon met Ann", "", "in Oslo", "in Oslo , Jon", "  ", "Ann", "new words 👩‍👩‍👧"]


def write_model(folder, seed):
    torch.manual_seed(seed)
    settings = ModelSettings(
        word_width=6, word_lstm_width=8, char_width=4, char_lstm_width=3, word_view="original"
    )
    words, ngrams = Vocabulary(["Jon", "Ann", "Oslo", "in"]), Vocabulary(["J", "o", "n"])
    tagger = Tagger(settings, words, ngrams, Tagset(("LOC", "PER")))
    with torch.no_grad():  # so that it finds something
        tagger.dense.weight.mul_(20)
    save_model(folder, Model("small", tagger, TextSettings()))


class Engine:
    """Does the work here, and keeps what parts were written."""

    def __init__(self, most=100):
        self.parts, self._most = [], most

    def __call__(self, function, jobs):
        for job in jobs:
            if isinstance(function, Annotator):
                if len(self.parts) == self._most:
                    raise KeyboardInterrupt
                self.parts.append(job.path.name)
            yield function(job)


@pytest.fixture
def place(tmp_path):
    write_model(tmp_path / "model", 0)
    (tmp_path / "in.txt").write_text("\n".join(TEXTS))
    return tmp_path


def run(place, engine=None, source="in.txt", out="out", **options):
    engine = engine or Engine()
    options = {"block": 2, **options}
    return annotate_corpus(place / "model", place / source, place / out, map_jobs=engine, **options)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.glob("part-*")}


def test_each_input_has_one_output_as_the_recognizer_gives_it(place):
    assert run(place) == Count(len(TEXTS))
    lines = b"".join(text for _, text in sorted(content(place / "out").items())).splitlines()
    found = [json.loads(line) for line in lines]
    expected = list(Recognizer.load(place / "model").recognize(TEXTS))
    assert [(s["text"], s["id"]) for s in found] == [
        (text, f"in.txt:{number}") for number, text in enumerate(TEXTS, 1)
    ]
    assert [[(m["start"], m["end"], m["type"]) for m in s["mentions"]] for s in found] == [
        [mention[:3] for mention in sentence.mentions] for sentence in expected
    ]
    assert sum(len(sentence.mentions) for sentence in expected) > 4
    result = json.loads((place / "out/result.json").read_bytes())
    assert result == {"sentences": 7, "refused": 0, "parts": 4}


def test_the_model_is_loaded_once_for_all_blocks(place, monkeypatch):
    loaded, load = [], Recognizer.load
    monkeypatch.setattr(Recognizer, "load", lambda *a, **b: loaded.append(a) or load(*a, **b))
    run(place)
    assert len(loaded) == 2  # and once to look at it


def test_parquet_holds_the_same_as_json(place):
    run(place)
    run(place, out="parquet", format="parquet")
    rows = pa.concat_tables(map(pq.read_table, sorted((place / "parquet").glob("part-*"))))
    lines = b"".join(text for _, text in sorted(content(place / "out").items())).splitlines()
    for row, line in zip(rows.to_pylist(), map(json.loads, lines), strict=True):
        assert (row["id"], row["text"]) == (line["id"], line["text"])
        assert row["mentions"] == line["mentions"]


@pytest.mark.parametrize("most", [0, 1, 3])
def test_it_goes_on_where_it_stopped(place, most):
    run(place, out="whole")
    first, second = Engine(most), Engine()
    with pytest.raises(KeyboardInterrupt):
        run(place, first)
    (place / "out/.part-000003.jsonl.77.tmp").write_text("torn")
    assert not (place / "out/result.json").exists()
    assert run(place, second) == Count(len(TEXTS))
    assert first.parts + second.parts == [f"part-{number:06}.jsonl" for number in range(4)]
    assert content(place / "out") == content(place / "whole")
    assert not list(place.glob("out/*.tmp"))
    third = Engine()
    assert run(place, third) == Count(len(TEXTS))
    assert third.parts == []


@pytest.mark.parametrize(
    ("change", "options", "what"),
    [
        (lambda place: write_model(place / "model", 1), {}, "model"),
        (lambda place: (place / "in.txt").write_text("x"), {}, "input"),
        (lambda place: None, {"block": 3, "precision": "float32"}, "precision, block"),
        (lambda place: None, {"format": "parquet"}, "format"),
    ],
)
def test_a_changed_model_or_input_is_refused(place, change, options, what):
    run(place)
    before = content(place / "out")
    change(place)
    with pytest.raises(RunError, match=f"out: was begun with another {what}; go on with the same"):
        run(place, **options)
    assert content(place / "out") == before


def test_a_model_that_changes_meanwhile_is_refused(place):
    class Meddler(Engine):
        def __call__(self, function, jobs):
            write_model(place / "model", 2)
            return super().__call__(function, jobs)

    with pytest.raises(ModelError, match="was changed while it was at work"):
        run(place, Meddler())
    assert content(place / "out") == {}


def test_what_is_no_sentence_is_left_out_and_named(place):
    (place / "in").mkdir()
    (place / "in/a.txt").write_bytes(b"in Oslo\n\xff\nAnn\0\n\nJon")
    (place / "in/b.jsonl").write_text('{"text": "a", "id": "x"}\n' * 5 + "{}\n")
    pq.write_table(pa.table({"text": ["b", None, "c"]}), place / "in/c.parquet")
    count = run(place, source="in")
    problems = [problem.replace(f"{place}/in/", "") for problem in count.problems]
    assert (count.sentences, count.refused, len(problems)) == (10, 4, 4)
    assert problems[0].startswith("a.txt:2: expected text in utf-8")
    assert problems[1].startswith("a.txt:3: holds a NUL")
    assert problems[2].startswith("b.jsonl:6: text: Field required")
    assert problems[3].startswith("c.parquet:2: expected a text")
    ids = [sentence["id"] for sentence in sentences(place / "out")]
    assert ids == ["a.txt:1", "a.txt:4", "a.txt:5", *"xxxxx", "c.parquet:1", "c.parquet:3"]
    assert run(place, source="in") == count
    result = json.loads((place / "out/result.json").read_bytes())
    assert (result["sentences"], result["refused"]) == (10, 4)


def test_input_that_holds_no_sentence_is_refused_before_anything_is_annotated(place):
    (place / "in.txt").write_bytes(b"\xff\n" * 5)
    engine = Engine()
    with pytest.raises(KakehashiError, match=r"in\.txt:1: expected text in utf-8"):
        run(place, engine)
    assert engine.parts == []
    assert list((place / "out").iterdir()) == []
    (place / "in.txt").write_bytes(gzip.compress(b"abc\n" * 9, mtime=0)[:-4])
    with pytest.raises(CorpusError, match="damaged gzip"):
        run(place, engine)
    assert engine.parts == []
    (place / "in.txt").write_text("Ann")
    assert run(place) == Count(1)


def test_an_encoding_is_said(place):
    (place / "in.txt").write_bytes("東京\n".encode("euc-jp"))
    run(place, reading=Reading(encoding="euc-jp"))
    (line,) = b"".join(content(place / "out").values()).splitlines()
    assert json.loads(line)["text"] == "東京"
    with pytest.raises(RunError, match="was begun with another reading"):
        run(place)
    with pytest.raises(ConfigError, match="keeps ASCII"):
        run(place, out="new", reading=Reading(encoding="utf-16"))


def test_columns_and_inline_tags_are_read_as_such(place):
    (place / "in").mkdir()
    (place / "in/a.conll").write_text("in O\nOslo B-LOC\n\nAnn B-PER\n")
    (place / "in/b.xml").write_text("<PERSON>Ann</PERSON> in Oslo\n")
    said = []
    progress = Progress()
    progress.say = said.append
    count = run(place, source="in", progress=progress)
    assert (count, said[0]) == (Count(3), "reading 1 file as columns, 1 file as inline")
    found = sentences(place / "out")
    assert [(s["id"], s["text"]) for s in found] == [
        ("a.conll:1", "in Oslo"),
        ("a.conll:2", "Ann"),
        ("b.xml:1", "Ann in Oslo"),
    ]
    assert [token["text"] for token in found[0]["tokens"]] == ["in", "Oslo"]
    expected = list(Recognizer.load(place / "model").recognize([s["text"] for s in found]))
    assert [[m["type"] for m in s["mentions"]] for s in found] == [
        [mention.type for mention in sentence.mentions] for sentence in expected
    ]
    assert not (place / "out/.input").exists()


def test_columns_have_settings_and_a_bad_file_is_named_itself(place):
    (place / "a.conll").write_text("a O\nb\n")
    with pytest.raises(CorpusError, match=r"a\.conll:2: expected 2 columns"):
        run(place, source="a.conll")
    assert not (place / "out/.input").exists()
    (place / "a.conll").write_text("O;東京\nO;都\n")
    columns = {"columns": ("tag", "token"), "separator": ";", "spaces": False}
    for _ in range(2):  # the second time it is known how the first was read
        run(place, source="a.conll", reading=Reading(columns=columns))
    (line,) = b"".join(content(place / "out").values()).splitlines()
    assert json.loads(line)["text"] == "東京都"


def test_json_is_not_annotated_as_text(place):
    (place / "in.txt").write_text('\n{"text": "in Oslo"}\n')
    with pytest.raises(CorpusError, match=r"in\.txt:2: looks like JSON, but is read as text; say"):
        run(place)
    assert run(place, out="json", reading=Reading("jsonl")) == Count(1)
    assert run(place, out="text", reading=Reading("text")) == Count(2)


@pytest.mark.parametrize("read_as", [None, "jsonl", "columns", "parquet"])
def test_standard_input_is_read_once(place, monkeypatch, read_as):
    pq.write_table(pa.table({"text": ["in Oslo", "Ann"]}), place / "a.parquet")
    data = {
        None: b"in Oslo\nAnn\n",
        "jsonl": b'{"text": "in Oslo"}\n{"text": "Ann"}\n',
        "columns": b"in O\nOslo O\n\nAnn O\n",
        "parquet": (place / "a.parquet").read_bytes(),
    }[read_as]
    for _ in range(2):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        options = {"map_jobs": Engine(), "reading": Reading(read_as)}
        count = annotate_corpus(place / "model", "-", place / "out", **options)
        assert count == Count(2)
    found = map(json.loads, b"".join(content(place / "out").values()).splitlines())
    assert [(s["id"], s["text"]) for s in found] == [("stdin:1", "in Oslo"), ("stdin:2", "Ann")]
    assert not (place / "out/.input").exists()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"other\n")))
    with pytest.raises(KakehashiError):
        annotate_corpus(place / "model", "-", place / "out", reading=Reading(read_as))


def sentences(folder):
    parts = (text for _, text in sorted(content(folder).items()))
    return list(map(json.loads, b"".join(parts).splitlines()))


def test_what_is_kept_is_said(place):
    run(place)
    whole = sentences(place / "out")
    probabilities = sorted(m["probability"] for sentence in whole for m in sentence["mentions"])
    least = probabilities[len(probabilities) // 2]
    run(place, out="few", kept=Kept(least, tokens=False))
    few = sentences(place / "few")
    for all_, some in zip(whole, few, strict=True):
        assert some["mentions"] == [m for m in all_["mentions"] if m["probability"] >= least]
        assert "tokens" not in some
    kept = sum(len(some["mentions"]) for some in few)
    assert 0 < kept < len(probabilities)
    with pytest.raises(RunError, match="another min_probability, no_tokens"):
        run(place, out="few")


def test_a_folder_of_something_else_is_refused(place):
    (place / "out").mkdir()
    (place / "out/thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="out: holds other files; choose another folder"):
        run(place)
    with pytest.raises(RunError, match="lies in the input"):
        run(place, source="out", out="out/parts")
    with pytest.raises(RunError, match=r"in\.txt: is no folder"):
        run(place, out="in.txt")


def test_two_at_once_are_refused(place):
    (place / "out").mkdir()
    with (place / "out/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="another process annotates into it"):
            run(place)


def test_a_part_that_cannot_be_written_is_named(place):
    class Remover(Engine):
        def __call__(self, function, jobs):
            if isinstance(function, Annotator):
                shutil.rmtree(place / "out")
            return super().__call__(function, jobs)

    with pytest.raises(FileNotFoundError) as caught:
        run(place, Remover())
    assert caught.value.filename == str(place / "out/part-000000.jsonl")


def test_a_folder_that_another_kill_left_is_taken(place):
    (place / "out/.input").mkdir(parents=True)
    (place / "out/.input/0.stdin").write_text("torn")
    (place / "out/.annotation.json.tmp").write_text("torn")
    assert run(place) == Count(len(TEXTS))
    assert {path.name for path in (place / "out").iterdir() if path.name.startswith(".")} == set()


def test_a_damaged_manifest_is_named(place):
    run(place)
    (place / "out/annotation.json").write_text("[" * 100_000)
    with pytest.raises(RunError, match=r"annotation\.json is damaged; choose another folder"):
        run(place)


@pytest.mark.parametrize(
    ("options", "problem"),
    [({"format": "xml"}, "expected jsonl or parquet; got 'xml'"), ({"precision": "half"}, "half")],
)
def test_unknown_settings_are_refused(place, options, problem):
    with pytest.raises(ConfigError, match=problem):
        run(place, **options)
    assert not (place / "out").exists()


def test_an_empty_input_has_no_parts(place):
    (place / "in.txt").write_text("")
    assert run(place) == Count(0)
    result = json.loads((place / "out/result.json").read_bytes())
    assert result == dict.fromkeys(("sentences", "refused", "parts"), 0)
