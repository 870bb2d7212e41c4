"""Other alphabets in Latin letters: by tables of our own, or by uroman.

Vowels that a script leaves out stay out. Where the letters of a script are named for their sounds
in Unicode (those of India, Ethiopic), the names are the table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from kakehashi.extras import require
from kakehashi.text.japanese import read_table

# Accents that make no other letter, points that are left out in most text, tones, invisible marks.
_ACCENTS = re.compile(
    "[\u0300-\u0305\u0307\u0309-\u036f\u0591-\u05c7\u064b-\u064d\u0651-\u0655\u0670\u0e47-\u0e4b"
    "\u00ad\u061c\u200b-\u200f\u2060]"
)
# Thai: a letter that ์ silences; a vowel written before its consonant.
_SILENT, _VOWEL_FIRST = re.compile("[ก-ฮ][ิุ]?์"), re.compile("([เแโใไ])([ก-ฮ])")
# Arabic and Hebrew: w and y for a long vowel, as between consonants.
_SEMITIC, _LONG = re.compile("[\u0590-\u06ff]"), re.compile(r"(?<=[^\Waeiou])(?:w|(y))(?![aeiou])")

_NAMED = re.compile("[\u0900-\u0d7f\u1200-\u137f]+")  # Devanagari to Malayalam, Ethiopic
_NAME = re.compile("([A-Z]+) (LETTER|SYLLABLE|VOWEL SIGN|SIGN) (?:.* )?([A-Z]+)")
_SIGNS = dict.fromkeys(("ANUSVARA", "CANDRABINDU", "BINDI", "TIPPI"), "n")
_SIGNS |= {"VISARGA": "h", "VIRAMA": ""}
_SPELLED = {"CA": "cha", "CHA": "chha", "SSA": "sha", "R": "ri", "RR": "ri"}
_BEFORE_LIPS = re.compile("n(?=[bp])")
_DOUBLED = re.compile(r"(.)\1+")  # long, retroflex
_DOTTED = {"ja": "za", "pha": "fa", "ka": "qa"}
_FINAL_A_IS_SILENT = ("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI")
_ETHIOPIC = re.compile("(A|AA|EE|E)$")
_ETHIOPIC_VOWELS = {"A": "e", "AA": "a", "EE": "e", "E": "i"}

# A library that knows no Japanese reads these as Chinese.
_HAN = re.compile("([\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)")


@lru_cache(maxsize=1 << 14)
def latin(text: str) -> str:
    """Write letters of other alphabets in Latin ones, without accents; leave all else after NFKC.

    Cyrillic, Greek, Armenian, Georgian, Hebrew, Arabic, Thai, Ethiopic and the scripts of India.

    Example:
        >>> [latin(word) for word in ("Щукин", "Αθήνα", "موسيقى", "दिल्ली", "กรุงเทพ", "Łódź")]
        ['Shchukin', 'Athina', 'musiqa', 'dilli', 'krungtheph', 'Lodz']
    """
    plain = unicodedata.normalize("NFKC", text)
    if plain.isascii():
        return plain
    table, letters = _table()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", plain))
    bare = _VOWEL_FIRST.sub(r"\2\1", _SILENT.sub("", unicodedata.normalize("NFC", bare)))
    written = letters.sub(lambda match: table[match[0]], _NAMED.sub(_write_by_name, bare))
    if _SEMITIC.search(plain):
        written = _LONG.sub(lambda match: "i" if match[1] else "u", written)
    if plain.isupper() and len(plain) > 1:
        written = written.upper()
    return "".join(map(_without_accent, written))


def _without_accent(char: str) -> str:
    """Return the Latin letter that an accent stands on, or a decimal digit of ours."""
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    base = unicodedata.normalize("NFD", char)[0]
    return base if base.isascii() else char


@cache
def _table() -> tuple[Mapping[str, str], re.Pattern[str]]:
    table = {}
    for _, pairs in read_table("latin.tsv"):
        for letter, written in (pair.split("=") for pair in pairs.split()):
            table[letter.upper()] = written.upper()
            table[letter.capitalize()] = written.capitalize()
            table[letter] = written
    table = {letter: written for letter, written in table.items() if not letter.isascii()}
    return table, re.compile("|".join(sorted(table, key=len, reverse=True)))  # the longest first


def _write_by_name(match: re.Match[str]) -> str:
    """Write letters that are named for their sounds; a consonant has an a that a sign replaces."""
    written, script, kind, sound = "", "", "", ""
    for char in match[0]:
        name = _NAME.fullmatch(unicodedata.name(char, ""))
        script, kind, sound = name.groups() if name else ("", "SIGN", "")
        if sound == "NUKTA":
            ending = next((each for each in _DOTTED if written.endswith(each)), "")
            written = written.removesuffix(ending) + _DOTTED.get(ending, "")
            continue
        if kind == "VOWEL SIGN" or sound == "VIRAMA":
            written = written.removesuffix("a")
        written += _SIGNS.get(sound, char) if kind == "SIGN" else _spell(script, sound)
    if script == "ETHIOPIC" and sound[-1:] == "E" != sound[-2:-1]:
        return written[:-1]  # an i that is not spoken at the end
    if script in _FINAL_A_IS_SILENT and kind == "LETTER" and len(match[0]) > 1:
        written = written.removesuffix("a")
    return _BEFORE_LIPS.sub("m", written)


@cache
def _spell(script: str, sound: str) -> str:
    if script == "ETHIOPIC" and sound not in ("A", "HA"):
        sound = _ETHIOPIC.sub(lambda match: _ETHIOPIC_VOWELS[match[0]], sound)
    return _SPELLED.get(sound) or _DOUBLED.sub(r"\1", sound.lower())


@lru_cache(maxsize=1 << 14)
def uroman(text: str) -> str:
    """Write text of any script in Latin letters with uroman, which takes seconds to load.

    Chinese characters stay, since it would read those of Japanese as Chinese. `MissingExtraError`
    if the extra ``uroman`` is not installed.
    """
    parts = _HAN.split(unicodedata.normalize("NFKC", text))
    parts[::2] = map(_uroman().romanize_string, parts[::2])
    return "".join(parts)


@cache
def _uroman() -> Any:  # noqa: ANN401
    return require("uroman", "uroman").Uroman()
