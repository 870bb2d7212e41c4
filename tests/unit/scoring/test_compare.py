import json
from dataclasses import astuple

import pytest

from kakehashi.scoring.compare import Delta, compare_systems, known_values, score_by_overlap
from kakehashi.scoring.score import Count, score_sentences, score_spans
from kakehashi.sentence import Mention, Sentence, Span

GOLD = [[Span(0, 1, "A"), Span(1, 2, "B")], [Span(0, 1, "A")]]


def scores(*runs):
    return [score_spans(GOLD, run) for run in runs]


ALL = GOLD
HALF = [[Span(0, 1, "A")], []]
OTHER = [[Span(0, 1, "C")], []]


def test_deltas_in_all_and_per_type():
    comparison = compare_systems(scores(HALF, HALF), scores(HALF, ALL))
    assert comparison.total == Delta(3, 50.0, 75.0)
    assert list(comparison.types) == ["A", "B"]
    assert astuple(comparison.types["A"])[:3] == pytest.approx((2, 200 / 3, 250 / 3))
    assert comparison.types["B"] == Delta(1, 0.0, 50.0)
    assert (comparison.total.points, comparison.total.relative) == pytest.approx((25.0, 50.0))
    assert comparison.types["B"].relative is None
    comparison = compare_systems(scores(OTHER), scores(ALL))
    assert comparison.types["C"] == Delta(0, 0.0, 0.0)
    assert list(comparison.types) == ["A", "B", "C"]
    tree = json.loads(json.dumps(compare_systems(scores(HALF), scores(ALL)).to_dict()))
    assert tree["method"] is None
    assert tree["first"]["f1"] == pytest.approx(50.0)
    assert tree["types"]["B"]["points"] == 100.0
    assert set(tree["models"]) >= {"p", "trials", "seed", "claim"}


def test_sides_know_their_runs():
    comparison = compare_systems(scores(HALF, ALL), scores(ALL), seed=5)
    assert comparison.first.runs == pytest.approx((50.0, 100.0))
    assert comparison.first.f1 == pytest.approx(75.0)
    assert comparison.first.deviation == pytest.approx(50 / 2**0.5)
    assert comparison.second.deviation is None
    assert astuple(comparison.second.interval) == (100.0, 100.0)
    assert "|runs:2+1|trials:10000|seed:5" in str(comparison.signature)


def test_the_method_is_tested_only_with_several_runs():
    assert compare_systems(scores(HALF), scores(ALL)).method is None
    method = compare_systems(scores(HALF, HALF), scores(ALL)).method
    assert method is not None
    assert (method.trials, method.p) == (3, 1 / 3)


def city(name, type="LOC"):
    return Sentence(f"to {name}", (Mention(3, 3 + len(name), type, name),))


TRAIN = [city("Oslo"), city("Bern", "TEAM")]
CITIES = [city("Oslo"), city("Lima"), city("Bern"), Sentence("to Rome")]
FOUND_CITIES = [city("Oslo"), city("Lima", "ORG"), city("Bern", "TEAM"), city("Rome")]


def test_the_parts_add_up_and_have_right_and_wrong():
    for train in ([], TRAIN, CITIES):
        seen, unseen = score_by_overlap(CITIES, FOUND_CITIES, known_values(train)).values()
        total = Count(*(map(sum, zip(seen, unseen, strict=True))))
        assert total == score_sentences(CITIES, FOUND_CITIES).counts.total
    known = known_values(TRAIN)
    found = score_by_overlap(CITIES, [CITIES[0], CITIES[1], Sentence("to Bern"), CITIES[3]], known)
    assert found["seen"].recall == 100.0
    assert found["unseen"].recall == 50.0
    assert found["unseen"].gold == 2
    found = score_by_overlap(CITIES, FOUND_CITIES, known)
    assert found["seen"] == Count(gold=1, predicted=2, correct=1)  # Bern is known as a team only
    assert found["unseen"] == Count(gold=2, predicted=2, correct=0)
