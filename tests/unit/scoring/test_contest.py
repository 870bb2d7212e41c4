import json

import pytest

from kakehashi.scoring.compare import Gain, hold_contest
from kakehashi.scoring.comparison import score_spans
from kakehashi.sentence import Span

GOLD = [[Span(0, 1, "A"), Span(1, 2, "B")], [Span(0, 1, "A")]]


def scores(*runs):
    return [score_spans(GOLD, run) for run in runs]


ALL = GOLD
HALF = [[Span(0, 1, "A")], []]
OTHER = [[Span(0, 1, "C")], []]


def test_gains_in_all_and_per_type():
    contest = hold_contest(scores(HALF, HALF), scores(HALF, ALL))
    assert contest.total == pytest.approx(Gain(3, 50.0, 75.0))
    assert list(contest.types) == ["A", "B"]
    assert contest.types["A"] == pytest.approx(Gain(2, 200 / 3, 250 / 3))
    assert contest.types["B"] == (1, 0.0, 50.0)
    assert (contest.total.points, contest.total.relative) == pytest.approx((25.0, 50.0))
    assert contest.types["B"].relative is None


def test_a_type_that_was_only_predicted_is_shown():
    contest = hold_contest(scores(OTHER), scores(ALL))
    assert contest.types["C"] == Gain(0, 0.0, 0.0)
    assert list(contest.types) == ["A", "B", "C"]


def test_sides_know_their_runs():
    contest = hold_contest(scores(HALF, ALL), scores(ALL), seed=5)
    assert contest.first.f1s == pytest.approx((50.0, 100.0))
    assert contest.first.mean == pytest.approx(75.0)
    assert contest.first.deviation == pytest.approx(50 / 2**0.5)
    assert contest.second.deviation is None
    assert contest.second.interval == (100.0, 100.0)
    assert "|runs:2+1|trials:10000|seed:5" in str(contest.signature)


def test_the_method_is_tested_only_with_several_runs():
    assert hold_contest(scores(HALF), scores(ALL)).method is None
    method = hold_contest(scores(HALF, HALF), scores(ALL)).method
    assert method is not None
    assert (method.trials, method.p) == (3, 1 / 3)


def test_as_json():
    tree = json.loads(json.dumps(hold_contest(scores(HALF), scores(ALL)).to_dict()))
    assert tree["method"] is None
    assert tree["first"]["f1"] == pytest.approx(50.0)
    assert tree["types"]["B"]["points"] == 100.0
    assert set(tree["models"]) >= {"p", "trials", "seed", "claim"}
