"""Text in composed form, made safe for dictionaries, with the way back to the raw text.

One word is spelled in many ways that look alike: accents and voicing marks apart from their letters
(macOS writes file names so), half-width katakana, soft hyphens, variation selectors. Dictionaries
and patterns know one of them; so they get one character for each letter with its marks.

MeCab stops at NUL, cannot encode lone surrogates, takes U+3000, NBSP and carriage returns for
words, and needs a gigabyte for a million characters; so it gets *cleaned* text in *passages*.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import accumulate, count, groupby
from typing import TypeAlias

from kakehashi.sentence import Token
from kakehashi.text.japanese import HALF_WIDTH, MARKED, SPACING_MARKS, compose_kana

# Soft hyphen, non-joiner, joiner, word joiner.
_INVISIBLE = "\u00ad\u200c\u200d\u2060"
# Vowels and final consonants of Hangul syllables that are written letter by letter.
_JAMO = "\u1160-\u11ff\ud7b0-\ud7fb"

# MeCab loses count, and Sudachi gives up, beyond 65,535 bytes; Sudachi counts after NFKC, which
# makes up to 33 bytes of one character (ﷺ).
LONGEST_PASSAGE = 1024

# Zero-width spaces, the byte order mark and the marks of direction, which stand around Arabic and
# Hebrew words, are white space to us, though not to Python. All are listed, since a class with \s
# takes three times as long.
_NO_SPACE = (
    r"\t-\r\x1c-\x1f\x85\xa0\u061c\u1680\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f\u2066-\u2069"
    r"\u3000\ufeff"
)
WHITE_SPACE = rf" {_NO_SPACE}"
_UNSAFE = re.compile(rf"([{_NO_SPACE}])|[\0\ud800-\udfff]")
_BREAKS = ("。！？!?", " ", "、")


# Surface, part of speech, reading. A plain tuple, since hundreds of millions are made.
Word: TypeAlias = tuple[str, str, str]


def compose(text: str) -> tuple[str, Sequence[int]]:
    r"""Convert a text to composed form: one character for each letter of the raw text.

    The offsets say where each character begins in the raw text, and where the text ends.

    Example:
        >>> compose("か\u3099ｶﾞ e\u0301")
        ('がガ é', [0, 2, 4, 5, 7])
    """
    if is_composed(text):
        return text, range(len(text) + 1)
    letters = _patterns()[1].findall(text)
    offsets = [*accumulate(map(len, letters), initial=0)]
    return "".join(_composed(letter)[0] for letter in letters), offsets


def normalize(text: str) -> tuple[str, Sequence[int]]:
    r"""Convert a text to composed form, but keep the marks that no composed letter has.

    The offsets are those of `compose`, and -1 for a mark, since no token begins there.

    Example:
        >>> normalize("ที่")
        ('ที่', [0, -1, -1, 3])
    """
    if is_composed(text):
        return text, range(len(text) + 1)
    letters = _patterns()[1].findall(text)
    forms = list(map(_composed, letters))
    offsets: list[int] = []
    for form, start in zip(forms, accumulate(map(len, letters), initial=0), strict=False):
        offsets += [start, *(-1 for _ in form[1:])]
    return "".join(forms), [*offsets, len(text)]


def in_raw_text(tokens: Iterable[Token], text: str, offsets: Sequence[int]) -> Iterator[Token]:
    """Yield the tokens of a composed text with their forms and offsets in the raw text."""
    for token in tokens:
        start, end = offsets[token.start], offsets[token.end]
        yield token._replace(text=text[start:end], start=start, end=end)


def is_composed(text: str) -> bool:
    """Whether a text surely is in composed form; one with characters beyond the BMP may be, too."""
    return text.isascii() or (
        not _patterns()[0].search(text) and unicodedata.is_normalized("NFC", text)
    )


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Build the patterns of what composed text does not hold, and of one letter with its marks."""
    codes = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
    marks = [code for code in codes if unicodedata.category(chr(code))[0] == "M"]
    common = _INVISIBLE + _JAMO + _ranges(code for code in marks if code < 0x10000)
    every = common + _ranges(code for code in marks if code >= 0x10000)
    return (
        # Everything beyond the BMP matches, since many ranges there would make it slow.
        re.compile(f"[{common}{SPACING_MARKS}{HALF_WIDTH}\U00010000-\U0010ffff]"),
        re.compile(f"[{WHITE_SPACE}]|(?:[{MARKED}][{SPACING_MARKS}]?|.)[{every}]*", re.DOTALL),
    )


def _ranges(codes: Iterable[int]) -> str:
    """Write ascending codes as the inside of a character class; ranges match five times faster."""
    ascending = count()
    runs = [[*run] for _, run in groupby(codes, lambda code: code - next(ascending))]
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


@lru_cache(maxsize=1 << 12)
def _composed(letter: str) -> str:
    """Return a letter composed with its marks, then the marks that no character has."""
    visible = letter[0] + letter[1:].translate(dict.fromkeys(map(ord, _INVISIBLE)))
    return unicodedata.normalize("NFC", compose_kana(visible))


def cleaned(text: str) -> str:
    r"""Replace each kind of white space by a blank, and what a dictionary chokes on by U+FFFD.

    Example:
        >>> cleaned("a\u3000b\0")
        'a b�'
    """
    return _UNSAFE.sub(lambda unsafe: " " if unsafe[1] else "\ufffd", text)


def passages(text: str) -> Iterator[tuple[int, str]]:
    """Cut cleaned text into passages with their starts, after a sentence, blank or comma if any."""
    start = 0
    while len(text) - start > LONGEST_PASSAGE:
        limit = start + LONGEST_PASSAGE
        breaks = (max(text.rfind(mark, start, limit) for mark in marks) + 1 for marks in _BREAKS)
        end = next((end for end in breaks if end > start), limit)
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def located(text: str, words: Iterable[Word]) -> Iterator[tuple[int, Word]]:
    """Yield each word with its start in a text; blanks between words are skipped."""
    end = 0
    for word in words:
        start = text.index(word[0], end)
        end = start + len(word[0])
        yield start, word
