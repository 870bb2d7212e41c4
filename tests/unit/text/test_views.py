import re
import sys

import pytest

from kakehashi.errors import ConfigError, MissingExtraError
from kakehashi.text import latin
from kakehashi.text.chinese import pinyin
from kakehashi.text.views import ngrams, view, view_signature


@pytest.mark.parametrize(
    ("text", "romaji"),
    [
        *(("押収", ["oushuu"]), ("欧州", ["oushuu"]), ("加盟", ["kamei"])),
        *(("亀井", ["kamei"]), ("ジャズ", ["jazu"]), ("を", ["wo"])),
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
    with pytest.raises(
        ConfigError, match="view: there is no view 'greek'; known: original, romaji, "
    ):
        view("東京", "トウキョウ", "greek")


@pytest.mark.parametrize(
    ("surface", "reading", "latin"),
    [
        *(("押収", "オウシュウ", "oushuu"), ("ジャズ", "", "jazu"), ("ＡＢＣ", "", "ABC")),
        *(("㈱", "", "(株)"), ("鷂", "", "鷂"), ("ヌメ・ヨロ", "", "nume・yoro")),
        *(("´", "", "\u0301"), ("東京", " ", "東京"), ("\u3000", "", "\u3000")),
    ],
)
def test_romaji_without_a_reading(surface, reading, latin):
    assert view(surface, reading, "romaji") == latin


@pytest.mark.parametrize(
    ("module", "extra", "use"),
    [
        ("pypinyin.seg.simpleseg", "chinese", lambda: pinyin(["重庆"])),
        ("uroman", "uroman", lambda: view("Щ", "", "uroman")),
        ("uroman", "uroman", lambda: view_signature("uroman")),
    ],
)
def test_what_is_not_installed_is_named(monkeypatch, module, extra, use):
    monkeypatch.setitem(sys.modules, module, None)
    for cached in (latin.uroman, latin._uroman):
        cached.cache_clear()
    with pytest.raises(MissingExtraError, match=rf"pip install .*\[{extra}\]"):
        use()


def test_a_view_that_a_package_writes_names_it_and_its_version():
    assert view_signature("romaji") == "romaji"
    assert re.fullmatch(r"loan\(unidic-lite [\d.]+\)", view_signature("loan"))
    with pytest.raises(ConfigError, match="there is no view 'lone'; did you mean 'loan'"):
        view_signature("lone")


@pytest.mark.parametrize(
    ("form", "n", "expected"),
    [
        *(("Yes", 2, ["Ye", "es"]), ("Yes", 1, ["Y", "e", "s"]), ("Yes", 3, ["Yes"])),
        *(("Yes", 4, ["Yes"]), ("東", 2, ["東"]), ("", 2, [])),
    ],
)
def test_ngrams(form, n, expected):
    assert ngrams(form, n) == expected


@pytest.mark.parametrize("n", [0, -1])
def test_n_below_one(n):
    with pytest.raises(ValueError, match=f"at least 1, got {n}"):
        ngrams("Yes", n)
