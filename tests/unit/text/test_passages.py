import re
import sys

from kakehashi.text.composition import LONGEST_PASSAGE, WHITE_SPACE, cleaned, passages


def test_cleaning_moves_nothing():
    assert cleaned("a\u3000\u200b\r\ufeffb\0\ud800\udfffc d") == "a    b\ufffd\ufffd\ufffdc d"


def test_white_space_is_that_of_python_and_of_no_width():
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    ours = set(re.findall(f"[{WHITE_SPACE}]", every))
    assert ours == {*filter(str.isspace, every), "\u200b", "\ufeff"}


def test_passages_end_after_a_sentence():
    text = "あ" * 600 + "。い、う " + "え" * 600
    assert list(passages(text)) == [(0, 601), (601, len(text))]


def test_passages_end_at_a_blank_before_a_comma():
    text = "あ" * 600 + " い、" + "え" * 600
    assert list(passages(text)) == [(0, 601), (601, len(text))]


def test_passages_of_one_long_word():
    text = "あ" * (2 * LONGEST_PASSAGE + 1)
    assert [end - start for start, end in passages(text)] == [LONGEST_PASSAGE, LONGEST_PASSAGE, 1]
