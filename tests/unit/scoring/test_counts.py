import numpy as np
import pytest

from kakehashi.scoring.score import CORRECT, GOLD, PREDICTED, Count, Tally, TokenCount
from kakehashi.sentence import Span


@pytest.mark.parametrize(
    ("count", "precision", "recall", "f1"),
    [
        (Count(0, 0, 0), 0.0, 0.0, 0.0),
        (Count(3, 0, 0), 0.0, 0.0, 0.0),
        (Count(0, 3, 0), 0.0, 0.0, 0.0),
        (Count(4, 3, 0), 0.0, 0.0, 0.0),
        (Count(3, 4, 3), 75.0, 100.0, 600 / 7),
    ],
)
def test_ratios(count, precision, recall, f1):
    assert (count.precision, count.recall) == (precision, recall)
    assert count.f1 == pytest.approx(f1)


def test_accuracy_of_nothing_is_zero():
    assert TokenCount(0, 0).accuracy == 0.0
    assert TokenCount(8, 6).accuracy == 75.0


def test_counts_stay_with_their_sentence_and_type():
    tally = Tally()
    tally.add_sentence([Span(0, 1, "A"), Span(2, 3, "B")], [Span(0, 1, "A"), Span(2, 3, "A")])
    tally.add_sentence([], [])
    tally.add_sentence([Span(0, 1, "B")], [])
    counts = tally.counts()
    assert counts.sentences.dtype == np.int32
    assert counts.sentences.tolist() == [[2, 2, 1], [0, 0, 0], [1, 0, 0]]
    assert counts.types == {"A": Count(1, 2, 1), "B": Count(2, 0, 0)}
    assert counts.total == Count(3, 2, 1)
    assert counts.tokens is None


def test_later_counts_belong_to_the_open_sentence():
    tally = Tally()
    tally.open_sentence()
    tally.count(GOLD, "A")
    tally.open_sentence()
    tally.count(PREDICTED, "A")
    tally.count(CORRECT, "A")
    assert tally.counts().sentences.tolist() == [[1, 0, 0], [0, 1, 1]]


def test_a_span_predicted_twice_is_right_once():
    tally = Tally()
    tally.add_sentence([Span(0, 1, "A")], [Span(0, 1, "A"), Span(0, 1, "A")])
    assert tally.counts().total == Count(gold=1, predicted=2, correct=1)


def test_no_sentences():
    counts = Tally().counts()
    assert counts.sentences.shape == (0, 3)
    assert counts.total == Count(0, 0, 0)
