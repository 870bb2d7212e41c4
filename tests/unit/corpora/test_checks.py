import pytest

from kakehashi.corpora.checks import checked, excerpt, find_problem
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token

TEXT = "昨日東京に着いた"


def mention(start, end, type="LOC", text=None):
    return Mention(start, end, type, TEXT[start:end] if text is None else text)


def test_mentions_come_out_in_order_and_may_touch():
    late, early = mention(2, 4), mention(0, 2, "DATE")
    sentence = Sentence(TEXT, (late, early), id="7", group="g")
    assert checked(sentence, "a.jsonl", 3) == Sentence(TEXT, (early, late), id="7", group="g")
    sentence = Sentence(TEXT, (mention(0, 2), mention(2, 4)))
    assert checked(sentence, "a") == sentence
    sentence = Sentence("a \u3000b", (Mention(1, 3, "X", " \u3000"),))
    assert checked(sentence, "a") == sentence


@pytest.mark.parametrize(
    ("sentence", "problem"),
    [
        (Sentence(""), "expected a text, got an empty one"),
        (Sentence("a\0b"), "NUL"),
        (Sentence("a\ud800b"), r"half a character, the surrogate '\\ud800'"),
        (Sentence(TEXT, (mention(0, 3), mention(2, 4))), r"mention '東京' at \[2, 4\) overlaps"),
        (Sentence(TEXT, (mention(2, 4), mention(2, 4))), "overlaps the one before"),
        (Sentence(TEXT, (mention(6, 9),)), r"not inside the text of 8 characters"),
        (Sentence(TEXT, (mention(-2, 2),)), "not inside the text"),
        (Sentence(TEXT, (mention(3, 3),)), "not inside the text"),
        (Sentence(TEXT, (mention(4, 2),)), "not inside the text"),
        (Sentence(TEXT, (mention(2, 4, text="京都"),)), "'京都' at .* is '東京' in the text"),
        (Sentence(TEXT, (mention(2, 4, ""),)), "entity type without blanks, got ''"),
        (Sentence(TEXT, (mention(2, 4, "A B"),)), "entity type without blanks, got 'A B'"),
        (Sentence(TEXT, (mention(2, 4, "A\u3000"),)), "entity type without blanks"),
        (Sentence(TEXT, tokens=(Token("昨日", 0, 2), Token("日", 1, 2))), "token '日' .* overlaps"),
        (Sentence(TEXT, tokens=(Token("明日", 0, 2),)), "token '明日' .* is '昨日' in the text"),
        (Sentence(TEXT, tokens=(Token("", 0, 0),)), "token '' .* not inside"),
    ],
)
def test_what_is_no_sentence_is_refused_with_its_place(sentence, problem):
    with pytest.raises(CorpusError, match=rf"^a\.jsonl:3: .*{problem}") as caught:
        checked(sentence, "a.jsonl", 3)
    assert "\n" not in str(caught.value)


def test_messages_name_the_sentence_and_stay_short():
    with pytest.raises(CorpusError, match="sentence 'S-1': "):
        checked(Sentence("", id="S-1"), "a.json")
    assert excerpt("x" * 60) == repr("x" * 60)
    assert excerpt("x" * 10_000) == repr("x" * 60) + "…"
    mention = Mention(10**900, 10**900 + 1, "LOC", "東京")
    with pytest.raises(CorpusError, match="is not inside the text of 2 characters") as caught:
        checked(Sentence("東京", (mention,)), "a.jsonl", 1)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("blank", [" ", "\t", "\u3000", "\xa0", "\u200b", " \u3000"])
def test_blanks_at_the_edge_of_a_mention_do_not_count(blank):
    text = f"a{blank}b{blank}c"
    size = len(blank)
    found = checked(Sentence(text, (Mention(1, 2 + 2 * size, "X", text[1 : 2 + 2 * size]),)), "a")
    assert found.mentions == (Mention(1 + size, 2 + size, "X", "b"),)


def test_tokens_that_hold_the_blank_keep_it_in_the_mention():
    text, mentions = "a b\u3000", (Mention(2, 4, "X", "b\u3000"),)
    whole = Sentence(text, mentions, (Token("a", 0, 1), Token("b\u3000", 2, 4)))
    apart = Sentence(text, mentions, (Token("b", 2, 3), Token("\u3000", 3, 4)))
    assert checked(whole, "a") == whole
    assert checked(apart, "a").mentions == (Mention(2, 3, "X", "b"),)


@pytest.mark.parametrize(
    "tokens",
    [
        (Token("東京", 2, 4), Token("昨日", 0, 2)),
        (Token("昨日東", 0, 3), Token("東京", 2, 4)),
        (Token("昨日", 1, 3),),
        (Token("た", 7, 9),),
    ],
    ids=["order", "overlap", "place", "outside"],
)
def test_tokens_that_contradict_the_text_are_a_problem(tokens):
    assert "the token" in find_problem(Sentence(TEXT, tokens=tokens))
    assert find_problem(Sentence(TEXT, tokens=(Token("日", 1, 2), Token("着", 5, 6)))) == ""
