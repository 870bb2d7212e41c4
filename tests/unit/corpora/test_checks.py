import pytest

from kakehashi.corpora.checks import checked, excerpt
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token

TEXT = "昨日東京に着いた"


def mention(start, end, type="LOC", text=None):
    return Mention(start, end, type, TEXT[start:end] if text is None else text)


def test_mentions_come_out_in_order():
    late, early = mention(2, 4), mention(0, 2, "DATE")
    sentence = Sentence(TEXT, (late, early), id="7", group="g")

    assert checked(sentence, "a.jsonl", 3) == Sentence(TEXT, (early, late), id="7", group="g")


def test_mentions_may_touch():
    sentence = Sentence(TEXT, (mention(0, 2), mention(2, 4)))

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


def test_the_message_names_the_sentence():
    with pytest.raises(CorpusError, match="sentence 'S-1': "):
        checked(Sentence("", id="S-1"), "a.json")


def test_long_texts_are_quoted_in_part():
    assert excerpt("x" * 60) == repr("x" * 60)
    assert excerpt("x" * 10_000) == repr("x" * 60) + "…"
