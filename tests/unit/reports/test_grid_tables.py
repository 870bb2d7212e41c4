from dataclasses import replace

import pytest

from kakehashi.experiments.analysis import analyse
from kakehashi.experiments.store import Results
from kakehashi.reports.grid_tables import grid_tables
from kakehashi.scoring.score import Count


@pytest.fixture
def tables(layer_results):
    return grid_tables(analyse(layer_results, trials=200))


def test_scores_and_gains_stand_side_by_side(tables):
    table = tables["scores"]
    assert table.title == "Which layers"
    assert table.headings == ("recognizer", "F1", "gain")
    assert table.rows == (
        ("none", "45.00 ±4.08", ""),
        ("char", "65.00 ±5.00 (3/4)", "+20.00*"),
        ("CRFsuite", "75.00", ""),
    )


def test_gains_come_with_both_tests_and_what_they_claim(tables):
    (row,) = tables["gains"].rows
    p = ("0.0312", "0.0286", "0.0312", "0.0286")
    assert row == ("char", "none", "+20.00", "+44.44 %", *p, "yes")
    notes = " ".join(tables["scores"].notes)
    assert "these trained models on this test set" in notes
    assert "the method, trained with other seeds" in notes
    assert "Holm" in notes
    assert "p of at least 0.2000, 0.4000 after" in " ".join(tables["comparisons"].notes)
    assert "no seeds" in tables["comparisons"].notes[-1]
    assert not any("Nothing can hold" in note for note in tables["gains"].notes)


def test_every_run_is_listed_and_lost_mentions_bound_the_score(tables):
    none, char, rival = tables["seeds"].rows
    assert none[:6] == ("none", "4/4", "40.00", "45.00", "50.00", "45.00")
    assert char[:8] == ("char", "3/4", "60.00", "65.00", "70.00", "–", "65.00", "5.00")
    assert rival[:8] == ("CRFsuite", "1/1", "–", "–", "–", "–", "75.00", "–")
    assert tables["ceilings"].rows == (("small", "words", "20", "2", "94.74"),)


def test_the_papers_way_has_a_column_of_its_own(layer_results):
    cells = tuple(_tested_epochs(cell) for cell in layer_results.runs)
    table = grid_tables(analyse(Results(layer_results.grid, cells), trials=10))["scores"]
    assert table.headings == ("recognizer", "F1", "gain", "paper's way")
    assert [row[-1] for row in table.rows] == ["46.00", "66.00 (+20.00)", ""]
    assert "no honest estimate" in table.notes[-1]


def _tested_epochs(cell):
    if not cell.result:
        return cell
    f1 = cell.result["test"]["f1"]
    return replace(cell, result={**cell.result, "epochs": [{"test": f1}, {"test": f1 + 1}]})


def test_sizes_are_rows_or_a_learning_curve(size_results):
    table = grid_tables(analyse(size_results, trials=10))["scores"]
    assert table.headings == ("size", "scratch: F1", "transfer: F1", "transfer: gain")
    assert table.rows[0] == ("100", "40.00 ±0.00", "50.00 ±0.00", "+10.00")
    analysis = analyse(size_results, trials=10)
    table = grid_tables(analysis)["learning-curve"]
    assert table.rows[0][:3] == ("transfer", "100", "200")
    assert table.rows[0][-1] == "2.00"
    assert table.rows[2][2] == "more than 400"
    assert table.rows[2][-1] == "–"


def test_types_come_with_their_frequency_alone_and_together(type_results):
    table = grid_tables(analyse(type_results, trials=10))["types"]
    assert table.rows == (
        ("char", "LOC", "80", "40.00", "80.00", "+40.00"),
        ("char", "ART", "8", "0.00", "0.00", "+0.00"),
        ("char", "PER", "8", "50.00", "25.00", "-25.00"),
    )
    table = grid_tables(analyse(type_results, trials=10))["frequencies"]
    assert table.rows == (
        ("char", "1–9", "2", "10", "40.00", "20.00", "-20.00", "0", "1"),
        ("char", "30–99", "1", "10", "40.00", "80.00", "+40.00", "1", "0"),
    )


def test_an_unfinished_grid_has_a_table(layer_results):
    cells = tuple(replace(cell, result={}) for cell in layer_results.runs)
    tables = grid_tables(analyse(Results(layer_results.grid, cells), trials=10))
    assert [row[1] for row in tables["scores"].rows] == ["– (0/4)", "– (0/4)", "– (0/1)"]
    assert set(tables) == {"scores", "seeds"}


def test_seen_and_unseen_values_stand_apart_where_every_run_has_them(layer_results):
    runs = []
    for run in layer_results.runs:
        seed = int(run.axes["seed"])
        values = {"seen": Count(8, 8, 3 + seed), "unseen": Count(12, 6, seed)}
        if run.result and run.axes["recognizer"] != "none":
            run.result["test"]["values"] = {name: c.to_dict() for name, c in values.items()}
        runs.append(run)
    runs[0].result["test"]["values"] = {}  # of an earlier version, as those of its seeds are
    table = grid_tables(analyse(Results(layer_results.grid, tuple(runs)), trials=10))["unseen"]
    assert table.headings == ("recognizer", "F1 seen", "F1 unseen", "of the test mentions unseen")
    # char has three seeds: 4, 5, 6 of 8 seen ones, and 1, 2, 3 of 12 found in 6.
    assert table.rows == (
        ("char", "62.50", "22.22", "60.0 %"),
        ("CRFsuite", "50.00", "11.11", "60.0 %"),
    )


def test_without_seen_mentions_there_is_no_score_on_them(layer_results):
    for run in layer_results.runs:
        if run.result:
            values = {"seen": Count(0, 2, 0), "unseen": Count(20, 20, 10)}
            run.result["test"]["values"] = {name: c.to_dict() for name, c in values.items()}
    table = grid_tables(analyse(layer_results, trials=10))["unseen"]
    assert table.rows[0] == ("none", "–", "50.00", "100.0 %")
