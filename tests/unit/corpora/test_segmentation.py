import pytest

from kakehashi.corpora.corpus import segmented
from kakehashi.sentence import Mention, Sentence, Token
from kakehashi.text.segment import load_segmenter


class Counting:
    """Cut every character apart, and count."""

    signature = "characters"

    def __init__(self):
        self.seen = []

    def segment(self, text):
        self.seen.append(text)
        return tuple(Token(character, k, k + 1) for k, character in enumerate(text))

    def annotate(self, text, tokens):
        return tuple(token._replace(reading=token.reading or "?") for token in tokens)


READ = Sentence("ab", (Mention(0, 2, "A", "ab"),), (Token("ab", 0, 2, "r"),), "id", "group")


def test_all_else_stays_as_it_is():
    (sentence,) = segmented([READ], Counting())

    assert sentence == Sentence(
        "ab", READ.mentions, (Token("a", 0, 1), Token("b", 1, 2)), "id", "group"
    )


def test_tokens_of_the_corpus_may_be_kept_and_only_get_readings():
    bare = Sentence("cd", tokens=(Token("cd", 0, 2),))

    kept, read, cut = segmented([READ, bare, Sentence("e")], Counting(), keep_tokens=True)

    assert kept == READ
    assert read.tokens == (Token("cd", 0, 2, "?"),)
    assert cut.tokens == (Token("e", 0, 1),)


def test_the_same_text_is_cut_once():
    segmenter = Counting()

    found = list(segmented([Sentence("a"), Sentence("b"), Sentence("a")], segmenter))

    assert [sentence.text for sentence in found] == ["a", "b", "a"]
    assert segmenter.seen == ["a", "b"]


def test_sentences_come_one_by_one():
    def endless():
        while True:
            yield Sentence("a")

    assert next(segmented(endless(), Counting())).tokens == (Token("a", 0, 1),)


def test_with_a_segmenter_of_ours():
    (sentence,) = segmented([Sentence("Oslo, rain")], load_segmenter("words"))

    assert [token.text for token in sentence.tokens] == ["Oslo", ",", "rain"]


def test_tokens_are_kept_only_if_they_are_those_of_the_text():
    tokens = (Token("b", 0, 1),)
    segmenter = load_segmenter("words")

    assert next(segmented([Sentence("a", tokens=tokens)], segmenter)).tokens == (Token("a", 0, 1),)
    with pytest.raises(ValueError, match=r"the token 'b' at \[0, 1\) contradicts the text, 'a'"):
        next(segmented([Sentence("a", tokens=tokens)], segmenter, keep_tokens=True))
