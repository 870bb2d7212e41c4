"""Kana: what counts as kana, and the way between its two scripts."""

from __future__ import annotations

import re

_LETTERS = "".join(map(chr, range(0x30A1, 0x30F7)))
_TO_HIRAGANA = {ord(letter): ord(letter) - 0x60 for letter in _LETTERS}
_TO_KATAKANA = {hiragana: katakana for katakana, hiragana in _TO_HIRAGANA.items()}
# Hiragana, katakana, half-width katakana, each with iteration, length and voicing marks; not the
# middle dot, which parts words.
_KANA = re.compile("[\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f]+")


def is_kana(text: str) -> bool:
    """Say whether a text is written in kana alone; the empty one is not.

    Example:
        >>> is_kana("コーヒー"), is_kana("お茶"), is_kana("ジャズ・フェス")
        (True, False, False)
    """
    return _KANA.fullmatch(text) is not None


def hiragana(text: str) -> str:
    """Write katakana letters as hiragana; length and iteration marks and all else stay."""
    return text.translate(_TO_HIRAGANA)


def katakana(text: str) -> str:
    """Write hiragana letters as katakana; length and iteration marks and all else stay."""
    return text.translate(_TO_KATAKANA)
