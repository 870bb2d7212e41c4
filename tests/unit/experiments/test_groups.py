from dataclasses import replace

import pytest

from kakehashi.experiments.analysis import group_cells
from kakehashi.experiments.store import Results


@pytest.fixture
def groups(layer_results):
    return group_cells(layer_results, trials=200, seed=0)


def test_every_seed_counts(groups):
    none = groups[0]
    assert none.axes == {"recognizer": "none"}
    assert none.scores == {"1": 40.0, "2": 45.0, "3": 50.0, "4": 45.0}
    assert none.mean == 45.0
    assert none.deviation == pytest.approx((50 / 3) ** 0.5)
    assert none.found == "4/4"
    assert none.interval.low < 45 < none.interval.high


def test_what_is_missing_is_counted_and_not_averaged(groups):
    char = groups[1]
    assert (char.found, char.mean, char.deviation) == ("3/4", 65.0, 5.0)


def test_a_system_without_a_seed_has_one_run(groups):
    rival = groups[2]
    assert rival.scores == {"": 75.0}
    assert (rival.found, rival.deviation) == ("1/1", None)


def test_the_papers_way_takes_the_best_epoch_on_test(layers, make_results):
    cells = {("none", "1"): 8, ("none", "2"): 9}
    results = make_results(layers, cells, epochs=[40.0, 47.0, 44.0])
    (group,) = group_cells(results, trials=10, seed=0)
    assert group.best_on_test == 47.0
    assert group.mean == 42.5


def test_the_papers_way_is_unknown_where_an_epoch_was_not_tested(groups, layers, make_results):
    assert groups[0].best_on_test is None
    results = make_results(layers, {("none", "1"): 8}, epochs=[40.0, None])
    assert group_cells(results, trials=10, seed=0)[0].best_on_test is None


def test_the_papers_way_is_not_asked_of_other_systems(layers, make_results):
    results = make_results(layers, {("CRFsuite", "1"): 8}, epochs=[40.0])
    (rival,) = group_cells(results, trials=10, seed=0)
    assert (rival.found, rival.best_on_test) == ("1/1", None)


def test_types_are_means_over_seeds(type_results):
    none, char = group_cells(type_results, trials=10, seed=0)
    assert none.types == {"ART": 0.0, "LOC": 40.0, "PER": 50.0}
    assert char.types == {"ART": 0.0, "LOC": 80.0, "PER": 25.0}
    assert char.training_types == {"LOC": 80, "PER": 8, "ART": 8}


def test_without_counts_there_is_no_interval(layer_results):
    bare = (replace(cell, counts=None) for cell in layer_results.cells)
    groups = group_cells(Results(layer_results.grid, tuple(bare)), trials=10, seed=0)
    assert all(group.interval is None for group in groups)
    assert groups[0].mean == 45.0
