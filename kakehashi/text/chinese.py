"""Chinese: the pinyin of words in context, and how its tones are written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, groupby

from kakehashi.extras import require
from kakehashi.text.composition import passages

_TONES = dict(zip("\u0304\u0301\u030c\u0300", "1234", strict=True))  # by their combining marks
_NO_TONES = dict.fromkeys(map(ord, _TONES))
# A tone mark, and what of its syllable follows: an apostrophe parts what could be read otherwise.
_TONE = re.compile(rf"([{''.join(_TONES)}])([aeiou\u0302\u0308]*(?:(?:ng|[nr])(?![aeiou]))?)")
_BEGINS_WITH_A_VOWEL = re.compile("[aeo]", re.IGNORECASE)


def pinyin(words: Sequence[str]) -> list[str]:
    """Return the pinyin of each word of a sentence, with tone marks; "" where it has none.

    Characters are read by the phrase they stand in: a word of several characters by itself, those
    in a row that are words of their own together. Tones are those of the single syllables, without
    sandhi. `MissingExtraError` if the extra ``chinese`` is not installed.

    Example:
        >>> pinyin(["重庆", "西安", "卡拉OK", "。"]), pinyin(["重", "庆"])
        (['chóngqìng', "xī'ān", 'kǎlāOK', ''], ['chóng', 'qìng'])
    """
    cut = require("pypinyin.seg.simpleseg", "chinese").seg
    texts: list[str] = []
    for alone, run in groupby(words, key=lambda word: len(word) == 1):
        some = list(run)
        texts += ["".join(some)] if alone else some
    phrases = (phrase for text in texts for _, part in passages(text) for phrase in cut(part))
    syllables = chain.from_iterable(map(_syllables, phrases))
    return [_join(word, syllables) for word in words]


@lru_cache(maxsize=1 << 14)
def _syllables(phrase: str) -> list[str]:
    """Read a phrase, a string for each character; the characters of what is not Chinese stay."""
    library = require("pypinyin", "chinese")
    syllables: list[str] = library.lazy_pinyin([phrase], style=library.Style.TONE, errors=list)
    return syllables


def _join(word: str, syllables: Iterator[str]) -> str:
    """Join the syllables of a word, with an apostrophe before a, e and o (GB/T 16159)."""
    joined, before, read = "", False, False  # before: whether a syllable comes before
    for character, syllable in zip(word, syllables, strict=False):
        if character == syllable:
            joined, before = joined + character, False
            continue
        bare = unicodedata.normalize("NFD", syllable)
        if before and _BEGINS_WITH_A_VOWEL.match(bare):
            joined += "'"
        joined, before, read = joined + syllable, True, True
    return joined if read else ""


def drop_tones(reading: str) -> str:
    """Write pinyin without its tone marks, after NFKC; ü stays.

    Example:
        >>> drop_tones("nǚ'ér")
        "nü'er"
    """
    bare = unicodedata.normalize("NFKD", reading).translate(_NO_TONES)
    return unicodedata.normalize("NFKC", bare)


def number_tones(reading: str) -> str:
    """Write the tones of pinyin as digits after their syllables, after NFKC; a neutral one is none.

    Example:
        >>> number_tones("chóngqìng"), number_tones("fāngàn"), number_tones("fāng'àn")
        ('chong2qing4', 'fan1gan4', "fang1'an4")
    """
    marked = unicodedata.normalize("NFKD", reading)
    numbered = _TONE.sub(lambda match: match[2] + _TONES[match[1]], marked)
    return unicodedata.normalize("NFKC", numbered)
