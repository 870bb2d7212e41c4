"""Kana: what counts as kana, and the way between its two scripts."""

from __future__ import annotations

import re
import unicodedata

_LETTERS = "".join(map(chr, range(0x30A1, 0x30F7)))
_TO_HIRAGANA = {ord(letter): ord(letter) - 0x60 for letter in _LETTERS}
_TO_KATAKANA = {hiragana: katakana for katakana, hiragana in _TO_HIRAGANA.items()}
# Hiragana, katakana, half-width katakana, each with iteration, length and voicing marks; not the
# middle dot, which parts words.
_KANA = re.compile("[\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f]+")

# Parts of character classes: half-width katakana with their punctuation; voicing marks that stand
# by themselves; the kana that they may follow.
HALF_WIDTH = "\uff61-\uff9f"
SPACING_MARKS = "゛゜ﾞﾟ"
MARKED = "ぁ-ゖゝゞァ-ヺヽヾｦ-ﾝ"
_FULL_WIDTH = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF61, 0xFF9E)}
_COMBINING = {"゛": "\u3099", "ﾞ": "\u3099", "゜": "\u309a", "ﾟ": "\u309a"}
_VOICED = re.compile(f"([{MARKED}])([{SPACING_MARKS}\u3099\u309a])")


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


def compose_kana(text: str) -> str:
    """Write half-width katakana in full width, and a kana with its voicing mark as one letter.

    A mark on a kana that is never voiced is left out.

    Example:
        >>> compose_kana("ｶﾞ"), compose_kana("か゛"), compose_kana("あ゛")
        ('ガ', 'が', 'あ')
    """
    return _VOICED.sub(_with_mark, text).translate(_FULL_WIDTH)


def _with_mark(match: re.Match[str]) -> str:
    kana, mark = match[1].translate(_FULL_WIDTH), match[2]
    return unicodedata.normalize("NFC", kana + _COMBINING.get(mark, mark))[0]
