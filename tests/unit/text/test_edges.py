import pytest

from kakehashi.sentence import Span
from kakehashi.text.edges import EdgeRules
from kakehashi.text.segment import load_segmenter
from kakehashi.text.word_classes import WordClass, word_classes

OTHER, TIME, VERB = WordClass.OTHER, WordClass.TIME, WordClass.VERB
RULES = EdgeRules.learn(
    [
        ("PER", OTHER, OTHER),
        ("DATE", TIME, TIME),
        ("DATE", OTHER, WordClass.PARTICLE),
        ("MISC", VERB, VERB),
    ]
)


def trimmed(text, marked, kind="PER", rules=RULES):
    """Trim the span of the tokens of ``marked``, the first there."""
    tokens = load_segmenter("unidic-lite").segment(text)
    start = text.index(marked)
    inside = [n for n, t in enumerate(tokens) if start <= t.start and t.end <= start + len(marked)]
    spans = [Span(inside[0], inside[-1] + 1, kind)]
    [span] = rules.trim(spans, word_classes(tokens))
    return span and text[tokens[span.start].start : tokens[span.end - 1].end]


@pytest.mark.parametrize(
    ("text", "marked", "left"),
    [
        ("田中が来た。", "田中", "田中"),
        ("昨日田中が来た。", "昨日田中", "田中"),
        ("昨日は雨。", "昨日", None),
        ("鈴木です。", "鈴木です。", "鈴木"),
        ("「鈴木氏」は", "「鈴木氏」", "鈴木"),
        ("！！！", "！！！", None),
        ("(株)青木の人", "(株)青木", "(株)青木"),
        ("青木(株)の人", "青木(株)の", "青木(株)"),
        ("佐藤次郎（東京", "佐藤次郎（東京", "佐藤次郎"),
        ("東京）佐藤次郎は", "東京）佐藤次郎", "佐藤次郎"),
        ("選手村に行く", "選手村", "選手村"),
    ],
)
def test_what_no_mention_begins_or_ends_with_is_cut_off(text, marked, left):
    assert trimmed(text, marked) == left


def test_what_a_mention_of_the_type_begins_or_ends_with_stays():
    assert trimmed("昨日は雨。", "昨日", "DATE") == "昨日"
    assert trimmed("昨日は雨。", "昨日は", "DATE") == "昨日は"
    assert trimmed("昨日は雨。", "昨日は", "MISC") is None
    assert trimmed("彼と歩く。", "彼と歩く", "MISC") == "彼と歩く"
    assert trimmed("彼と歩く。", "彼と歩く", "PER") == "彼"
    assert trimmed("彼と歩く。", "彼と歩く", "NEW") == "彼"  # a type without mentions


def test_rules_as_json():
    names = RULES.to_dict()
    assert names["DATE"] == (["TIME"], ["PARTICLE"])
    assert EdgeRules.from_dict(names) == RULES
    with pytest.raises(ValueError, match="there is no word class 'NOUN'"):
        EdgeRules.from_dict({"PER": (["NOUN"], [])})
