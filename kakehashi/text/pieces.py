"""The pieces of a dictionary word, each with its share of the reading."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from kakehashi.text.kana import is_kana, katakana
from kakehashi.text.scripts import script, script_runs, words

# ヵ and ヶ are missing on purpose: they are read ガ or カ.
_SPELLED = re.compile("([\u30a1-\u30f4\u30f7-\u30fa\u30fc]+)")


class Piece(NamedTuple):
    """A part of a word: its range in the word, and its reading in kana or ``""``."""

    start: int
    end: int
    reading: str


@lru_cache(maxsize=1 << 16)
def pieces(surface: str, reading: str, cut_scripts: bool) -> tuple[Piece, ...]:
    """Cut a word at blanks, and if asked at each change of script, sharing out its reading.

    Dictionaries do hold words with blanks (``New York``, many faces); a token never has one. A
    reading that is not kana, as dictionaries give for signs, counts as none. Where a cut would
    leave kanji without their reading (霞ケ関, ２人), there is none.

    Example:
        >>> pieces("西ドイツ", "ニシドイツ", True)
        (Piece(start=0, end=1, reading='ニシ'), Piece(start=1, end=4, reading='ドイツ'))
    """
    if not is_kana(reading):
        reading = ""
    ranges = script_runs(surface) if cut_scripts else words(surface)
    if len(ranges) == 1:
        return (Piece(*ranges[0], reading),)
    forms = [surface[start:end] for start, end in ranges]
    readings = _share(forms, reading) if reading else [""] * len(forms)
    if reading and cut_scripts and any(map(_is_unread, forms, readings)):
        return pieces(surface, reading, False)
    return tuple(Piece(*span, kana) for span, kana in zip(ranges, readings, strict=True))


def _is_unread(form: str, reading: str) -> bool:
    """Whether a form with kanji has no reading."""
    return not reading and any(script(char) == "native" for char in form)


def _share(forms: Sequence[str], reading: str) -> list[str]:
    """Share out a reading: kana is read as written, and the rest as what lies between.

    Where two forms meet that could each take anything, neither gets a reading.
    """
    spelled = [katakana(unicodedata.normalize("NFKC", form)) for form in forms]
    pattern = "".join(f"({_pattern(form)})" for form in spelled)
    match = None if "?)(." in pattern else re.fullmatch(pattern, reading)
    shares = match.groups() if match else [""] * len(forms)
    return [form if is_kana(form) else share for form, share in zip(spelled, shares, strict=True)]


def _pattern(form: str) -> str:
    """Write the regular expression of the readings that a form in katakana may have."""
    if not any(char.isalnum() for char in form):
        return ".*?"
    return "".join(
        re.escape(run) if _SPELLED.fullmatch(run) else ".+?" for run in _SPELLED.split(form) if run
    )
