"""Romanization of Japanese readings.

The paper shares characters between English and Japanese by writing Japanese in Latin letters. Many
libraries get its five examples right (oushuu, kamei, jazu, wo, nagashite), and each of them goes
wrong elsewhere (``konpyu-ta-``, ``teiishatsu``); so the table, ``data/kana.tsv``, is our own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

from kakehashi.text.japanese import compose_kana, hiragana, read_table

_VOICED_MARKS = ("ゞ", "ヾ", "〲", "〴〵")
_REPEATED = re.compile("([ぁ-ゖァ-ヺ])([ゝゞヽヾ]+)|([ぁ-ゖァ-ヺー]+)(〱|〳〵|〲|〴〵)")
_HYPHEN = re.compile("(?<=[ァ-ヺ])[-‐−](?=[ァ-ヺ])")  # typed for ー
_LENGTHENED_STOP = re.compile("(っ+)(ー+)")
_LENGTHENED = re.compile("([aiueo]?)(ー+)")
_DOUBLED = re.compile("(っ+)(ch|[bcdfghjkmnprstvwyz]?)")


@lru_cache(maxsize=1 << 16)
def romanize(kana: str) -> str:
    """Write kana in Latin letters; leave everything else as it is after NFKC.

    Long vowels are written out and ん is always n, so that equal kana are equal letters. A hyphen
    between katakana is a length mark. The result is never empty for a non-empty string.

    Example:
        >>> romanize("オウシュウ"), romanize("マッチャ"), romanize("コンピューター")
        ('oushuu', 'matcha', 'konpyuutaa')
    """
    table, syllable = _table()
    text = unicodedata.normalize("NFKC", compose_kana(kana))
    text = hiragana(repeat(_HYPHEN.sub("ー", text)))
    # A vowel before っ is the one that is drawn out (ずっーと).
    text = _LENGTHENED_STOP.sub(r"\2\1", text)
    latin = syllable.sub(lambda match: table[match[0]], text)
    latin = _LENGTHENED.sub(lambda match: match[1] + (match[1] or "-") * len(match[2]), latin)
    return _DOUBLED.sub(_double, latin)


def repeat(kana: str) -> str:
    """Write out what the iteration marks in kana repeat.

    Example:
        >>> repeat("こゝろ"), repeat("いすゞ"), repeat("ところ〲")
        ('こころ', 'いすず', 'ところどころ')
    """
    return _REPEATED.sub(_write_out, kana)


@cache
def _table() -> tuple[Mapping[str, str], re.Pattern[str]]:
    table = dict(read_table("kana.tsv"))
    return table, re.compile("|".join(sorted(table, key=len, reverse=True)))  # the longest first


def _write_out(match: re.Match[str]) -> str:
    """Repeat one kana for each mark, or the whole word for a long mark, voiced where it says so."""
    letters, marks, word, long_mark = match.groups()
    if word:
        return word + _voiced(word[0], long_mark) + word[1:]
    for mark in marks:
        letters += _voiced(letters[-1], mark)
    return letters


def _voiced(kana: str, mark: str) -> str:
    """Return a kana as a mark repeats it: voiced, if it can be, or without its voicing."""
    plain = unicodedata.normalize("NFD", kana)[0]
    composed = unicodedata.normalize("NFC", plain + "\u3099")
    return composed if mark in _VOICED_MARKS and len(composed) == 1 else plain


def _double(match: re.Match[str]) -> str:
    """Double the consonant for each small tsu; it is t before ch and before no consonant at all."""
    marks, consonant = match.groups()
    return ("t" if consonant in ("", "ch") else consonant) * len(marks) + consonant
