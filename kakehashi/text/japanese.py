"""Kana: what counts as kana, and the way between its two scripts.

Scripts of writing, and where they change inside a word.

The pieces of a dictionary word, each with its share of the reading.

Readings that depend on the token that follows: 兄 is アニ, but ニイ in お兄ちゃん.

Dictionaries know some of these words as a whole, and read the others by themselves. The table,
``data/readings.tsv``, is our own; it says nothing where a dictionary reads otherwise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from kakehashi.sentence import Token

_LETTERS = "".join(map(chr, range(0x30A1, 0x30F7)))
_TO_HIRAGANA = {ord(letter): ord(letter) - 0x60 for letter in _LETTERS}
_TO_KATAKANA = {hiragana: katakana for katakana, hiragana in _TO_HIRAGANA.items()}
# Hiragana, katakana, half-width katakana, each with iteration, length and voicing marks; not the
# middle dot, which parts words.
_KANA = re.compile("[\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f]+")

# Parts of character classes: half-width katakana with their punctuation; voicing marks that stand
# by themselves; the kana that they may follow.
HALF_WIDTH = "\uff61-\uff9f"
SPACING_MARKS = "゛゜ﾞﾟ"
MARKED = "ぁ-ゖゝゞァ-ヺヽヾｦ-ﾝ"
_FULL_WIDTH = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF61, 0xFF9E)}
_COMBINING = {"゛": "\u3099", "ﾞ": "\u3099", "゜": "\u309a", "ﾟ": "\u309a"}
_VOICED = re.compile(f"([{MARKED}])([{SPACING_MARKS}\u3099\u309a])")


def is_kana(text: str) -> bool:
    """Say whether a text is written in kana alone; the empty one is not.

    Example:
        >>> is_kana("コーヒー"), is_kana("お茶"), is_kana("ジャズ・フェス")
        (True, False, False)
    """
    return _KANA.fullmatch(text) is not None


def hiragana(text: str) -> str:
    """Write katakana letters as hiragana; length and iteration marks and all else stay."""
    return text.translate(_TO_HIRAGANA)


def katakana(text: str) -> str:
    """Write hiragana letters as katakana; length and iteration marks and all else stay."""
    return text.translate(_TO_KATAKANA)


def compose_kana(text: str) -> str:
    """Write half-width katakana in full width, and a kana with its voicing mark as one letter.

    A mark on a kana that is never voiced is left out.

    Example:
        >>> compose_kana("ｶﾞ"), compose_kana("か゛"), compose_kana("あ゛")
        ('ガ', 'が', 'あ')
    """
    return _VOICED.sub(_with_mark, text).translate(_FULL_WIDTH)


def _with_mark(match: re.Match[str]) -> str:
    kana, mark = match[1].translate(_FULL_WIDTH), match[2]
    return unicodedata.normalize("NFC", kana + _COMBINING.get(mark, mark))[0]


# Kanji and hiragana are one script here: okurigana belongs to its kanji (流し, 立ち上げ). On
# Wikipedia a cut between them cuts 4 % of all words and saves one mention in 13,000. ヵ and ヶ
# between kanji stand for one (関ヶ原).
_NATIVE = re.compile(
    "[〆〇\u3041-\u309fヵヶ\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_KATAKANA = re.compile("[\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]")
_WORD = re.compile(r"\S+")


@lru_cache(maxsize=1 << 14)
def script(char: str) -> str:
    """Name the script of a character: native, katakana, letter, number, symbol, or a punctuation.

    Each kind of punctuation (opening, closing, dash, other) is a script of its own. A mark that
    takes after the character before it (々, ー, ゝ, accents, joiners) has the script ``""``.
    """
    category = unicodedata.category(char)
    if category[0] == "M" or category in ("Lm", "Cf"):
        return ""
    if _NATIVE.match(char):
        return "native"
    if _KATAKANA.match(char):
        return "katakana"
    return {"L": "letter", "N": "number", "S": "symbol"}.get(category[0], category)


def words(form: str) -> list[tuple[int, int]]:
    """Find the ranges of a form between blanks."""
    return [match.span() for match in _WORD.finditer(form)]


def script_runs(form: str) -> list[tuple[int, int]]:
    """Find the ranges of a form between blanks and changes of script.

    Example:
        >>> script_runs("南アフリカ"), script_runs("人々"), script_runs("流して")
        ([(0, 1), (1, 5)], [(0, 2)], [(0, 3)])
    """
    return [run for start, end in words(form) for run in _runs(form, start, end)]


def _runs(form: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a range of a form without blanks where the script changes."""
    current = ""
    for position in range(start, end):
        found = script(form[position])
        if found and current and found != current:
            yield start, position
            start = position
        current = found or current
    yield start, end


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


def read_by_following(tokens: list[Token]) -> None:
    """Read tokens as they are read before the token that they touch.

    Example:
        >>> tokens = [Token("兄", 0, 1, "アニ"), Token("さん", 1, 3, "サン")]
        >>> read_by_following(tokens)
        >>> [token.reading for token in tokens]
        ['ニイ', 'サン']
    """
    table = _table()
    for index, token in enumerate(tokens[:-1]):
        if token.text in table:
            after = tokens[index + 1]
            reading = table[token.text].get((token.reading, after.text))
            if reading is not None and token.end == after.start:
                tokens[index] = token._replace(reading=reading)


@cache
def _table() -> Mapping[str, Mapping[tuple[str, str], str]]:
    """Read the table: per form, (reading, form that follows) to the reading before that."""
    lines = files("kakehashi.text").joinpath("data/readings.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {
        form: {(alone, after): reading for after in following.split()}
        for form, alone, following, reading in rows
    }
