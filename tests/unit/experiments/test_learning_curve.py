from dataclasses import replace
from math import inf, isnan

import pytest

from kakehashi.experiments.analysis import analyse
from kakehashi.experiments.learning_curve import equal_size, find_equivalent_sizes
from kakehashi.experiments.store import Results


def test_the_curve_is_straight_over_the_logarithm_and_levelled():
    assert equal_size([100, 10000], [40.0, 60.0], 50.0) == pytest.approx(1000)
    assert equal_size([100, 10000], [40.0, 60.0], 40.0) == pytest.approx(100)
    assert equal_size([100, 10000], [40.0, 60.0], 60.0) == pytest.approx(10000)
    assert equal_size([100, 1000], [40.0, 60.0], 60.1) == inf
    assert equal_size([100, 1000], [40.0, 60.0], 39.9) == 0
    size = equal_size([100, 400, 1600], [40.0, 60.0, 50.0], 47.5)
    assert size == pytest.approx(200)
    assert equal_size([100, 400, 1600], [40.0, 60.0, 50.0], 55.0) == pytest.approx(400)


def test_transfer_is_worth_sentences_within_an_interval(size_results):
    savings = find_equivalent_sizes(analyse(size_results, trials=10))
    assert [saving.size for saving in savings] == [100, 200, 400]
    assert savings[0].equals == pytest.approx(200)
    assert savings[0].ratio == pytest.approx(2)
    assert savings[1].equals == pytest.approx(200 * 2**0.5)
    assert (savings[2].equals, savings[2].ratio) == (inf, None)
    assert all(saving.axes == {"recognizer": "transfer"} for saving in savings)
    for saving in find_equivalent_sizes(analyse(size_results, trials=10)):
        assert saving.low <= saving.equals <= saving.high
    assert saving.low > saving.smallest == 100
    assert saving.largest == 400


def test_with_another_test_set_there_is_no_interval(size_results):
    first, *others = size_results.runs
    changed = replace(first, counts=first.counts[:-1])
    results = Results(size_results.grid, (changed, *others))
    savings = find_equivalent_sizes(analyse(results, trials=10))
    assert savings[0].equals == pytest.approx(200)
    assert isnan(savings[0].low)


def test_a_grid_without_sizes_saves_nothing(layer_results):
    assert find_equivalent_sizes(analyse(layer_results, trials=10)) == ()
