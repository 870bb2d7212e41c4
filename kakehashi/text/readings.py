"""Japanese readings: of a token in context, and in Latin letters.

Libraries that romanize get the paper's five examples right (oushuu, kamei, jazu, wo, nagashite),
and each of them goes wrong elsewhere (``konpyu-ta-``, ``teiishatsu``); so the table is our own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

from kakehashi.sentence import Token
from kakehashi.text.japanese import TO_HIRAGANA, compose_kana, is_kana, katakana, read_table

_FIRST = frozenset("ーゝゞヽヾ々〻〱〲〳〴")
# Each after what it may follow: ー is a dash after a kanji, and ヾ an arm after hiragana.
_MARKS = re.compile(
    "(?<=[ぁ-ヿ])ー+|(?<=[ぁ-ゖゝゞ])[ゝゞ]+|(?<=[ァ-ヺヽヾ])[ヽヾ]+|(?<=[^ぁ-ヿ])[々〻]+"
    "|〱|〲|〳〵|〴〵"
)
_VOWELS = dict(zip("aiueo", "アイウエオ", strict=True))

_VOICED_MARKS = ("ゞ", "ヾ", "〲", "〴〵")
_REPEATED = re.compile("([ぁ-ゖァ-ヺ])([ゝゞヽヾ]+)|([ぁ-ゖァ-ヺー]+)(〱|〳〵|〲|〴〵)")
_HYPHEN = re.compile("(?<=[ァ-ヺ])[-‐−](?=[ァ-ヺ])")  # typed for ー
_LENGTHENED_STOP = re.compile("(っ+)(ー+)")
_LENGTHENED = re.compile("([aiueo]?)(ー+)")
_DOUBLED = re.compile("(っ+)(ch|[bcdfghjkmnprstvwyz]?)")


def read_in_context(tokens: list[Token]) -> None:
    """Correct, in place, the readings of composed text that depend on the token before or after.

    A token that begins with a mark (ー ゝ 々 〱) takes its sound from the token that it touches.
    Which words change before which (兄: アニ, but ニイ before さん) is a table of our own,
    ``data/readings.tsv``, that applies only where the dictionary reads as it says.

    Example:
        >>> tokens = [Token("すご", 0, 2), Token("ー", 2, 3)]
        >>> read_in_context(tokens)
        >>> [token.reading for token in tokens]
        ['', 'オ']
    """
    table = _before()
    for index in range(1, len(tokens)):
        before, token = tokens[index - 1], tokens[index]
        if before.end != token.start:
            continue
        if token.text[:1] in _FIRST:
            tokens[index] = token._replace(reading=_read_mark(token, before))
        if before.text in table:
            reading = table[before.text].get((before.reading, token.text), before.reading)
            tokens[index - 1] = before._replace(reading=reading)


@cache
def _before() -> Mapping[str, Mapping[tuple[str, str], str]]:
    """Read the table: per form, (reading alone, form that follows) to the reading before that."""
    return {
        form: {(alone, after): reading for after in following.split()}
        for form, alone, following, reading in read_table("readings.tsv")
    }


def _read_mark(token: Token, before: Token) -> str:
    """Return the reading of a token that begins with a mark; its own where the sound is unknown."""
    form, previous = token.text, before.text
    kana = before.reading or (katakana(previous) if is_kana(previous) else "")
    match = _MARKS.match(previous + form, len(previous))
    if match is None or not kana:
        return token.reading
    marks, rest = match[0], form[len(match[0]) :]
    sound = ""
    if marks[0] == "ー":
        sound = _VOWELS.get(romanize(kana.rstrip("ッ"))[-1:], "") * len(marks)
    elif marks[0] not in "々〻":
        sound = repeat(kana + marks)[len(kana) :]
        sound = "" if sound == marks else sound  # nothing to repeat
    elif len(marks) == len(previous):  # of several kanji, nobody knows how the last one is read
        sound = kana
    return sound + katakana(rest) if sound and (is_kana(rest) or not rest) else token.reading


@lru_cache(maxsize=1 << 14)
def romanize(kana: str) -> str:
    """Write kana in Latin letters; leave everything else as it is after NFKC.

    Long vowels are written out and ん is always n, so that equal kana are equal letters. The result
    is never empty for a non-empty string.

    Example:
        >>> romanize("オウシュウ"), romanize("マッチャ"), romanize("コンピューター")
        ('oushuu', 'matcha', 'konpyuutaa')
    """
    table, syllable = _table()
    text = unicodedata.normalize("NFKC", compose_kana(kana))
    text = repeat(_HYPHEN.sub("ー", text)).translate(TO_HIRAGANA)
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
