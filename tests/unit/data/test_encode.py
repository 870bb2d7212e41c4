import pytest

from kakehashi.data.encode import encode
from kakehashi.errors import TagError
from kakehashi.sentence import Mention, Sentence, Span, Token, sentence_from_forms
from kakehashi.tags import Tagset

SENTENCES = [
    sentence_from_forms(["In", "Rome", "in"], [Span(1, 2, "LOC")]),
    Sentence("", tokens=()),
    sentence_from_forms(["Rome"]),
]


def test_tokens_become_form_numbers_offsets_and_tags():
    corpus = encode(SENTENCES, {})
    assert corpus.forms.tolist() == [0, 1, 2, 1]
    assert corpus.offsets.tolist() == [0, 3, 3, 4]
    assert corpus.lengths.tolist() == [3, 0, 1]
    assert corpus.spans == ((Span(1, 2, "LOC"),), (), ())
    assert corpus.tag_ids(Tagset(("LOC",))).tolist() == [0, 1, 0, 0]
    with pytest.raises(TagError):
        corpus.tag_ids(Tagset(("PER",)))
    with pytest.raises(ValueError, match="no tokens yet"):
        encode([Sentence("Rome")], {})


def test_lost_mentions_are_kept_and_counted():
    lost = Mention(0, 1, "LOC", "R")
    bare = sentence_from_forms(["Rome"])
    corpus = encode([Sentence(bare.text, (lost,), bare.tokens)], {})
    assert corpus.lost == ((lost,),)
    counts = dict.fromkeys(("sentences", "tokens", "entities", "lost"), 1)
    assert corpus.summary() == counts | {"types": {"LOC": 1}}


def test_forms_are_numbered_and_counted_by_surface_and_reading():
    readings = ["キョウ", "コンニチ", "キョウ"]
    tokens = tuple(Token("今日", 2 * n, 2 * n + 2, kana) for n, kana in enumerate(readings))
    forms = {}
    assert encode([Sentence("今日" * 3, tokens=tokens)], forms).forms.tolist() == [0, 1, 0]
    assert list(forms) == [("今日", "キョウ"), ("今日", "コンニチ")]
    forms = {}
    encode([sentence_from_forms(["Elsewhere"])], forms)
    corpus = encode(SENTENCES, forms)
    assert dict(corpus.count_forms(forms)) == {("In", ""): 1, ("Rome", ""): 2, ("in", ""): 1}
