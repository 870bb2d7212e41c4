from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kakehashi.scoring.conlleval import score_tags, strict_spans
from kakehashi.scoring.score import score_mentions, score_sentences, score_spans
from kakehashi.sentence import Sentence, Token, mentions_from_spans
from kakehashi.tags import spans_from_tags, tags_from_spans


def tags_of(letters: str) -> st.SearchStrategy[list[str]]:
    tags = ["O", *(f"{letter}-{kind}" for letter in letters for kind in ("A", "B"))]
    return st.lists(st.sampled_from(tags), max_size=8)


def pairs_of(letters: str) -> st.SearchStrategy[list[tuple[list[str], list[str]]]]:
    pair = tags_of(letters).flatmap(
        lambda tags: st.tuples(
            st.just(tags),
            st.lists(st.sampled_from([*tags, "O", "B-A"]), min_size=len(tags), max_size=len(tags)),
        )
    )
    return st.lists(pair, max_size=5)


def sides(pairs):
    return [gold for gold, _ in pairs], [predicted for _, predicted in pairs]


@given(pairs_of("BI"))
def test_conlleval_finds_the_spans_that_we_read_off_bio(pairs):
    gold, predicted = sides(pairs)
    by_tags = score_tags(gold, predicted).counts
    by_spans = score_spans(map(spans_from_tags, gold), map(spans_from_tags, predicted)).counts
    assert by_tags.sentences.tolist() == by_spans.sentences.tolist()
    assert by_tags.types == by_spans.types


@given(pairs_of("BIES.[]"))
def test_exchanging_the_sides_exchanges_precision_and_recall(pairs):
    gold, predicted = sides(pairs)
    there, back = score_tags(gold, predicted), score_tags(predicted, gold)
    assert (there.precision, there.recall) == (back.recall, back.precision)
    assert there.f1 == back.f1


@given(st.lists(tags_of("BIES"), max_size=5))
def test_what_agrees_is_right(sentences):
    counts = score_tags(sentences, sentences).counts
    assert counts.total.gold == counts.total.predicted == counts.total.correct
    assert counts.tokens is not None
    assert counts.tokens.correct == counts.tokens.total


@given(tags_of("BI"))
def test_strict_bio_spans_are_among_the_repaired(tags):
    assert set(strict_spans(tags)) <= set(spans_from_tags(tags))


@given(tags_of("BIES"), st.sampled_from(["bio", "iobes"]))
def test_well_formed_tags_lose_nothing_in_strict_reading(tags, scheme):
    spans = spans_from_tags(tags)
    assert strict_spans(tags_from_spans(spans, len(tags), scheme), scheme) == spans


@st.composite
def cut_sentences(draw):
    """Draw a sentence, its mentions on characters, and tokens that predictions must keep to."""
    text = "x" * draw(st.integers(1, 10))
    edges = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text))))})
    tokens = tuple(Token(text[a:b], a, b) for a, b in pairwise(edges))
    characters = [Token(text[at], at, at + 1) for at in range(len(text))]
    tag = st.sampled_from(["O", "B-A", "I-A", "I-B"])
    gold, predicted = (
        spans_from_tags(draw(st.lists(tag, min_size=len(cut), max_size=len(cut))))
        for cut in (characters, tokens)
    )
    return (
        Sentence(text, mentions_from_spans(text, characters, gold), tokens),
        Sentence(text, mentions_from_spans(text, tokens, predicted), tokens),
    )


@given(st.lists(cut_sentences(), max_size=4))
def test_spans_with_lost_mentions_score_as_the_mentions_do(pairs):
    gold, predicted = sides(pairs)
    projected = [sentence.project() for sentence in gold]
    by_spans = score_spans(
        [projection.spans for projection in projected],
        [sentence.project().spans for sentence in predicted],
        [projection.lost for projection in projected],
    ).counts
    by_mentions = score_mentions(
        [sentence.mentions for sentence in gold], [sentence.mentions for sentence in predicted]
    ).counts
    assert by_spans.sentences.tolist() == by_mentions.sentences.tolist()
    assert by_spans.types == by_mentions.types == score_sentences(gold, predicted).types
