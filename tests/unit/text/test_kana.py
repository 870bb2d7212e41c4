import pytest

from kakehashi.text.japanese import compose_kana, hiragana, is_kana, katakana


@pytest.mark.parametrize("text", ["あ", "ア", "ー", "ゞ", "ヶ", "ｶﾞ", "が", "ヿ", "ヺ"])
def test_kana(text):
    assert is_kana(text)


@pytest.mark.parametrize("text", ["", "・", "々", "a", "ア ", "亜", "ア・ア", "゠"])
def test_not_kana(text):
    assert not is_kana(text)


def test_there_and_back():
    assert hiragana("ァヴヶーヽa亜") == "ぁゔゖーヽa亜"
    assert katakana("ぁゔゖーゝa亜") == "ァヴヶーゝa亜"


@pytest.mark.parametrize(
    ("text", "composed"),
    [
        ("ﾊﾞﾊﾟﾊ｡", "バパハ。"),
        ("は゛は゜は\u3099", "ばぱば"),
        ("か゜あ゛", "かあ"),
        ("ゝ゛", "ゞ"),
        ("゛亜゛", "゛亜゛"),
        ("ＡＢﾞ", "ＡＢﾞ"),
    ],
)
def test_kana_take_their_marks(text, composed):
    assert compose_kana(text) == composed
