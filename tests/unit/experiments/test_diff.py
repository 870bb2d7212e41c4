from dataclasses import replace

import numpy as np
import pytest

from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.errors import ConfigError, RunError
from kakehashi.experiments.diff import diff_runs, run_in_folder, run_with_labels
from kakehashi.experiments.store import RunResult
from kakehashi.reports.diff_tables import run_diff_tables
from kakehashi.sentence import Span, sentence_from_forms

RESULT = {
    "test": {
        "precision": 50.0,
        "recall": 50.0,
        "f1": 50.0,
        "types": {"LOC": {"gold": 2, "f1": 50.0}, "PER": {"gold": 2, "f1": 50.0}},
    },
    "corpus": {"train": {"types": {"LOC": 30}}},
    "settings": {"vectors": None},
    "transfer": None,
}
BETTER = {
    **RESULT,
    "test": {**RESULT["test"], "f1": 75.0, "types": {"LOC": {"gold": 2, "f1": 90.0}}},
    "transfer": {
        "source": "english",
        "groups": ["char"],
        "parameters": [
            {"parameter": "char.embedding.weight", "matched": 40, "rows": 50, "reason": "seen"},
            {"parameter": "word.embedding.weight", "matched": 0, "rows": 9, "reason": "not"},
        ],
    },
}
SENTENCES = [["In", "Rome"], ["To", "Oslo"], ["Maria"], ["Rain"]]


def run_of(tmp_path, name, found, result=RESULT):
    """A run that finds an entity in some sentences; the truth is one in each of the first three."""
    rows = np.array(
        [[index < 3, index in found, index in found and index < 3] for index in range(4)]
    )
    folder = tmp_path / name
    folder.mkdir()
    sentences = [
        sentence_from_forms(forms, [Span(len(forms) - 1, len(forms), "LOC")] * (index in found))
        for index, forms in enumerate(SENTENCES)
    ]
    write_jsonl(folder / "predictions.jsonl", sentences)
    return RunResult(name, {}, {}, result, rows.astype(np.int32), folder)


@pytest.fixture
def diff(tmp_path):
    return diff_runs(run_of(tmp_path, "a", {0, 3}), run_of(tmp_path, "b", {0, 1, 2}, BETTER))


def test_sentences_flip_both_ways(diff, tmp_path):
    assert (diff.fixed, diff.regressed) == ([1, 2, 3], [])
    first, second = diff.tagged[1]
    assert [m.text for m in second.mentions] == ["Oslo"]
    assert first.mentions == ()
    back = diff_runs(diff.second, diff.first)
    assert (back.fixed, back.regressed) == ([], [1, 2, 3])


def test_tables_show_what_changed_and_what_was_transferred(diff):
    tables = run_diff_tables(diff, most=2)
    expected = (("2", "To Oslo", "–", "Oslo LOC"), ("3", "Maria", "–", "Maria LOC"))
    assert tables["fixed"].rows == expected
    assert tables["fixed"].notes == ("3 in all.",)
    assert tables["types"].rows == (
        ("LOC", "30", "2", "50.00", "90.00", "+40.00"),
        ("PER", "–", "2", "50.00", "0.00", "-50.00"),
    )
    assert tables["score"].rows[1][-2:] == ("75.00", "char")
    tables = run_diff_tables(diff)
    assert "transfer-A" not in tables
    assert tables["transfer-B"].rows == (
        ("char.embedding: n-grams", "40", "50", "80.0 %", "10 random", "seen"),
        ("word.embedding: words", "0", "9", "0.0 %", "9 random", "not"),
    )


def test_without_predictions_flips_are_only_counted(diff):
    gone = replace(diff.second, folder=None)
    found = diff_runs(diff.first, gone)
    assert len(found.fixed) == 3
    table = run_diff_tables(found)["fixed"]
    assert table.rows == ()
    assert "gone" in table.notes[1]


def test_predictions_that_do_not_fit_are_refused(diff):
    other = replace(diff.second, counts=diff.second.counts[:3])
    with pytest.raises(RunError, match="other sentences"):
        diff_runs(diff.first, other)
    write_jsonl(diff.first.folder / "predictions.jsonl", [])
    with pytest.raises(RunError, match="expected 4 sentences, got 0"):
        diff_runs(diff.first, diff.second)


def test_a_folder_without_a_result_is_refused(tmp_path):
    with pytest.raises(RunError, match="no finished run"):
        run_in_folder(tmp_path)


def test_a_run_is_found_by_labels_that_may_hold_a_comma(layer_results):
    assert run_with_labels(layer_results, "char").name == "char, 1"
    assert run_with_labels(layer_results, "recognizer=char, seed=2").name == "char, 2"
    cells = tuple(
        replace(cell, axes={**cell.axes, "recognizer": "char, dense"})
        for cell in layer_results.runs
        if cell.axes["recognizer"] == "char"
    )
    found = run_with_labels(replace(layer_results, runs=cells), "char, dense, seed=2")
    assert found.name == "char, dense, 2"


@pytest.mark.parametrize(
    ("labels", "problem"),
    [("chra", "no run"), ("seed=2", "add a label"), ("char, seed=4", "not finished")],
)
def test_a_run_that_is_not_one_is_refused(layer_results, labels, problem):
    with pytest.raises(ConfigError, match=problem):
        run_with_labels(layer_results, labels)
