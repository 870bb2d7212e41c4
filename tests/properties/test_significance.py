from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.scoring.score import Count
from kakehashi.scoring.significance import (
    bootstrap_interval,
    holm,
    permutation_test,
    randomization_test,
)

scores = st.lists(st.floats(0, 100), min_size=1, max_size=5)


def run_f1(run):
    return Count(*run.sum(axis=0, dtype=np.int64).tolist()).f1


@st.composite
def sides(draw):
    """Draw the runs of two systems on one test set."""
    gold = draw(st.lists(st.integers(0, 3), min_size=1, max_size=20))

    def run():
        rows = []
        for n in gold:
            predicted = draw(st.integers(0, 3))
            rows.append((n, predicted, draw(st.integers(0, min(n, predicted)))))
        return np.array(rows, dtype=np.int32)

    return tuple([run() for _ in range(draw(st.integers(1, 3)))] for _ in range(2))


@given(sides(), st.integers(1, 300), st.integers(0, 3))
def test_randomization_is_symmetric_and_bounded(runs, trials, seed):
    first, second = runs
    found = randomization_test(first, second, trials=trials, seed=seed)
    mirrored = randomization_test(second, first, trials=trials, seed=seed)
    assert 1 / (trials + 1) <= found.p <= 1
    assert mirrored.p == found.p
    assert mirrored.difference == pytest.approx(-found.difference)
    means = [np.mean([run_f1(run) for run in side]) for side in runs]
    assert found.difference == pytest.approx(means[1] - means[0], abs=1e-9)


@given(scores, scores, st.integers(1, 300))
def test_permutation_is_bounded_and_symmetric_where_exact(first, second, trials):
    found = permutation_test(first, second, trials=trials)
    mirrored = permutation_test(second, first, trials=trials)
    assert 1 / (trials + 1) <= found.p <= 1
    assert not found.exact or mirrored.p == found.p


@given(st.lists(st.floats(0, 1)))
def test_holm_keeps_the_order_and_only_raises(p_values):
    corrected = holm(p_values)
    assert all(p <= raised <= 1 for p, raised in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert all(np.diff(np.array(corrected)[order]) >= 0)


@given(sides(), st.integers(0, 3))
def test_the_interval_is_one_of_scores(runs, seed):
    low, high = astuple(bootstrap_interval(runs[0], trials=20, seed=seed))
    assert 0 <= low <= high <= 100
