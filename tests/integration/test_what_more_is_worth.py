"""`kakehashi progress`: what the next annotated sentences are worth."""

import json

import pytest

CONFIG = """
name = "small"
system = "crfsuite"
[[corpus.dev]]
format = "assistant"
language = "en"
utterances = 100
partition = "dev"
"""
ALONE = """
name = "alone"
preset = "internal"
[model]
word_lstm_width = 8
char_lstm_width = 8
[training]
max_epochs = 1
min_updates = 0
threads = 1
"""


@pytest.fixture(scope="module")
def annotated(run, tmp_path_factory):
    """A config of a CRF, which learns in moments, and two files of sentences that all differ."""
    folder = tmp_path_factory.mktemp("annotated")
    corpus = folder / "all.jsonl"
    done = run("corpus", "generate", corpus, "--language", "en", "--utterances", "500")
    assert done.returncode == 0, done.stderr
    lines = corpus.read_text().splitlines(keepends=True)
    lines = [*{json.loads(line)["text"].casefold(): line for line in lines}.values()]
    (folder / "first.jsonl").write_text("".join(lines[:160]))
    (folder / "second.jsonl").write_text("".join(lines[160:260]))
    (folder / "ja.toml").write_text(CONFIG)
    return folder


def progress(run, folder, *arguments):
    done = run("progress", "ja.toml", *arguments, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_more_sentences_cost_only_what_is_new(annotated, run):
    first = progress(run, annotated, "first.jsonl")
    assert first["sentences"] == [35, 50, 71, 100, 160]
    folder = annotated / "runs/small-progress"
    made = {place: place.stat().st_mtime_ns for place in folder.glob("*/result.json")}
    assert len(made) == 5
    again = progress(run, annotated, "first.jsonl")
    assert again == first
    assert {place: place.stat().st_mtime_ns for place in made} == made
    both = progress(run, annotated, "first.jsonl", "second.jsonl", "--figure", "curve.svg")
    assert both["sentences"] == [71, 100, 141, 200, 260]
    assert both["f1"][:2] == first["f1"][2:4]
    assert len([*folder.glob("*/result.json")]) == 5 + 3
    assert both["mentions"] == sorted(both["mentions"])
    gain = both["next"]
    assert gain["interval"][0] <= gain["gain"] <= gain["interval"][1]
    assert (annotated / "curve.svg").read_text().startswith("<?xml")


def test_a_correction_made_later_counts(annotated, run):
    lines = (annotated / "first.jsonl").read_text().splitlines()
    corrected = json.loads(lines[0])
    corrected["mentions"] = []
    (annotated / "corrected.jsonl").write_text(json.dumps(corrected) + "\n")
    found = progress(run, annotated, "first.jsonl", "corrected.jsonl", "--out", "corrected")
    assert found["sentences"][-1] == 160
    [part] = (annotated / "corrected").glob("160-*.jsonl")
    texts = {each["text"]: each for each in map(json.loads, part.read_text().splitlines())}
    assert texts[corrected["text"]]["mentions"] == []


def test_without_development_data_a_fifth_is_held_out(annotated, run):
    (annotated / "alone.toml").write_text(ALONE)
    done = run(
        *("progress", "alone.toml", "first.jsonl", "--sizes", "3", "--json", "--out", "none"),
        cwd=annotated,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["held_out"] > 10
    assert found["held_out"] + found["sentences"][-1] == 160
    [dev] = (annotated / "none").glob("dev-*.jsonl")
    assert len(dev.read_text().splitlines()) == found["held_out"]


def test_too_few_sentences_are_refused_and_nothing_is_written(annotated, run):
    (annotated / "few.jsonl").write_text(
        "".join((annotated / "first.jsonl").read_text().splitlines(keepends=True)[:40])
    )
    done = run("progress", "ja.toml", "few.jsonl", "--out", "few", cwd=annotated)
    assert done.returncode == 2
    assert "40 sentences to train on are too few" in done.stderr
    assert not (annotated / "few").exists()
