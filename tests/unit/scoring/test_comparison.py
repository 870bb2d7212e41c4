import re

import pytest

from kakehashi.errors import CorpusError, TagError
from kakehashi.scoring.comparison import score_mentions, score_sentences, score_spans, score_tags
from kakehashi.scoring.score import Count
from kakehashi.sentence import Mention, Sentence, Span, Token, sentence_from_forms


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


def test_a_variant_is_named():
    assert score_spans([[]], [[]], variant="strict").signature.variant == "strict"


def test_mentions_compare_by_place_and_type_alone():
    gold = [[Mention(0, 2, "LOC", "東京"), Mention(5, 7, "PER", "佐藤")]]
    predicted = [[Mention(0, 2, "LOC", "東京", 0.9), Mention(5, 7, "ORG", "佐藤", 0.4)]]
    score = score_mentions(gold, predicted)
    assert score.counts.total == Count(2, 2, 1)
    assert "unit:characters" in str(score.signature)


# design/scoring.md: IOB1 and BIO of the same spans are 3/3/3 to conlleval and 1/3/1 to strict BIO.
IOB1 = [["I-A", "O", "I-B", "I-B", "O", "I-A", "B-A"]]
BIO = [["B-A", "O", "B-B", "I-B", "O", "B-A", "B-A"]]


def test_the_variants_of_tags():
    repaired, strict = score_tags(IOB1, BIO), score_tags(IOB1, BIO, variant="strict")
    assert repaired.counts.total == Count(4, 4, 4)
    assert strict.counts.total == Count(1, 4, 1)
    assert "|conlleval|" in str(repaired.signature)
    assert "|strict|unit:tokens|scheme:bio|sentences:1" in str(strict.signature)


def test_a_row_for_every_sentence_even_the_empty():
    score = score_tags([[], ["B-A"], []], [[], ["B-A"], []])
    assert score.counts.sentences.tolist() == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]


def test_strict_tags_must_be_of_the_scheme():
    with pytest.raises(TagError, match="'S-A'"):
        score_tags([["S-A"]], [["O"]], variant="strict")
    assert score_tags([["S-A"]], [["O"]], variant="strict", scheme="iobes").counts.total.gold == 1


def test_sentences_with_the_same_tokens_have_an_accuracy():
    forms = ["to", "New", "York"]
    gold = [sentence_from_forms(forms, [Span(1, 3, "LOC")])]
    predicted = [sentence_from_forms(forms, [Span(1, 2, "LOC")])]
    score = score_sentences(gold, predicted)
    assert score.counts.total == Count(1, 1, 0)
    assert score.counts.tokens == (3, 2)


@pytest.mark.parametrize("tokens", [None, (Token("東", 0, 1), Token("京", 1, 2))])
def test_sentences_cut_differently_compare_by_characters(tokens):
    mentions = (Mention(0, 2, "LOC", "東京"),)
    gold = [Sentence("東京", mentions, (Token("東京", 0, 2),)), Sentence("a", (), ())]
    predicted = [Sentence("東京", mentions, tokens), Sentence("a", (), ())]
    score = score_sentences(gold, predicted)
    assert score.counts.total == Count(1, 1, 1)
    assert score.counts.tokens is None


def test_no_sentences_have_no_wrong_tokens():
    assert score_sentences([], []).counts.tokens == (0, 0)


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
