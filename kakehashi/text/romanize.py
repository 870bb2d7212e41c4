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
from importlib.resources import files

from kakehashi.text.kana import hiragana

_VOICED_MARKS = "ゞヾ"
_VOICING = "\u3099"
_REPEATED = re.compile("([ぁ-ゖァ-ヺ])([ゝゞヽヾ]+)")
_LENGTHENED = re.compile("([aiueo]?)(ー+)")
_DOUBLED = re.compile("(っ+)(ch|[bcdfghjkmnprstvwyz]?)")


@lru_cache(maxsize=1 << 16)
def romanize(kana: str) -> str:
    """Write kana in Latin letters; leave everything else as it is after NFKC.

    Long vowels are written out and ん is always n, so that equal kana are equal letters. The result
    is never empty for a non-empty string.

    Example:
        >>> romanize("オウシュウ"), romanize("マッチャ"), romanize("コンピューター")
        ('oushuu', 'matcha', 'konpyuutaa')
    """
    table, syllable = _table()
    text = _REPEATED.sub(_write_out, unicodedata.normalize("NFKC", kana))
    latin = syllable.sub(lambda match: table[match[0]], hiragana(text))
    latin = _LENGTHENED.sub(_lengthen, latin)
    return _DOUBLED.sub(_double, latin)


def romanize_token(surface: str, reading: str) -> str:
    """Write a token in Latin letters by its reading, or by its surface where it has none.

    Kanji without a reading stay: libraries that know no Japanese read them as Chinese, which is
    worse. The result is never empty for a non-empty token, and white space that NFKC invents (it
    makes a blank and an accent of ``´``) is left out.

    Example:
        >>> romanize_token("欧州", "オウシュウ"), romanize_token("ジャズ", "")
        ('oushuu', 'jazu')
    """
    return "".join(romanize(reading or surface).split()) or surface


@cache
def _table() -> tuple[Mapping[str, str], re.Pattern[str]]:
    """Read the kana table; give with it the pattern of its entries, the longest first."""
    lines = files("kakehashi.text").joinpath("data/kana.tsv").read_text("utf-8").splitlines()
    table = dict(line.split("\t") for line in lines if line and not line.startswith("#"))
    return table, re.compile("|".join(sorted(table, key=len, reverse=True)))


def _write_out(match: re.Match[str]) -> str:
    """Put the repeated kana in the place of each iteration mark, voiced or unvoiced as it says."""
    letters = match[1]
    for mark in match[2]:
        plain = unicodedata.normalize("NFD", letters[-1])[0]
        voiced = unicodedata.normalize("NFC", plain + _VOICING)
        letters += voiced if mark in _VOICED_MARKS and len(voiced) == 1 else plain
    return letters


def _lengthen(match: re.Match[str]) -> str:
    """Repeat the vowel for each length mark, or write a hyphen where there is none."""
    vowel, marks = match.groups()
    return vowel + (vowel or "-") * len(marks)


def _double(match: re.Match[str]) -> str:
    """Double the consonant for each small tsu; it is t before ch and before no consonant at all."""
    marks, consonant = match.groups()
    return ("t" if consonant in ("", "ch") else consonant) * len(marks) + consonant
