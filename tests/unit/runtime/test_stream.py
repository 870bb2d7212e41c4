"""Lines in, answers out."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from kakehashi.corpora.inputs import LineInput
from kakehashi.errors import ConfigError, ModelError
from kakehashi.runtime.model_folder import write_model
from kakehashi.runtime.stream import Kept, Predictor, predict_lines

BAD = b"ba ken\n\xff\n\nko ben gil\n"


@pytest.fixture
def model(make_recognizer, tmp_path):
    write_model(tmp_path / "model", make_recognizer().model)
    return tmp_path / "model"


@pytest.fixture
def answers(model, tmp_path):
    def find(content=BAD, name="a.txt", processes=1, **options):
        (tmp_path / name).write_bytes(content)
        found = predict_lines(
            Predictor(model, **options), [LineInput(tmp_path / name)], processes=processes
        )
        return [answer for batch in found for answer in batch]

    return find


def mentions(record):
    return [(m["start"], m["end"], m["type"], m["text"]) for m in record["mentions"]]


def test_each_line_is_answered_in_its_place(answers, make_recognizer):
    first, bad, empty, last = answers()
    assert json.loads(bad.output) == {"error": bad.problem}
    assert ".txt:2: expected text in utf-8" in bad.problem
    expected = list(make_recognizer().recognize(["ba ken", "", "ko ben gil"]))
    for answer, sentence in zip((first, empty, last), expected, strict=True):
        record = json.loads(answer.output)
        assert (answer.problem, record["text"]) == ("", sentence.text)
        assert mentions(record) == [mention[:4] for mention in sentence.mentions]
    assert sum(len(sentence.mentions) for sentence in expected) > 0


@pytest.mark.parametrize(("format", "blank"), [("columns", "\n"), ("inline", "\n")])
def test_a_bad_line_is_an_empty_sentence_where_errors_have_no_form(answers, format, blank):
    found = answers(format=format)
    assert [bool(answer.problem) for answer in found] == [False, True, False, False]
    assert (found[1].output, found[2].output) == (blank, blank)
    assert all(answer.output.endswith(blank) for answer in found)


def test_a_sentence_that_cannot_be_written_costs_itself(answers):
    tokens = [{"text": "ba\tken", "start": 0, "end": 6}]
    lines = [{"text": "ba ken"}, {"text": "ba\tken", "tokens": tokens}, {"text": "ko"}]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    found = answers(content, "a.jsonl", format="columns")
    assert [bool(answer.problem) for answer in found] == [False, True, False]
    assert found[1].output == "\n"
    assert "cannot stand in these columns" in found[1].problem


def test_json_lines_keep_what_they_say(answers):
    content = b'{"text": "ba ken", "id": "7", "group": "g", "tokens": []}\n'
    (answer,) = answers(content, "a.jsonl")
    record = json.loads(answer.output)
    assert (record["id"], record["group"], record["tokens"]) == ("7", "g", [])
    (answer,) = answers(content, "a.jsonl", format="columns")
    assert answer.output == "\n"


def test_an_articles_first_line_is_a_line_as_any_other(answers):
    lines = b'{"text": "-DOCSTART-", "tokens": [{"text": "-DOCSTART-", "start": 0, "end": 10}]}\n'
    found = answers(lines + b'{"text": "ba", "group": "b"}\n', "a.jsonl", format="columns")
    assert [answer.output.split("\t")[0] for answer in found] == ["-DOCSTART-", "ba"]
    assert not any(answer.problem for answer in found)


def test_what_is_kept(answers):
    lines = b"ba ken ko ben\n" * 3 + b"gil du bo\nden gu\n"
    whole = [json.loads(answer.output) for answer in answers(lines)]
    probabilities = sorted(m["probability"] for record in whole for m in record["mentions"])
    least = probabilities[len(probabilities) // 2]
    few = [json.loads(answer.output) for answer in answers(lines, kept=Kept(least, tokens=False))]
    for all_, some in zip(whole, few, strict=True):
        assert some["mentions"] == [m for m in all_["mentions"] if m["probability"] >= least]
        assert "tokens" in all_
        assert "tokens" not in some
    with pytest.raises(ConfigError, match="--no-tokens: columns hold tokens"):
        answers(format="columns", kept=Kept(tokens=False))


@pytest.mark.slow
def test_two_processes_answer_the_same(answers):
    lines = b"".join(b"ba ken %d\n" % number + b"\xff" * 200 + b"\n" for number in range(2000))
    alone, together = answers(lines, format="inline"), answers(lines, format="inline", processes=2)
    assert len(alone) == 4000
    assert together == alone


@pytest.mark.parametrize("processes", [1, 2])
def test_each_line_of_a_pipe_is_answered_before_the_next_comes(model, monkeypatch, processes):
    read, write = os.pipe()
    monkeypatch.setattr("kakehashi.corpora.inputs._STANDARD_INPUT", read)
    found = predict_lines(Predictor(model), [LineInput(Path("-"))], processes=processes)
    for text in ("ba ken", "ko", "gil"):
        os.write(write, f"{text}\n".encode())
        (answer,) = next(found)  # would wait for ever for a second line
        assert json.loads(answer.output)["text"] == text
    os.close(write)
    assert list(found) == []
    os.close(read)


def test_a_missing_model_is_said_before_input_is_read(tmp_path):
    with pytest.raises(ModelError, match="there is no such model"):
        predict_lines(Predictor(tmp_path / "none"), [LineInput(Path("-"))])


def test_another_model_in_the_folder_is_loaded(answers, model, make_recognizer):
    before = answers()
    other = make_recognizer().model
    weights = {**other.weights, "dense.weight": -other.weights["dense.weight"]}
    write_model(model, replace(other, weights=weights))
    assert answers() != before
