import json
import re

import numpy as np
import pytest

from kakehashi import __version__
from kakehashi.errors import CorpusError
from kakehashi.scoring.score import (
    CORRECT,
    GOLD,
    PREDICTED,
    Count,
    Signature,
    Tally,
    score_mentions,
    score_sentences,
    score_spans,
)
from kakehashi.sentence import Mention, Sentence, Span, Token, sentence_from_forms


@pytest.mark.parametrize(
    ("count", "precision", "recall", "f1"),
    [
        *((Count(0, 0, 0), 0.0, 0.0, 0.0), (Count(3, 0, 0), 0.0, 0.0, 0.0)),
        *((Count(0, 3, 0), 0.0, 0.0, 0.0), (Count(4, 3, 0), 0.0, 0.0, 0.0)),
        (Count(3, 4, 3), 75.0, 100.0, 600 / 7),
    ],
)
def test_ratios(count, precision, recall, f1):
    assert (count.precision, count.recall) == (precision, recall)
    assert count.f1 == pytest.approx(f1)


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
    counts = Tally().counts()
    assert counts.sentences.shape == (0, 3)
    assert counts.total == Count(0, 0, 0)
    tally = Tally()
    tally.add_sentence([Span(0, 1, "A")], [Span(0, 1, "A"), Span(0, 1, "A")])
    assert tally.counts().total == Count(gold=1, predicted=2, correct=1)
    tally = Tally()
    tally.open_sentence()
    tally.count(GOLD, "A")
    tally.open_sentence()
    tally.count(PREDICTED, "A")
    tally.count(CORRECT, "A")
    assert tally.counts().sentences.tolist() == [[1, 0, 0], [0, 1, 1]]


TRUE = [[Span(0, 1, "A"), Span(2, 3, "B")], [Span(0, 1, "A")]]
FOUND = [[Span(0, 1, "A")], [Span(0, 2, "A")]]


def test_to_dict_is_json_and_complete():
    score = score_spans(TRUE, FOUND)
    shown = json.loads(json.dumps(score.to_dict()))
    expected = [50.0, 3, 2, 1]
    assert [shown[name] for name in ("precision", "gold", "predicted", "correct")] == expected
    assert (shown["recall"], shown["f1"]) == (score.recall, score.f1)
    half = {"precision": 50.0, "recall": 50.0, "f1": 50.0}
    assert shown["types"]["A"] == half | {"gold": 2, "predicted": 2, "correct": 1}
    assert shown["types"]["B"]["f1"] == 0.0
    assert shown["signature"] == f"kakehashi {__version__}|conlleval|unit:tokens|lost:0|sentences:2"


def test_a_signature_grows_without_changing_the_old_one():
    old = Signature("strict", {"scheme": "bio", "seed": 1})
    new = old.extended({"seed": 0, "mapping": "irex-to-conll"})
    assert str(old) == f"kakehashi {__version__}|strict|scheme:bio|seed:1"
    assert str(new) == f"kakehashi {__version__}|strict|scheme:bio|seed:0|mapping:irex-to-conll"
    assert str(Signature("strict", {"mapping": "a|b"})).count("|") == 2
    score = score_spans(TRUE, FOUND)
    assert str(score.extended({"seed": 3}).signature) == f"{score.signature}|seed:3"
    assert score.extended({"seed": 3}).f1 == score.f1
    assert score_spans([[]], [[]], variant="strict").signature.variant == "strict"


def test_lost_mentions_are_missed():
    lost = [[], [Mention(3, 4, "LOC", "x"), Mention(5, 6, "ORG", "y")]]
    spans = [[Span(0, 1, "LOC")], [Span(0, 1, "LOC")]]
    score = score_spans(spans, spans, lost)
    assert score.counts.sentences.tolist() == [[1, 1, 1], [3, 1, 1]]
    assert score.types == {"LOC": Count(3, 2, 2), "ORG": Count(1, 0, 0)}
    assert (score.precision, score.recall) == (100.0, 50.0)
    assert "|lost:2|sentences:2" in str(score.signature)


@pytest.mark.parametrize("lost", [None, [[], []]])
def test_sides_of_unequal_length_are_refused(lost):
    with pytest.raises(ValueError, match="shorter"):
        score_spans([[], []], [[]], lost)


def test_mentions_compare_by_place_and_type_alone():
    gold = [[Mention(0, 2, "LOC", "東京"), Mention(5, 7, "PER", "佐藤")]]
    predicted = [[Mention(0, 2, "LOC", "東京", 0.9), Mention(5, 7, "ORG", "佐藤", 0.4)]]
    score = score_mentions(gold, predicted)
    assert score.counts.total == Count(2, 2, 1)
    assert "unit:characters" in str(score.signature)


def test_sentences_with_the_same_tokens_have_an_accuracy():
    forms = ["to", "New", "York"]
    gold = [sentence_from_forms(forms, [Span(1, 3, "LOC")])]
    predicted = [sentence_from_forms(forms, [Span(1, 2, "LOC")])]
    score = score_sentences(gold, predicted)
    assert score.counts.total == Count(1, 1, 0)
    assert score.counts.tokens == (3, 2)
    assert score_sentences([], []).counts.tokens == (0, 0)


@pytest.mark.parametrize("tokens", [None, (Token("東", 0, 1), Token("京", 1, 2))])
def test_sentences_cut_differently_compare_by_characters(tokens):
    mentions = (Mention(0, 2, "LOC", "東京"),)
    gold = [Sentence("東京", mentions, (Token("東京", 0, 2),)), Sentence("a", (), ())]
    predicted = [Sentence("東京", mentions, tokens), Sentence("a", (), ())]
    score = score_sentences(gold, predicted)
    assert score.counts.total == Count(1, 1, 1)
    assert score.counts.tokens is None


@pytest.mark.parametrize(
    ("predicted", "problem"),
    [
        (["one", "two!"], "sentence 2: expected '' at character 3 as in g.conll, got '!'"),
        (["one", "tvo"], "sentence 2: expected 'wo' at character 1 as in g.conll, got 'vo'"),
        (["one"], "sentence 2: expected 'two' as in g.conll, got the end; is it complete?"),
        (
            ["one", "two", "three"],
            "sentence 3: expected the end as in g.conll, got 'three'; is it the same test set?",
        ),
    ],
)
def test_differing_texts_are_refused(predicted, problem):
    gold, found = [Sentence("one"), Sentence("two")], [Sentence(text) for text in predicted]
    with pytest.raises(CorpusError, match=f"^p.conll: {re.escape(problem)}$"):
        score_sentences(gold, found, ("g.conll", "p.conll"))
