"""Japanese writing: kana, changes of script inside a word, and the reading of each part."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files

TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_TO_KATAKANA = {hiragana: katakana for katakana, hiragana in TO_HIRAGANA.items()}
# Hiragana, katakana, half-width katakana, each with iteration, length and voicing marks; not the
# middle dot, which separates words.
_KANA = re.compile("[\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f]+")

# Parts of character classes: half-width katakana with their punctuation; voicing marks that are
# characters of their own; the kana that they may follow.
HALF_WIDTH = "\uff61-\uff9f"
SPACING_MARKS = "゛゜ﾞﾟ"
MARKED = "ぁ-ゖゝゞァ-ヺヽヾｦ-ﾝ"
_FULL_WIDTH = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF61, 0xFF9E)}
_COMBINING = {"゛": "\u3099", "ﾞ": "\u3099", "゜": "\u309a", "ﾟ": "\u309a"}
_VOICED = re.compile(f"([{MARKED}])([{SPACING_MARKS}\u3099\u309a])")

# Kanji and hiragana are one script here: okurigana belongs to its kanji (流し, 立ち上げ). On
# Wikipedia a cut between them cuts 4 % of all words and saves one mention in 13,000. ヵ and ヶ
# between kanji stand for one (関ヶ原).
_NATIVE = re.compile(
    "[〆〇\u3041-\u309fヵヶ\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_KATAKANA = re.compile("[\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]")
# Katakana that can only be read as written: ヵ and ヶ are read ガ or カ.
_SPELLED = re.compile("([\u30a1-\u30f4\u30f7-\u30fa\u30fc]+)")


def read_table(name: str) -> Iterator[list[str]]:
    """Yield the rows of a tab-separated table that comes with the package, without comments."""
    lines = files("kakehashi.text").joinpath("data", name).read_text("utf-8").splitlines()
    return (line.split("\t") for line in lines if line and not line.startswith("#"))


def is_kana(text: str) -> bool:
    """Whether a text is written in kana alone; the empty text is not.

    Example:
        >>> is_kana("コーヒー"), is_kana("お茶"), is_kana("ジャズ・フェス")
        (True, False, False)
    """
    return _KANA.fullmatch(text) is not None


def katakana(text: str) -> str:
    """Convert hiragana letters to katakana; length and iteration marks and all else stay."""
    return text.translate(_TO_KATAKANA)


def compose_kana(text: str) -> str:
    """Convert half-width katakana to full width, and a kana with its voicing mark to one letter.

    Example:
        >>> compose_kana("ｶﾞ"), compose_kana("か゛"), compose_kana("あ゛")
        ('ガ', 'が', 'あ')
    """

    def composed(match: re.Match[str]) -> str:
        kana, mark = match[1].translate(_FULL_WIDTH), match[2]
        return unicodedata.normalize("NFC", kana + _COMBINING.get(mark, mark))[0]

    return _VOICED.sub(composed, text).translate(_FULL_WIDTH)


@lru_cache(maxsize=1 << 14)
def script(char: str) -> str:
    """Return the script of a character: native, katakana, letter, number, symbol, or a punctuation.

    Each kind of punctuation is a script of its own. A mark that takes that of the character before
    it (々, ー, ゝ, accents, joiners) has the script ``""``.
    """
    category = unicodedata.category(char)
    if category[0] == "M" or category in ("Lm", "Cf"):
        return ""
    if _NATIVE.match(char):
        return "native"
    if _KATAKANA.match(char):
        return "katakana"
    return {"L": "letter", "N": "number", "S": "symbol"}.get(category[0], category)


def script_runs(form: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of a form between blanks and changes of script.

    Example:
        >>> [[*script_runs(form)] for form in ("南アフリカ", "人々", "流して")]
        [[(0, 1), (1, 5)], [(0, 2)], [(0, 3)]]
    """
    start, current = 0, ""
    for position, char in enumerate(form):
        found = script(char)
        if char.isspace() or (found and current and found != current):
            if start < position:
                yield start, position
            start, current = position + char.isspace(), ""
        current = "" if char.isspace() else found or current
    if start < len(form):
        yield start, len(form)


@lru_cache(maxsize=1 << 14)
def pieces(surface: str, reading: str, cut_scripts: bool) -> tuple[tuple[int, int, str], ...]:
    """Cut a word of a dictionary at blanks and, if asked, at changes of script, with its reading.

    A reading that is not kana, as dictionaries give for signs, counts as none. Where a cut would
    leave kanji without their reading (霞ケ関, ２人), the word stays whole.

    Example:
        >>> pieces("西ドイツ", "ニシドイツ", True)
        ((0, 1, 'ニシ'), (1, 4, 'ドイツ'))
    """
    if not is_kana(reading):
        reading = ""
    words = (match.span() for match in re.finditer(r"\S+", surface))
    ranges = [*(script_runs(surface) if cut_scripts else words)]
    if len(ranges) == 1:
        return ((*ranges[0], reading),)
    forms = [surface[start:end] for start, end in ranges]
    readings = _split_reading(forms, reading) if reading else [""] * len(forms)
    unread = (form for form, kana in zip(forms, readings, strict=True) if not kana)
    if reading and cut_scripts and "native" in map(script, "".join(unread)):
        return pieces(surface, reading, False)
    return tuple((*span, kana) for span, kana in zip(ranges, readings, strict=True))


def _split_reading(forms: Sequence[str], reading: str) -> list[str]:
    """Divide a reading among forms, none where two meet that could each take anything."""
    spelled = [katakana(unicodedata.normalize("NFKC", form)) for form in forms]
    pattern = "".join(f"({_possible_readings(form)})" for form in spelled)
    match = None if "?)(." in pattern else re.fullmatch(pattern, reading)
    parts = match.groups() if match else [""] * len(forms)
    return [form if is_kana(form) else part for form, part in zip(spelled, parts, strict=True)]


def _possible_readings(form: str) -> str:
    """Return the regular expression of the readings that a form in katakana may have."""
    if not any(map(str.isalnum, form)):
        return ".*?"
    return "".join(
        re.escape(run) if _SPELLED.fullmatch(run) else ".+?" for run in _SPELLED.split(form) if run
    )
