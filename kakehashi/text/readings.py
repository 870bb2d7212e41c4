"""Readings that depend on the token before (ー ゝ 々 〱) or after (兄: アニ, but ニイ before さん).

Dictionaries know some of these as parts of whole words, and read the others by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from kakehashi.sentence import Token
from kakehashi.text.japanese import is_kana, katakana, read_table
from kakehashi.text.romanize import repeat, romanize

_FIRST = frozenset("ーゝゞヽヾ々〻〱〲〳〴")
# Each after what it may follow: ー is a dash after a kanji, and ヾ an arm after hiragana.
_MARKS = re.compile(
    "(?<=[ぁ-ヿ])ー+|(?<=[ぁ-ゖゝゞ])[ゝゞ]+|(?<=[ァ-ヺヽヾ])[ヽヾ]+|(?<=[^ぁ-ヿ])[々〻]+"
    "|〱|〲|〳〵|〴〵"
)
_VOWELS = dict(zip("aiueo", "アイウエオ", strict=True))


def read_in_context(tokens: list[Token]) -> None:
    """Correct, in place, the readings that depend on the token before or after.

    The tokens are those of composed text. A token that begins with a mark takes its sound from the
    token that it touches; which words change before which is a table of our own,
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
