from dataclasses import replace

from kakehashi.experiments.analysis import analyse
from kakehashi.experiments.learning_curve import find_equivalent_sizes
from kakehashi.experiments.store import Results
from kakehashi.reports.summary import summarize


def test_where_ours_loses_comes_first(layer_results):
    assert summarize(analyse(layer_results, trials=200)) == (
        "Ours loses to CRFsuite: char has 65.00 against 75.00 (-10.00)."
        " Counting all of ours, 2 of 2 are behind CRFsuite (1 by the first test, 0 by both)"
        " and 0 ahead (0 by the first test, 0 by both)."
        " Compared with none the gain is +20.00 (char): p = 0.0312 for these trained models,"
        " p = 0.0286 for the method."
        " Only 8 of 9 runs are finished."
    )


def test_where_ours_wins_it_says_so(layers, make_results):
    right = {("none", "1"): 8, ("char", "1"): 12, ("CRFsuite", "1"): 10}
    text = summarize(analyse(make_results(layers, right), trials=200))
    assert text.startswith("Ours is ahead of CRFsuite: char has 60.00 against 50.00 (+10.00).")


def test_equivalent_sizes_and_both_ends_of_the_gains_are_told(size_results):
    analysis = analyse(size_results, trials=10)
    text = summarize(analysis, find_equivalent_sizes(analysis, trials=10))
    assert "Compared with scratch, 3 of 3 are better" in text
    assert "The largest gain is +10.00 (transfer, 100), the smallest +5.00 (transfer, 200)." in text
    worth = "On the curve of transfer, 200 sentences are worth 283 from scratch, 1.41 times as many"
    assert f"{worth} (95 % interval " in text


def test_without_results_only_that_is_said(layer_results):
    cells = tuple(replace(cell, result={}) for cell in layer_results.runs)
    text = summarize(analyse(Results(layer_results.grid, cells), trials=10))
    assert text == "Only 0 of 9 runs are finished."
