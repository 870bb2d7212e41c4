"""Marks that take their sound from the token before them: ー ゝ 々 〱."""

from __future__ import annotations

import re

from kakehashi.sentence import Token
from kakehashi.text.kana import is_kana, katakana
from kakehashi.text.romanize import repeat, romanize

_FIRST = frozenset("ーゝゞヽヾ々〻〱〲〳〴")
# Each after what it may follow: ー is a dash after a kanji, and ヾ an arm after hiragana.
_MARKS = re.compile(
    "(?<=[ぁ-ヿ])ー+|(?<=[ぁ-ゖゝゞ])[ゝゞ]+|(?<=[ァ-ヺヽヾ])[ヽヾ]+|(?<=[^ぁ-ヿ])[々〻]+"
    "|〱|〲|〳〵|〴〵"
)
_VOWELS = dict(zip("aiueo", "アイウエオ", strict=True))


def read_marks(tokens: list[Token]) -> None:
    """Read the tokens of composed text that begin with such a mark by the token that they touch.

    Example:
        >>> tokens = [Token("すご", 0, 2), Token("ー", 2, 3)]
        >>> read_marks(tokens)
        >>> [token.reading for token in tokens]
        ['', 'オ']
    """
    firsts = [token.text[:1] for token in tokens]
    if _FIRST.isdisjoint(firsts):
        return
    for index in range(1, len(tokens)):
        before, token = tokens[index - 1], tokens[index]
        if firsts[index] in _FIRST and before.end == token.start:
            tokens[index] = token._replace(reading=_reading(token, before))


def _reading(token: Token, before: Token) -> str:
    """Read a token that begins with a mark; as it was where nobody knows its sound."""
    form, previous = token.text, before.text
    kana = before.reading or (katakana(previous) if is_kana(previous) else "")
    match = _MARKS.match(previous + form, len(previous))
    if match is None or not kana:
        return token.reading
    sound = _sound(match[0], previous, kana)
    rest = form[len(match[0]) :]
    return sound + katakana(rest) if sound and (is_kana(rest) or not rest) else token.reading


def _sound(marks: str, previous: str, kana: str) -> str:
    """Write in kana what marks stand for after a form that is read so; ``""`` if unknown."""
    if marks[0] == "ー":
        return _VOWELS.get(romanize(kana.rstrip("ッ"))[-1:], "") * len(marks)
    if marks[0] in "々〻":  # Of several kanji, nobody knows how the last one is read.
        return kana if len(marks) == len(previous) else ""
    sound = repeat(kana + marks)[len(kana) :]
    return sound if sound != marks else ""
