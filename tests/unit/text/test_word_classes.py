import pytest

from kakehashi.text.segment import load_segmenter
from kakehashi.text.word_classes import WordClass, bracket_pairs, word_class


@pytest.mark.parametrize(
    ("form", "pos", "expected"),
    [
        ("東京", "名詞", WordClass.OTHER),
        ("㈱", "補助記号", WordClass.OTHER),  # letters in a circle or brackets
        ("（株）", "補助記号", WordClass.OTHER),
        ("％", "名詞", WordClass.OTHER),
        ("€", "", WordClass.OTHER),
        ("「", "補助記号", WordClass.OPENING),
        (")", "", WordClass.CLOSING),
        ("...", "", WordClass.PUNCTUATION),
        ("😊", "補助記号", WordClass.SYMBOL),
        ("が", "助詞", WordClass.PARTICLE),
        ("だ", "判定詞", WordClass.AUXILIARY),
        ("流し", "動詞", WordClass.VERB),
        ("에서", "JKB", WordClass.PARTICLE),
        ("さん", "接尾辞", WordClass.HONORIFIC),
        ("昨日", "", WordClass.TIME),
        ("the", "", WordClass.OTHER),
    ],
)
def test_classes(form, pos, expected):
    assert word_class(form, pos) is expected


@pytest.mark.parametrize("name", ["unidic-lite", "ipadic", "sudachi"])
def test_parts_of_speech_have_one_name_in_all_dictionaries(name):
    pytest.importorskip({"sudachi": "sudachipy"}.get(name, name.replace("-", "_")))
    tokens = load_segmenter(name).segment("「田中氏が帰った。")
    classes = [word_class(token.text, token.pos) for token in tokens]
    assert classes == [
        *(WordClass.OPENING, WordClass.OTHER, WordClass.HONORIFIC, WordClass.PARTICLE),
        *(WordClass.VERB, WordClass.AUXILIARY, WordClass.PUNCTUATION),
    ]


def test_brackets_are_paired_inside_out():
    assert bracket_pairs([1, 1, 0, 2]) == ({1: 3, 3: 1}, [0])
    assert bracket_pairs([2, 0, 1]) == ({}, [0, 2])
