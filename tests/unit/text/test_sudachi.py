import pytest

pytest.importorskip("sudachidict_core", reason="the extra sudachi is not installed")

from kakehashi.text.sudachi import Sudachi


def test_signs_have_no_reading():
    assert Sudachi().analyze("々と記号") == [
        ("々", "補助記号", ""),
        ("と", "助詞", "ト"),
        ("記号", "名詞", "キゴウ"),
    ]


def test_words_of_no_width_lend_their_reading():
    assert Sudachi().analyze("㍿") == [("㍿", "名詞", "カブシキガイシャ")]


def test_blanks_are_no_words():
    assert [word[0] for word in Sudachi().analyze(" 東京  に ")] == ["東京", "に"]


def test_form_whose_edges_are_not_met_is_read_alone():
    words = list(Sudachi().analyze_forms(["東", "京都", "に"]))
    assert [word[0] for word in words] == ["東", "京都", "に"]
