import pytest

pytest.importorskip("sudachidict_core", reason="the extra sudachi is not installed")

from kakehashi.text.sudachi import Sudachi


def test_signs_blanks_and_edges():
    expected = [("々", "補助記号", ""), ("と", "助詞", "ト"), ("記号", "名詞", "キゴウ")]
    assert Sudachi().analyze("々と記号") == expected
    assert Sudachi().analyze("㍿") == [("㍿", "名詞", "カブシキガイシャ")]
    assert [word[0] for word in Sudachi().analyze(" 東京  に ")] == ["東京", "に"]
    words = list(Sudachi().analyze_forms(["東", "京都", "に"]))
    assert [word[0] for word in words] == ["東", "京都", "に"]
