"""Two systems compared by the program, from files of several formats."""

import json
import random

import pytest


def write(path, skill, seed):
    """Write forty sentences, the same for every seed, as one system reads them."""
    world, system = random.Random(0), random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(40):
            words = ["Ann", "saw", world.choice(["Bonn", "Kobe"]), str(number)]
            gold = [(0, 3, "PER"), (8, 12, "LOC")]
            found = [mention for mention in gold if system.random() < skill]
            mentions = [{"start": start, "end": end, "type": kind} for start, end, kind in found]
            file.write(json.dumps({"text": " ".join(words), "mentions": mentions}) + "\n")


@pytest.fixture
def folder(tmp_path):
    """A gold file, five runs of a poor system as files, three run folders of a better one."""
    write(tmp_path / "gold.jsonl", 1, 0)
    for seed in range(5):
        write(tmp_path / f"poor{seed}.jsonl", 0.5, seed)
    for seed in range(3):
        (tmp_path / f"better-seed{seed}").mkdir()
        write(tmp_path / f"better-seed{seed}/predictions.jsonl", 0.8, 10 + seed)
    return tmp_path


def compared(run, folder, *arguments):
    done = run("compare", "gold.jsonl", *arguments, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_patterns_name_runs_and_both_tests_are_made(run, folder):
    found = compared(run, folder, "poor*.jsonl", "better-seed*", "--trials", 500, "--seed", 3)
    assert [len(found[side]["runs"]) for side in ("first", "second")] == [5, 3]
    assert found["total"]["points"] > 10
    assert set(found["types"]) == {"PER", "LOC"}
    assert found["models"]["p"] == 1 / 501
    assert (found["method"]["p"], found["method"]["trials"]) == (1 / 56, 56)
    assert found["signature"].endswith("sentences:40|runs:5+3|trials:500|seed:3")


def test_the_report_says_what_each_test_claims(run, folder):
    done = run("compare", "gold.jsonl", "poor*.jsonl", "better-seed0", cwd=folder)
    assert "these trained models on this test set" in done.stdout
    assert "the method, trained with other seeds" in done.stdout
    assert "10,000 random, seed 0" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("kakehashi ")
    found = compared(run, folder, "poor0.jsonl", "poor0.jsonl")
    assert (found["models"]["p"], found["total"]["points"], found["method"]) == (1.0, 0.0, None)
    assert "Only several runs" in run(
        "compare", "gold.jsonl", "poor0.jsonl", "poor0.jsonl", cwd=folder
    ).stdout  # fmt: skip


def test_another_tools_columns_stand_beside_our_lines(run, folder):
    """The predicted tag stands last, after the true one, as CRF++ prints them."""
    rows, tags = [], ["B-PER", "O", "B-LOC", "O"]
    for line in (folder / "gold.jsonl").read_text().splitlines():
        words = json.loads(line)["text"].split()
        rows += [f"{w} X {t} {t}\n" for w, t in zip(words, tags, strict=True)]
        rows.append("\n")
    (folder / "theirs.conll").write_text("".join(rows))
    found = compared(run, folder, "poor0.jsonl", "theirs.conll", "--b-columns", "token,_,_,tag")
    assert found["second"]["f1"] == 100.0


def test_columns_of_japanese_fit_the_raw_text(run, tmp_path):
    (tmp_path / "gold.jsonl").write_text(
        '{"text": "東京へ", "mentions": [{"start": 0, "end": 2, "type": "LOC"}]}\n'
    )
    (tmp_path / "theirs.conll").write_text("東京 B-LOC\nへ O\n")
    found = compared(run, tmp_path, "theirs.conll", "theirs.conll", "--no-spaces")
    assert found["first"]["f1"] == 100.0
    problem = "sentence 1: expected 'へ' at character 2 as in gold.jsonl, got ' へ'"
    run("compare", "gold.jsonl", "theirs.conll", "theirs.conll", cwd=tmp_path).refused(problem)


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("poor0.jsonl", "cut.jsonl"), "cut.jsonl: sentence 40: expected 'Ann saw"),
        (("other.jsonl", "poor0.jsonl"), "sentence 1: expected 'Kobe 0' at character 8"),
        (("poor0.jsonl", "none*"), "none*: there is no such file or run folder"),
        (("poor0.jsonl", "empty"), "empty/predictions.jsonl: there is no such file"),
    ],
)
def test_files_that_cannot_be_compared(run, folder, arguments, fragment):
    lines = (folder / "poor0.jsonl").read_text().splitlines(keepends=True)
    (folder / "cut.jsonl").write_text("".join(lines[:-1]))
    (folder / "other.jsonl").write_text("".join(lines).replace("Kobe", "Rome"))
    (folder / "empty").mkdir()
    run("compare", "gold.jsonl", *arguments, cwd=folder).refused(fragment)
