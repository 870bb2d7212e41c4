from dataclasses import replace

import pytest

from kakehashi.experiments.analysis import analyse, group_runs
from kakehashi.experiments.store import Results


@pytest.fixture
def analysis(layer_results):
    return analyse(layer_results, trials=1000)


def test_a_gain_is_absolute_and_relative_and_a_reference_is_none(analysis):
    (gain,) = analysis.gains
    assert gain.group.axes["recognizer"] == "char"
    assert gain.against.axes["recognizer"] == "none"
    assert gain.absolute == 20.0
    assert gain.relative == pytest.approx(100 * 20 / 45)
    assert [gain.group.axes["recognizer"] for gain in analysis.comparisons] == ["none", "char"]
    assert [gain.absolute for gain in analysis.comparisons] == [-30.0, -10.0]
    assert not any(gain.marked for gain in analysis.comparisons)


def test_both_tests_are_exact_and_each_family_is_corrected_for_itself(analysis):
    (gain,) = analysis.gains
    # Six sentences differ between runs: only the observed of 64 swaps and its mirror are as large.
    assert (gain.models.p, gain.models.trials) == (2 / 64, 64)
    # One of the 35 splits of seven runs into four and three is as large.
    assert (gain.method.p, gain.method.trials) == (1 / 35, 35)
    assert gain.marked
    (gain,) = analysis.gains
    assert (gain.p_models, gain.p_method) == (gain.models.p, gain.method.p)
    none, char = analysis.comparisons
    assert none.p_models == pytest.approx(2 * none.models.p)
    assert none.p_method == pytest.approx(2 * none.method.p)
    assert char.p_models == char.models.p
    (gain,) = analysis.gains
    assert not replace(gain, p_method=0.051).marked
    assert not replace(gain, p_models=0.051).marked
    assert not replace(gain, p_models=None).marked


def test_other_test_sentences_are_not_compared_sentence_by_sentence(layer_results):
    cells = list(layer_results.runs)
    for index, cell in enumerate(cells[:4]):
        cells[index] = replace(cell, counts=cell.counts[:-1])
    analysis = analyse(Results(layer_results.grid, tuple(cells)), trials=100)
    (gain,) = analysis.gains
    assert gain.models is None
    assert gain.method is not None
    assert not gain.marked


def test_nothing_is_compared_with_what_is_not_there(layer_results):
    unfinished = tuple(replace(cell, result={}) for cell in layer_results.runs)
    analysis = analyse(Results(layer_results.grid, unfinished), trials=10)
    assert (analysis.gains, analysis.comparisons) == ((), ())
    assert analysis.groups[0].found == "0/4"
    assert analysis.groups[0].mean is None


def test_the_signature_says_what_the_numbers_rest_on(analysis):
    facts = dict(part.split(":", 1) for part in analysis.signature.split("|")[2:])
    assert facts["grid"] == "layers"
    assert facts["seeds"] == "1,2,3,4"
    assert facts["select"] == "dev"
    assert (facts["trials"], facts["sampling-seed"]) == ("1000", "0")
    assert facts["corpora"].startswith("small@")


def test_other_runs_seeds_or_sentences_have_another_signature(layer_results, analysis):
    cells = list(layer_results.runs)
    changed = cells[0].counts.copy()
    changed[0, 0] = 2
    cells[0] = replace(cells[0], counts=changed)
    other = analyse(Results(layer_results.grid, tuple(cells)), trials=1000)
    assert other.signature != analysis.signature
    assert other.groups[0].interval is None  # its runs are of two test sets now
    assert analyse(layer_results, trials=1000).groups == analysis.groups
    other = analyse(layer_results, trials=1000, seed=7)
    assert other.groups[0].interval != analysis.groups[0].interval


@pytest.fixture
def groups(layer_results):
    return group_runs(layer_results, trials=200, seed=0)


def test_every_seed_counts(groups):
    none = groups[0]
    assert none.axes == {"recognizer": "none"}
    assert none.scores == {"1": 40.0, "2": 45.0, "3": 50.0, "4": 45.0}
    assert none.mean == 45.0
    assert none.deviation == pytest.approx((50 / 3) ** 0.5)
    assert none.found == "4/4"
    assert none.interval.low < 45 < none.interval.high


def test_what_is_missing_is_counted_and_what_has_no_seed_has_one_run(groups):
    char = groups[1]
    assert (char.found, char.mean, char.deviation) == ("3/4", 65.0, 5.0)
    rival = groups[2]
    assert rival.scores == {"": 75.0}
    assert (rival.found, rival.deviation) == ("1/1", None)


def test_the_papers_way_takes_the_best_epoch_on_test(layers, make_results):
    cells = {("none", "1"): 8, ("none", "2"): 9}
    results = make_results(layers, cells, epochs=[40.0, 47.0, 44.0])
    (group,) = group_runs(results, trials=10, seed=0)
    assert group.best_on_test == 47.0
    assert group.mean == 42.5


def test_the_papers_way_is_unknown_where_no_epoch_was_tested(groups, layers, make_results):
    assert groups[0].best_on_test is None
    results = make_results(layers, {("none", "1"): 8}, epochs=[None, 40.0, None])
    assert group_runs(results, trials=10, seed=0)[0].best_on_test == 40.0
    results = make_results(layers, {("CRFsuite", "1"): 8}, epochs=[40.0])
    (rival,) = group_runs(results, trials=10, seed=0)
    assert (rival.found, rival.best_on_test) == ("1/1", None)


def test_types_are_means_over_seeds(type_results):
    none, char = group_runs(type_results, trials=10, seed=0)
    assert none.types == {"ART": 0.0, "LOC": 40.0, "PER": 50.0}
    assert char.types == {"ART": 0.0, "LOC": 80.0, "PER": 25.0}
    assert char.training_types == {"LOC": 80, "PER": 8, "ART": 8}
