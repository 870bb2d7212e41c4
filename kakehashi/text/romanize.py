"""Romanization of Japanese readings.

The paper shares characters between English and Japanese by writing Japanese in Latin letters. Many
libraries get its five examples right (oushuu, kamei, jazu, wo, nagashite), and each of them goes
wrong elsewhere (``konpyu-ta-``, ``teiishatsu``); so the table, ``data/kana.tsv``, is our own.

Marks that take their sound from the token before them: ー ゝ 々 〱.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files

from kakehashi.sentence import Token
from kakehashi.text.japanese import compose_kana, hiragana, is_kana, katakana

_VOICED_MARKS = ("ゞ", "ヾ", "〲", "〴〵")
_VOICING = "\u3099"
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


def repeat(kana: str) -> str:
    """Write out what the iteration marks in kana repeat.

    Example:
        >>> repeat("こゝろ"), repeat("いすゞ"), repeat("ところ〲")
        ('こころ', 'いすず', 'ところどころ')
    """
    return _REPEATED.sub(_write_out, kana)


@cache
def _table() -> tuple[Mapping[str, str], re.Pattern[str]]:
    """Read the kana table; give with it the pattern of its entries, the longest first."""
    lines = files("kakehashi.text").joinpath("data/kana.tsv").read_text("utf-8").splitlines()
    table = dict(line.split("\t") for line in lines if line and not line.startswith("#"))
    return table, re.compile("|".join(sorted(table, key=len, reverse=True)))


def _write_out(match: re.Match[str]) -> str:
    """Repeat one kana for each mark, or all for a long one; the repeated may be voiced."""
    letters, marks, word, long_mark = match.groups()
    if word:
        return word + _voiced(word[0], long_mark in _VOICED_MARKS) + word[1:]
    for mark in marks:
        letters += _voiced(letters[-1], mark in _VOICED_MARKS)
    return letters


def _voiced(kana: str, voiced: bool) -> str:
    """Write a kana with its voicing mark, if it can have one, or without."""
    plain = unicodedata.normalize("NFD", kana)[0]
    composed = unicodedata.normalize("NFC", plain + _VOICING)
    return composed if voiced and len(composed) == 1 else plain


def _lengthen(match: re.Match[str]) -> str:
    """Repeat the vowel for each length mark, or write a hyphen where there is none."""
    vowel, marks = match.groups()
    return vowel + (vowel or "-") * len(marks)


def _double(match: re.Match[str]) -> str:
    """Double the consonant for each small tsu; it is t before ch and before no consonant at all."""
    marks, consonant = match.groups()
    return ("t" if consonant in ("", "ch") else consonant) * len(marks) + consonant


_FIRST = frozenset("ーゝゞヽヾ々〻〱〲〳〴")
# Each after what it may follow: ー is a dash after a kanji, and ヾ an arm after hiragana.
_MARKS = re.compile(
    "(?<=[ぁ-ヿ])ー+|(?<=[ぁ-ゖゝゞ])[ゝゞ]+|(?<=[ァ-ヺヽヾ])[ヽヾ]+|(?<=[^ぁ-ヿ])[々〻]+"
    "|〱|〲|〳〵|〴〵"
)
_VOWELS = dict(zip("aiueo", "アイウエオ", strict=True))


def read_marks(tokens: list[Token]) -> None:
    """Read the tokens of composed text that begin with such a mark by the token that they touch.

    Example:
        >>> tokens = [Token("すご", 0, 2), Token("ー", 2, 3)]
        >>> read_marks(tokens)
        >>> [token.reading for token in tokens]
        ['', 'オ']
    """
    firsts = [token.text[:1] for token in tokens]
    if _FIRST.isdisjoint(firsts):
        return
    for index in range(1, len(tokens)):
        before, token = tokens[index - 1], tokens[index]
        if firsts[index] in _FIRST and before.end == token.start:
            tokens[index] = token._replace(reading=_reading(token, before))


def _reading(token: Token, before: Token) -> str:
    """Read a token that begins with a mark; as it was where nobody knows its sound."""
    form, previous = token.text, before.text
    kana = before.reading or (katakana(previous) if is_kana(previous) else "")
    match = _MARKS.match(previous + form, len(previous))
    if match is None or not kana:
        return token.reading
    sound = _sound(match[0], previous, kana)
    rest = form[len(match[0]) :]
    return sound + katakana(rest) if sound and (is_kana(rest) or not rest) else token.reading


def _sound(marks: str, previous: str, kana: str) -> str:
    """Write in kana what marks stand for after a form that is read so; ``""`` if unknown."""
    if marks[0] == "ー":
        return _VOWELS.get(romanize(kana.rstrip("ッ"))[-1:], "") * len(marks)
    if marks[0] in "々〻":  # Of several kanji, nobody knows how the last one is read.
        return kana if len(marks) == len(previous) else ""
    sound = repeat(kana + marks)[len(kana) :]
    return sound if sound != marks else ""
