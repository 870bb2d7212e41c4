import pytest

from kakehashi.errors import ConfigError
from kakehashi.text.views import view


@pytest.mark.parametrize(
    ("text", "romaji"),
    [
        ("押収", ["oushuu"]),
        ("欧州", ["oushuu"]),
        ("加盟", ["kamei"]),
        ("亀井", ["kamei"]),
        ("ジャズ", ["jazu"]),
        ("を", ["wo"]),
        ("流して", ["nagashi", "te"]),
    ],
)
def test_examples_of_the_paper(segmenter, text, romaji):
    tokens = segmenter("unidic-lite").segment(text)
    assert [view(token.text, token.reading, "romaji") for token in tokens] == romaji
    assert "".join(view(token.text, token.reading, "original") for token in tokens) == text


def test_views_show_composed_text():
    assert view("か\u3099", "", "original") == "が"
    assert view("か\u3099", "", "romaji") == "ga"
    assert view("ｶﾞ", "", "original") == "ｶﾞ"


def test_unknown_view():
    with pytest.raises(ConfigError, match="view: expected one of original, romaji, got 'latin'"):
        view("東京", "トウキョウ", "latin")
