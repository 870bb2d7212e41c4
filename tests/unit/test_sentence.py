import pytest

from kakehashi.sentence import (
    Mention,
    Sentence,
    Span,
    Token,
    mentions_from_spans,
    sentence_from_forms,
)

TEXT = "渡米した"
TOKENS = (Token("渡米", 0, 2), Token("し", 2, 3), Token("た", 3, 4))


def test_projection_finds_spans_and_lists_what_no_token_edge_meets():
    inside = Mention(1, 2, "LOC", "米")
    whole = Mention(2, 4, "X", "した")
    projection = Sentence(TEXT, (inside, whole), TOKENS).project()
    assert projection.spans == (Span(1, 3, "X"),)
    assert projection.lost == (inside,)
    with pytest.raises(ValueError, match="segment it first"):
        Sentence(TEXT).project()


def test_spans_and_mentions_go_both_ways():
    spans = [Span(0, 1, "A"), Span(1, 3, "B")]
    mentions = mentions_from_spans(TEXT, TOKENS, spans)
    assert [mention.text for mention in mentions] == ["渡米", "した"]
    assert Sentence(TEXT, mentions, TOKENS).project() == (tuple(spans), ())


@pytest.mark.parametrize("joiner", [" ", ""])
def test_offsets_of_joined_forms_are_exact(joiner):
    sentence = sentence_from_forms(["ab", "c", "def"], [Span(1, 3, "X")], joiner=joiner)
    assert all(sentence.text[t.start : t.end] == t.text for t in sentence.tokens)
    (mention,) = sentence.mentions
    assert sentence.text[mention.start : mention.end] == mention.text == f"c{joiner}def"
