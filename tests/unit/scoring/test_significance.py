import json
from dataclasses import asdict, astuple
from itertools import product

import numpy as np
import pytest

from kakehashi.scoring.score import Count
from kakehashi.scoring.significance import (
    THE_METHOD,
    THESE_MODELS,
    Interval,
    bootstrap_interval,
    holm,
    permutation_test,
    randomization_test,
)


def run_f1(run):
    return Count(*run.sum(axis=0, dtype=np.int64).tolist()).f1


def drawn(rng, gold, skill=0.6):
    """Draw a run: each gold entity is found with some probability, others are made up."""
    correct = rng.binomial(gold, skill)
    return np.stack([gold, correct + rng.poisson(0.2, len(gold)), correct], axis=1).astype(np.int32)


def problem(rng, sentences, n_first=1, n_second=1):
    gold = rng.poisson(1.2, sentences)
    return [drawn(rng, gold) for _ in range(n_first)], [drawn(rng, gold) for _ in range(n_second)]


def enumerated(first, second):
    """Try all 2 ** n swaps of all sentences, as the definition has it."""
    swaps = np.array(list(product([False, True], repeat=len(first[0]))))[:, :, None]

    def f1s(one, other):
        gold, predicted, correct = np.where(swaps, other, one).sum(axis=1).T
        return 200 * correct / np.maximum(gold + predicted, 1)

    pairs = list(product(first, second))
    shuffled = sum(f1s(one, other) - f1s(other, one) for one, other in pairs) / len(pairs)
    return (abs(shuffled) >= abs(shuffled[0]) - 1e-10).mean()


@pytest.mark.parametrize("seed", range(100))
def test_randomization_equals_enumeration(seed):
    rng = np.random.default_rng(seed)
    n_first, n_second = ((1, 1), (1, 1), (2, 2), (1, 2))[seed % 4]
    first, second = problem(rng, int(rng.integers(1, 13)), n_first, n_second)
    found = randomization_test(first, second)
    assert found.exact
    assert found.p == pytest.approx(enumerated(first, second), abs=1e-12)
    assert found.trials == 2 ** (np.stack(first + second) != first[0]).any(axis=(0, 2)).sum()


@pytest.mark.parametrize("seed", range(20))
def test_random_shuffles_come_near_the_exact_value(seed):
    first, second = problem(np.random.default_rng(seed), 14, 2, 2)
    exact = randomization_test(first, second, trials=1 << 14)
    random = randomization_test(first, second, trials=2000, seed=seed)
    assert exact.exact
    # Five standard deviations of a share of 2,000 random shuffles.
    assert random.p == pytest.approx(
        exact.p, abs=5 * (exact.p * (1 - exact.p) / 2000) ** 0.5 + 1e-3
    )


