"""What holds for any text, of any script, in any segmenter."""

import re
import unicodedata
from functools import cache
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.config.architecture import VIEWS
from kakehashi.config.languages import languages
from kakehashi.config.segmenting import SEGMENTERS
from kakehashi.sentence import sentence_from_forms
from kakehashi.text.composition import WHITE_SPACE
from kakehashi.text.readings import romanize
from kakehashi.text.segment import load_segmenter
from kakehashi.text.views import ngrams, view

OURS = [name for name in VIEWS if name != "uroman"]  # a library, and slow
_EXTRAS = {
    "ipadic": "ipadic",
    "sudachi": "sudachidict_core",
    "jieba": "jieba",
    "characters+jieba": "jieba",
    "newmm": "pythainlp",
    "newmm-icu": "pythainlp",
    "zh": "pypinyin",
}
# Segmenters (kiwi, which takes seconds to load, has tests of its own), and languages that change
# what `words` and `characters` do.
NAMES = [*(name for name in SEGMENTERS if name != "kiwi"), "zh", "fr", "it", "he", "hy"]

KANA = "".join(
    map(chr, [*range(0x3041, 0x3097), *range(0x3099, 0x30A0), *range(0x30A1, 0x3100)])
).replace("・", "")
# Any character at all, but more often one that has a part in some trap.
CHARACTERS = st.one_of(
    st.sampled_from(
        "한글ᄏदिल्लीกำเไสжЁÀςمو"
        "東京都行流人々西亀井ヶ〇、。・「」！ー〜 \u3000\u200b\ufeff\u00a0\r\n\t\0㈱㍿´ﷺｶﾞ👍"
    ),
    st.sampled_from(KANA),
    st.sampled_from("aBc019.,:'’-&@ "),
    st.sampled_from("שלום״ السلام \u200f\u200e\u202b\u202c\u2067\u2069"),  # from right to left
    st.characters(exclude_categories=()),
)
TEXTS = st.text(CHARACTERS, max_size=40)
MARKED_TEXTS = st.text(
    st.one_of(
        CHARACTERS,
        st.sampled_from(
            "がパヴゞéßÅ神한निที่กำेा\u3099\u309a゛゜ﾞﾟｶﾊ\u0301\u0327\u1161\u11a8\ufe0f\u00ad\u200d❤"
        ),
    ),
    max_size=20,
)


@cache
def load(name, cut_scripts):
    if name in _EXTRAS and find_spec(_EXTRAS[name]) is None:
        pytest.skip(f"the extra {name} is not installed")
    if name in SEGMENTERS:
        return load_segmenter(name, cut_scripts=cut_scripts)
    return load_segmenter(languages()[name].segmenter, language=name)


@pytest.mark.parametrize("cut_scripts", [True, False])
@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
def test_tokens_are_the_text_without_white_space(name, cut_scripts, text):
    tokens = load(name, cut_scripts).segment(text)
    assert all(token.text == text[token.start : token.end] for token in tokens)
    assert all(token.text for token in tokens)
    assert "".join(token.text for token in tokens) == re.sub(f"[{WHITE_SPACE}]", "", text)
    assert [token.start for token in tokens] == sorted(token.start for token in tokens)


@pytest.mark.parametrize("name", NAMES)
@given(text=MARKED_TEXTS)
def test_no_token_begins_with_a_mark_that_stands_on_something(name, text):
    for token in load(name, True).segment(text):
        if unicodedata.category(token.text[0])[0] == "M":
            assert token.start == 0 or re.match(f"[{WHITE_SPACE}]", text[token.start - 1])


@pytest.mark.parametrize("name", NAMES)
@given(text=MARKED_TEXTS)
def test_decomposed_text_is_read_as_composed(name, text):
    found = []
    for form in ("NFC", "NFD"):
        written = unicodedata.normalize(form, text)
        tokens = load(name, True).segment(written)
        assert all(token.text == written[token.start : token.end] for token in tokens)
        seen = [[view(token.text, token.reading, name) for name in OURS] for token in tokens]
        found.append((seen, [token.reading for token in tokens]))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
def test_each_token_has_a_form_in_each_view(name, text):
    for token in load(name, True).segment(text):
        for shown in OURS:
            form = view(token.text, token.reading, shown)
            assert form
            assert not any(char.isspace() for char in form)
            assert ngrams(form)


@pytest.mark.parametrize("name", NAMES)
@given(forms=st.lists(st.text(CHARACTERS, max_size=8), max_size=8))
def test_annotation_keeps_tokens(name, forms):
    sentence = sentence_from_forms(forms, joiner="")
    tokens = load(name, True).annotate(sentence.text, sentence.tokens)
    assert [token[:3] for token in tokens] == [token[:3] for token in sentence.tokens]


@given(st.text(KANA, min_size=1))
def test_kana_becomes_latin(kana):
    # But for marks without a kana to act on.
    assert re.fullmatch(r"[a-z\-ゝゞヽヾ\u3099\u309a ]+", romanize(kana))


@given(st.text(min_size=1))
def test_romanization_is_never_empty(text):
    assert romanize(text)


@given(st.text(), st.integers(1, 5))
def test_ngrams_cover_the_form(form, n):
    cut = ngrams(form, n)
    assert "".join(gram[0] for gram in cut[:-1]) + (cut[-1] if cut else "") == form
