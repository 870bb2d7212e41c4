"""Marks around the readings of characters, which say where in a word of a dictionary they stand.

The model sees them, and nobody else: files and servers give readings without.
"""

from __future__ import annotations

from kakehashi.sentence import Token
from kakehashi.text.composition import normalize

WORD_BEGIN, WORD_END = "⟨", "⟩"
"""Around the reading of the first and the last character of a word."""


def marked(token: Token, *, begins: bool, ends: bool) -> Token:
    """Mark a token that begins or ends a word; one that has no reading stands for itself.

    Example:
        >>> marked(Token("京", 1, 2, "jīng"), begins=False, ends=True).reading
        'jīng⟩'
    """
    reading = unmarked(token).reading or normalize(token.text)[0]
    return token._replace(reading=WORD_BEGIN * begins + reading + WORD_END * ends)


def unmarked(token: Token) -> Token:
    """Take the marks off again."""
    reading = token.reading.strip(WORD_BEGIN + WORD_END)
    if reading == token.reading:
        return token
    return token._replace(reading="" if reading == normalize(token.text)[0] else reading)
