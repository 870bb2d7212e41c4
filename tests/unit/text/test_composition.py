import re
import sys
import unicodedata

import pytest

from kakehashi.text.composition import LONGEST_PASSAGE, WHITE_SPACE, cleaned, compose, passages


@pytest.mark.parametrize(
    ("raw", "composed", "offsets"),
    [
        ("東京", "東京", [0, 1, 2]),
        ("か\u3099き", "がき", [0, 2, 3]),
        ("か\u309aき", "かき", [0, 2, 3]),  # No character has it: the mark is left out.
        ("ハ゛ッハ", "バッハ", [0, 2, 3, 4]),
        ("あ゛、゛", "あ、゛", [0, 2, 3, 4]),
        ("ｶﾞｽ､", "ガス、", [0, 2, 3, 4]),
        ("e\u0301 \u0301", "é \u0301", [0, 2, 3, 4]),  # White space takes no mark.
        ("葛\U000e0100飾❤\ufe0f", "葛飾❤", [0, 2, 3, 5]),
        ("東\u00ad京", "東京", [0, 2, 3]),
        ("हिन्दी", "हनद", [0, 2, 4, 6]),
        ("\u1112\u1161\u11ab\u1100", "한\u1100", [0, 3, 4]),
        ("\ufa19\u212b", "神Å", [0, 1, 2]),
        ("ＡＢ", "ＡＢ", [0, 1, 2]),
        ("", "", [0]),
    ],
)
def test_each_letter_is_one_character(raw, composed, offsets):
    text, found = compose(raw)
    assert (text, list(found)) == (composed, offsets)


def test_long_text_is_composed_in_one_go_and_composed_text_not_copied():
    raw = unicodedata.normalize("NFD", "ガンダム") * 10_000
    text, offsets = compose(raw)
    assert text == "ガンダム" * 10_000
    assert offsets[-1] == len(raw)
    text = "東京に着いた。"
    assert compose(text)[0] is text


def test_cleaning_moves_nothing():
    assert cleaned("a\u3000\u200b\r\ufeffb\0\ud800\udfffc d") == "a    b\ufffd\ufffd\ufffdc d"


DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_white_space_is_that_of_python_and_of_no_width():
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    ours = set(re.findall(f"[{WHITE_SPACE}]", every))
    directions = {char for char in every if unicodedata.bidirectional(char) in DIRECTIONS}
    marks = {"\u061c", "\u200e", "\u200f"}  # of direction too, whose class is that of letters
    assert ours == {*filter(str.isspace, every), *directions, *marks, "\u200b", "\ufeff"}


def test_passages_end_after_a_sentence_or_at_a_blank():
    text = "あ" * 600 + "。い、う " + "え" * 600
    assert list(passages(text)) == [(0, text[:601]), (601, text[601:])]
    text = "あ" * 600 + " い、" + "え" * 600
    assert list(passages(text)) == [(0, text[:601]), (601, text[601:])]
    text = "あ" * (2 * LONGEST_PASSAGE + 1)
    found = [len(passage) for _, passage in passages(text)]
    assert found == [LONGEST_PASSAGE, LONGEST_PASSAGE, 1]
