import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kakehashi.cli.main import app
from kakehashi.config.sources import AssistantSource
from kakehashi.corpora.formats import read_source
from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.errors import ConfigError

MODEL = Path(__file__).parents[2] / "golden/models/en"
MIX = ("--strategy", "mix")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = AssistantSource(language="en", utterances=300, partition="test")
    texts = [sentence.text for sentence in read_source(source)]
    (tmp_path / "raw.txt").write_text("".join(f"{text}\n" for text in texts))
    return tmp_path


def suggest(*arguments):
    words = ["suggest", str(MODEL), *arguments]
    return CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_batch_says_why_and_is_the_same_again(place):
    done = suggest("raw.txt", "--count", "30", "--out", "a.jsonl", "--json", *MIX)
    report = json.loads(done.stdout)
    assert (report["read"], sum(report["chosen"].values())) == (300, 30)
    assert report["chosen"]["random"] == 6
    lines = (place / "a.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    assert set(first) == {"text", "mentions", "selection"}
    assert set(first["selection"]) == {"strategy", "score", "why"}
    assert [sentence.text for sentence in read_jsonl(place / "a.jsonl")] == [
        json.loads(line)["text"] for line in lines
    ]
    suggest("raw.txt", "--count", "30", "--out", "b.jsonl", *MIX)
    assert (place / "b.jsonl").read_bytes() == (place / "a.jsonl").read_bytes()


def test_without_a_strategy_sentences_are_drawn_and_none_are_asked_of_a_type(place):
    done = suggest("raw.txt", "--count", "30", "--out", "a.jsonl", "--json")
    assert json.loads(done.stdout)["chosen"] == {"random": 30}
    with pytest.raises(ConfigError, match=r"--per-type: .* add --strategy mix"):
        suggest("raw.txt", "--out", "b.jsonl", "--per-type", "3")


def test_the_next_batch_leaves_the_first_out(place):
    suggest("raw.txt", "--count", "30", "--out", "a.jsonl")
    done = suggest("raw.txt", "--out", "b.jsonl", "--exclude", "a.jsonl", "--count", "999")
    assert "warning: there are no more than" in done.stderr
    assert "30 are annotated already" in done.stdout
    first, second = ({s.text for s in read_jsonl(place / f"{n}.jsonl")} for n in "ab")
    assert first.isdisjoint(second)


def test_what_cannot_be_written_or_cut_is_said(place):
    (place / "a.jsonl").write_text("")
    with pytest.raises(ConfigError, match="exists already"):
        suggest("raw.txt", "--out", "a.jsonl")
    (place / "ja.txt").write_text("東京の天気を教えて\n大阪へ行く\n")
    done = suggest("ja.txt", "--out", "b.jsonl")
    assert "2 of 2 sentences are one token to the model; name the language" in done.stderr
    assert "one token" not in suggest("ja.txt", "--out", "c.jsonl", "--config", "demo-ja").stderr
    assert "one token" not in suggest("ja.txt", "--out", "d.jsonl", "--language", "ja").stderr
    assert (place / "d.jsonl").read_bytes() == (place / "c.jsonl").read_bytes()
    for both in (("--language", "ja", "--config", "demo-ja"), ("--language", "jp")):
        with pytest.raises(ConfigError, match="--language: "):
            suggest("ja.txt", "--out", "e.jsonl", *both)
