"""What an annotation does again, and what it refuses."""

import fcntl
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from kakehashi.annotation.annotating import annotate
from kakehashi.annotation.work import Annotator
from kakehashi.config.settings import ModelSettings, TextSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.errors import ConfigError, CorpusError, ModelError, RunError
from kakehashi.inference.recognizer import Recognizer
from kakehashi.model.storage import Model, save_model
from kakehashi.model.tagger import Tagger
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
    return annotate(place / "model", place / source, place / out, engine=engine, **options)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.glob("part-*")}


def test_each_input_has_one_output_as_the_recognizer_gives_it(place):
    assert run(place) == len(TEXTS)
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
    assert result == {"sentences": 7, "parts": 4}


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
    assert run(place, second) == len(TEXTS)
    assert first.parts + second.parts == [f"part-{number:06}.jsonl" for number in range(4)]
    assert content(place / "out") == content(place / "whole")
    assert not list(place.glob("out/*.tmp"))
    third = Engine()
    assert run(place, third) == len(TEXTS)
    assert third.parts == []


@pytest.mark.parametrize(
    ("change", "options", "what"),
    [
        (lambda place: write_model(place / "model", 1), {}, "model"),
        (lambda place: (place / "in.txt").write_text("x"), {}, "input"),
        (lambda place: None, {"block": 3, "precision": "int8"}, "precision, block"),
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


def test_bad_input_is_refused_before_anything_is_annotated(place):
    (place / "in").mkdir()
    shutil.copy(place / "in.txt", place / "in/a.txt")
    (place / "in/b.jsonl").write_text('{"text": "a"}\n' * 5 + "{}\n")
    engine = Engine()
    with pytest.raises(CorpusError, match=r"b\.jsonl:6: text: Field required"):
        run(place, engine, source="in")
    assert engine.parts == []
    (place / "in/b.jsonl").write_text('{"text": "a"}\n')
    assert run(place, source="in") == len(TEXTS) + 1


def test_a_folder_of_something_else_is_refused(place):
    (place / "out").mkdir()
    (place / "out/thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="out: holds other files; choose another folder"):
        run(place)
    with pytest.raises(RunError, match="lies in the input"):
        run(place, source="out", out="out/parts")
    with pytest.raises(RunError, match=r"in\.txt: cannot be written to"):
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

    with pytest.raises(RunError, match=r"part-000000\.jsonl: cannot be written"):
        run(place, Remover())


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
    assert run(place) == 0
    assert json.loads((place / "out/result.json").read_bytes()) == {"sentences": 0, "parts": 0}
