"""Classes of words that seldom begin or end a name: punctuation, particles, honorifics and others.

A class follows from the form and, where a dictionary has one, the part of speech. It depends on no
other token, so that each distinct word is looked up once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache

from kakehashi.sentence import Token
from kakehashi.text.japanese import read_table


class WordClass(IntEnum):
    """What a word is, as far as it matters at the edge of a name."""

    OTHER = 0
    OPENING = 1  # bracket
    CLOSING = 2
    PUNCTUATION = 3
    SYMBOL = 4  # arrows, stars, emoji
    PARTICLE = 5
    AUXILIARY = 6
    VERB = 7
    HONORIFIC = 8  # or title: さん, 社長
    TIME = 9  # relative to the day: 昨日

    @property
    def is_sign(self) -> bool:
        """Whether it is no word: punctuation, a bracket or another symbol."""
        return WordClass.OPENING <= self <= WordClass.SYMBOL

    @property
    def is_function_word(self) -> bool:
        """Whether it is a particle or an auxiliary."""
        return self in (WordClass.PARTICLE, WordClass.AUXILIARY)


# Names of UniDic, IPADIC and Sudachi; 判定詞 is JUMAN's, those in Latin letters are Kiwi's.
_PARTS_OF_SPEECH = {
    "助詞": WordClass.PARTICLE,
    "助動詞": WordClass.AUXILIARY,
    "判定詞": WordClass.AUXILIARY,
    "動詞": WordClass.VERB,
    "VCP": WordClass.AUXILIARY,
    **dict.fromkeys(
        ["JKS", "JKC", "JKG", "JKO", "JKB", "JKV", "JKQ", "JX", "JC"], WordClass.PARTICLE
    ),
}
_WORDS = {
    word: WordClass[name.upper()]
    for name, words in read_table("word_classes.tsv")
    for word in words.split()
}
_CATEGORIES = {"Ps": WordClass.OPENING, "Pe": WordClass.CLOSING, "Sc": WordClass.OTHER}
_UNITS = frozenset("%％‰°")  # which end amounts, as signs of currencies (Sc) do


@lru_cache(maxsize=1 << 14)
def word_class(form: str, pos: str = "") -> WordClass:
    """Return the class of a word.

    Example:
        >>> word_class("氏", "接尾辞").name, word_class("が", "助詞").name, word_class("」").name
        ('HONORIFIC', 'PARTICLE', 'CLOSING')
    """
    if not _UNITS.issuperset(form) and not any(
        map(str.isalnum, unicodedata.normalize("NFKC", form))  # ㈱ is (株)
    ):
        category = unicodedata.category(form[-1])
        other = WordClass.PUNCTUATION if category[0] == "P" else WordClass.SYMBOL
        return _CATEGORIES.get(category, other)
    return _WORDS.get(form) or _PARTS_OF_SPEECH.get(pos, WordClass.OTHER)


def words_of(kind: WordClass) -> list[str]:
    """Return the words that are of a class whatever a dictionary says: honorifics, time words."""
    return [word for word, each in _WORDS.items() if each == kind]


def word_classes(tokens: Iterable[Token]) -> list[WordClass]:
    """Return the class of every token."""
    return [word_class(token.text, token.pos) for token in tokens]


def bracket_pairs(classes: Sequence[int]) -> tuple[dict[int, int], list[int]]:
    """Match brackets: the place of the other one of each pair, and places of those without one.

    Example:
        >>> bracket_pairs([1, 0, 2, 2])
        ({0: 2, 2: 0}, [3])
    """
    pairs: dict[int, int] = {}
    open_ones: list[int] = []
    halves: list[int] = []
    for place, kind in enumerate(classes):
        if kind == WordClass.OPENING:
            open_ones.append(place)
        elif kind == WordClass.CLOSING and open_ones:
            other = open_ones.pop()
            pairs |= {other: place, place: other}
        elif kind == WordClass.CLOSING:
            halves.append(place)
    return pairs, sorted(halves + open_ones)
