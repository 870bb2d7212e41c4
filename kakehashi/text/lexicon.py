"""What UniDic knows of a word by itself: whether it is a name, and what it was borrowed from.

Context is not asked, so that a form has one view. Of 光 as a given name nothing is seen.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from kakehashi.text.composition import LONGEST_PASSAGE, Word, cleaned, compose
from kakehashi.text.dictionaries import MeCab
from kakehashi.text.readings import romanize

_BORROWED = re.compile(
    "-([^-（]*[A-Za-z][^-（]*)(?:（.*）)?$"
)  # シャープ-sharp, ライト-light（光）


def romaji_cased(surface: str, reading: str) -> str:
    """Write a reading in Latin letters, with a capital if the word is, or begins with, a name.

    Example:
        >>> romaji_cased("東京", "トウキョウ"), romaji_cased("首都", "シュト")
        ('Toukyou', 'shuto')
    """
    latin = romanize(reading or surface)
    is_name = any(kind == "固有名詞" for _, kind, _ in _words(surface)[:1])
    return latin[:1].upper() + latin[1:] if is_name else latin


def loan(surface: str, reading: str) -> str:
    """Write a loanword as its source spells it, and any other word in romaji.

    Example:
        >>> loan("シャープ", "シャープ"), loan("プレイリスト", ""), loan("東京", "トウキョウ")
        ('sharp', 'playlist', 'toukyou')
    """
    found = [_BORROWED.search(lemma) for _, _, lemma in _words(surface)]
    spelled = [match[1] for match in found if match]
    return "".join(spelled) if 0 < len(spelled) == len(found) else romanize(reading or surface)


@lru_cache(maxsize=1 << 14)
def _words(surface: str) -> tuple[Word, ...]:
    """Analyse a form alone: its words, each with the kind of its part of speech, and its lemma."""
    text = cleaned(compose(surface)[0])
    return tuple(_unidic().analyze(text)) if len(text) <= LONGEST_PASSAGE else ()


@cache
def _unidic() -> MeCab:
    return MeCab("unidic-lite", fields=(1, 7))
