"""Loanwords: which word in Latin letters a word in katakana may be, by how both sound.

Both are brought to one spelling: the English word as Japanese hears it (``l`` is ``r``, ``v`` is
``b``, an ``r`` after a vowel is silent), the romanized one without the vowels that Japanese adds
(ホテル is ``hoteru``, then ``hoter``). What English spells unlike it sounds is missed; that two
words are spelled alike by chance is rare from four letters on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kakehashi.text.readings import romanize

_Rules = tuple[tuple[re.Pattern[str], str], ...]


def _rules(*pairs: str) -> _Rules:
    patterns, replacements = pairs[::2], pairs[1::2]
    return tuple((re.compile(p), by) for p, by in zip(patterns, replacements, strict=True))


# In this order: each sees what those before it have made.
_ENGLISH = _rules(
    *("ck", "k", "tch", "ch", "ph", "f", "th", "s", "x", "ks", "qu", "k"),
    *("c(?=[eiy])", "s", "c(?!h)", "k", "g(?=[eiy])", "j"),
    *("[ts]ion", "shon", "ight", "ait"),
    *("oo", "u", "e[ea]", "i", "a[iy]|ey", "e", "o[uw]", "au", "oa", "o"),
    *("a(?=[^aeiouy]e$)", "e", "^([^aeiouy]*)i(?=[^aeiouy]e$)", r"\1ai"),  # game, line
    *("(?<=[aeiouy][^aeiouy])e$", "", "[eiu]r(?![aeiouyr])", "a", "(?<=[ao])r(?![aeiouyr])", ""),
    *("m(?=[bp])", "n", "y", "i"),
)
_ROMAJI = _rules("tch", "ch", "ts", "t", "(ch|j)i$", r"\1")
_BOTH = _rules(
    *("v", "b", "l", "r", "z", "s", "chi", "ti", "shi", "si"),
    *("(?<=[^aeiou])y(?=[aeiou])", "", r"(.)\1+", r"\1"),
    *("(?<=[^aeiou])u|(?<=[td])o", "", r"(.)\1+", r"\1"),  # the vowels that Japanese adds
)
_LATIN, _KATAKANA = re.compile("[a-z]+"), re.compile("[ァ-ヺー]+")
_SHORTEST = 4


def find_loanwords(english: Iterable[str], japanese: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of a word in Latin letters and one in katakana that sound alike.

    Words are in lower case. A pair whose sound another word of its language has too is left out, as
    are sounds of fewer than four letters.

    Example:
        >>> english = ["hotel", "link", "rink", "service", "computer"]
        >>> find_loanwords(english, ["サービス", "ホテル", "リンク", "コンピューター"])
        [('hotel', 'ホテル'), ('service', 'サービス'), ('computer', 'コンピューター')]
    """
    theirs = _by_sound((_sound(word, _ENGLISH), word) for word in english if _LATIN.fullmatch(word))
    katakana = (word for word in japanese if _KATAKANA.fullmatch(word))
    ours = _by_sound((_sound(romanize(word), _ROMAJI), word) for word in katakana)
    return [(word, ours[sound]) for sound, word in theirs.items() if sound in ours]


def _sound(letters: str, rules: _Rules) -> str:
    for pattern, replacement in (*rules, *_BOTH):
        letters = pattern.sub(replacement, letters)
    return letters


def _by_sound(words: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Index words by their sounds: those that no other word has, and that are long enough."""
    found: dict[str, list[str]] = {}
    for sound, word in words:
        found.setdefault(sound, []).append(word)
    return {
        sound: alike[0]
        for sound, alike in found.items()
        if len(alike) == 1 and len(sound) >= _SHORTEST
    }