@pytest.mark.parametrize("seed", range(5))
def test_randomization_equals_scipys(seed):
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    [first], [second] = problem(np.random.default_rng(seed), 9)
    runs = np.stack([first, second])

    def statistic(one, other, axis):
        one, other = one.astype(int), other.astype(int)
        places = np.broadcast_to(np.arange(9), one.shape)
        totals = [runs[side, places].sum(axis=-2) for side in (one, other)]
        scores = [200 * t[..., 2] / np.maximum(t[..., 0] + t[..., 1], 1) for t in totals]
        return scores[0] - scores[1]

    sides = (np.zeros(9), np.ones(9))
    oracle = stats.permutation_test(
        sides, statistic, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    found = randomization_test([first], [second])
    assert found.exact
    assert found.p == pytest.approx(oracle.pvalue)
    assert found.difference == pytest.approx(-oracle.statistic)


def test_identical_systems_do_not_differ():
    first, _ = problem(np.random.default_rng(0), 200, 3)
    for second in (first, first[::-1]):
        found = randomization_test(first, second, trials=500)
        assert (found.p, found.difference) == (1.0, 0.0)
    assert permutation_test([60.1, 61.7, 59.9], [60.1, 61.7, 59.9]).p == 1.0
    gold = np.ones(100, dtype=np.int32)
    right, wrong = np.stack([gold, gold, gold], axis=1), np.stack([gold, gold, 0 * gold], axis=1)
    found = randomization_test([wrong], [right], trials=999)
    assert (found.p, found.difference, found.exact) == (1 / 1000, 100.0, False)


def test_the_seed_is_part_of_the_result_and_order_does_not_matter():
    first, second = problem(np.random.default_rng(4), 300)
    results = [randomization_test(first, second, trials=400, seed=seed) for seed in (0, 0, 1)]
    assert results[0] == results[1]
    assert [result.seed for result in results] == [0, 0, 1]
    assert results[0].p != results[2].p
    assert json.loads(json.dumps(asdict(results[0])))["claim"] == THESE_MODELS
    first, second = problem(np.random.default_rng(5), 100, 3, 2)
    assert randomization_test(first, second, trials=300) == randomization_test(
        first[::-1], second[::-1], trials=300
    )


def test_many_sentences_are_shuffled_in_parts():
    # 2 ** 22 coins at once: of 100,000 trials, 41 sentences at a time.
    first, second = problem(np.random.default_rng(6), 300)
    found, again = (randomization_test(first, second, trials=100_000, seed=seed) for seed in (1, 2))
    assert not found.exact
    assert found.p == pytest.approx(again.p, abs=0.01)


def test_unfit_runs_and_trials_are_refused():
    (first,), _ = problem(np.random.default_rng(7), 20)
    other = first + np.array([1, 0, 0], dtype=np.int32)
    for runs in ([first, other], [first, first[:-1]], [first[:0]]):
        with pytest.raises(ValueError, match=r"other test sets|no sentences"):
            bootstrap_interval(runs)
    with pytest.raises(ValueError, match="other test sets"):
        randomization_test([first], [other])
    (first,), _ = problem(np.random.default_rng(8), 20)
    with pytest.raises(ValueError, match="at least one run"):
        randomization_test([first], [])
    with pytest.raises(ValueError, match="at least one run"):
        permutation_test([], [60.0])
    with pytest.raises(ValueError, match="at least one trial"):
        randomization_test([first], [first], trials=0)


def test_permutation_of_five_and_five_runs_and_of_one_and_one():
    found = permutation_test([50.0, 51, 52, 53, 54], [61.0, 62, 63, 64, 65])
    assert (found.p, found.trials, found.exact, found.claim) == (2 / 252, 252, True, THE_METHOD)
    assert found.difference == pytest.approx(11.0)


@pytest.mark.parametrize("seed", range(5))
def test_permutation_equals_scipys(seed):
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    rng = np.random.default_rng(seed)
    first, second = rng.normal(60, 1, 4).tolist(), rng.normal(60.5, 1, 3 + seed % 2).tolist()
    oracle = stats.permutation_test(
        (first, second), lambda one, other: abs(np.mean(one) - np.mean(other)),
        permutation_type="independent", n_resamples=np.inf, alternative="greater",
    )  # fmt: skip
    assert permutation_test(first, second).p == pytest.approx(oracle.pvalue)


def test_too_many_splits_are_drawn_at_random():
    first, second = [60.0 + n / 10 for n in range(6)], [60.4 + n / 10 for n in range(6)]
    exact = permutation_test(first, second)
    random = permutation_test(first, second, trials=923, seed=3)
    assert (exact.exact, exact.trials) == (True, 924)
    assert (random.exact, random.trials, random.seed) == (False, 923, 3)
    assert random.p == pytest.approx(exact.p, abs=0.08)
    assert random.shuffles == "923 random, seed 3"
    assert permutation_test([50.0], [70.0]).p == 1.0


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        ([], []),
        ([0.2], [0.2]),
        # 4 · 0.005, 3 · 0.01, 2 · 0.03, 1 · 0.04 raised to what stands before it
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.6, 0.5, 0.9], [1.0, 1.0, 1.0]),
    ],
)
def test_holm(p_values, corrected):
    assert holm(p_values) == pytest.approx(corrected)


def test_interval_equals_resampling_one_by_one():
    (run,), _ = problem(np.random.default_rng(9), 60)
    rng = np.random.default_rng(10)
    scores = [run_f1(run[rng.integers(0, 60, 60)]) for _ in range(4000)]
    found = bootstrap_interval([run], trials=4000)
    assert astuple(found) == pytest.approx(tuple(np.quantile(scores, [0.025, 0.975])), abs=1.0)
    assert found.low < run_f1(run) < found.high


def test_the_interval_of_the_mean_resamples_all_runs_together():
    (run, *others), _ = problem(np.random.default_rng(11), 200, 3)
    assert bootstrap_interval([run, run], trials=300) == bootstrap_interval([run], trials=300)
    assert bootstrap_interval([run, *others], trials=300, seed=1) != bootstrap_interval([run])
    assert bootstrap_interval([np.zeros((4, 3), dtype=np.int32)]) == Interval(0.0, 0.0)


def test_only_the_permutation_of_runs_keeps_its_level_under_seed_noise():
    """Two methods that do not differ, five seeds each, whose skill varies with the seed."""
    rng = np.random.default_rng(12)
    n_problems, rejected = 150, {THESE_MODELS: 0, THE_METHOD: 0}
    for _ in range(n_problems):
        gold = rng.poisson(1, 1000)
        first, second = ([drawn(rng, gold, rng.normal(0.6, 0.02)) for _ in range(5)] for _ in "ab")
        for found in (
            randomization_test(first, second, trials=200),
            permutation_test([*map(run_f1, first)], [*map(run_f1, second)]),
        ):
            rejected[found.claim] += found.p <= 0.05
    assert rejected[THESE_MODELS] / n_problems > 0.1
    assert rejected[THE_METHOD] / n_problems < 0.1
