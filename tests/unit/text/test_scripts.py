"""What script a text is in."""

import logging

import pytest

from kakehashi.config.segmenting import SEGMENTERS
from kakehashi.text.scripts import ForeignText, fits, script_of

SEEN = ["Tokyo", "in", "мир"]


@pytest.fixture
def said(caplog):
    """Count forms, and return what was said."""

    def said(*batches, view=lambda form: form[0]):
        foreign = ForeignText("m", lambda: SEEN, view)
        with caplog.at_level(logging.WARNING):
            for batch in batches:
                foreign.count([(form, "") for form in batch.split()])
        return caplog.messages

    return said


def test_scripts_of_letters():
    assert [*map(script_of, "Aßǆ")] == ["Latin"] * 3
    assert [*map(script_of, "ΑЖאب中あカ가कไა")] == [
        *("Greek", "Cyrillic", "Hebrew", "Arabic", "Han", "Hiragana", "Katakana", "Hangul"),
        *("Devanagari", "Thai", "Georgian"),
    ]
    assert {*map(script_of, "1。- ー\u0301\u200f\ud800\ufffd")} == {""}
    assert [*map(script_of, "Ａｶ")] == ["Latin", "Katakana"]


@pytest.mark.parametrize(
    ("segmenter", "text", "expected"),
    [
        ("words", "Wir fahren nach 東京", True),
        ("words", "東京へ OK", False),
        ("words", "ปลุกฉัน", False),
        ("words", "서울에서", True),
        ("unidic-lite", "OKです", True),
        ("sudachi", "Tokyo", False),
        ("sudachi", "12:30", True),
        ("jieba", "我", True),
        ("jieba", "あ", False),
        ("kiwi", "서울", True),
        ("newmm", "서울", False),
        ("whitespace", "東京", True),
        ("that of a plug-in", "東京", True),
    ],
)
def test_segmenters_are_for_scripts(segmenter, text, expected):
    assert fits(segmenter, text) == expected


def test_every_segmenter_has_scripts_or_takes_any():
    assert {name for name in SEGMENTERS if fits(name, "ქართული")} == {"words", "whitespace"}


def test_text_of_another_script_is_said_once(said):
    assert said("Tokyo мир Oslo", "東京 में", "दिल्ली में बारिश होगी 東京", "नमस्ते") == [
        "most characters are of a script the model m never saw (Devanagari, Han)"
    ]


@pytest.mark.parametrize(
    "text", ["東京", "東京 Tokyo 12", "Tokyo in 東京 में दिल्ली of Oslo and Rome"]
)
def test_a_few_words_of_another_script_are_not(said, text):
    assert said(text) == []


def test_a_view_may_know_the_script(said):
    assert said("東京都 大阪府 京都府 神奈川県", view=lambda form: "romaji") == []
