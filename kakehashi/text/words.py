"""Segmentation by patterns, for text that has spaces between words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kakehashi.sentence import Token
from kakehashi.text.passages import WHITE_SPACE

_WHITESPACE = re.compile(rf"[^{WHITE_SPACE}]+")

# A letter or digit with its accents, should they be written apart.
_CHAR = r"(?:\w[\u0300-\u036f]*)"

_WORDS = re.compile(
    rf"""
    (?<=\w) ['’][sS] (?!\w)                                # Tokyo|'s
  | \b (?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Corp|Ltd|Co|vs) \.
  | \b (?:[^\W\d_]\.){{2,}} (?!\w)                         # U.S., z.B.
  | \b [A-Z]\. (?=\ +[A-Z]\w)                              # George W. Bush
  | {_CHAR}+
    (?: (?: ['’](?![sS](?!\w)) | [-.&@] | (?<=\d)[,:/](?=\d) ) {_CHAR}+ )*
                                                           # o'clock, well-known, 10:30, 3.5
  | ([^{WHITE_SPACE}]) \1*                                 # "...", but "!" and "?" apart
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class PatternSegmenter:
    """Take every match of a pattern for a token; there are no readings.

    To each of the patterns, letters and digits between blanks are one token. So most of a text can
    be cut without matching, which takes twice as long.
    """

    signature: str
    pattern: re.Pattern[str]

    def segment(self, text: str) -> tuple[Token, ...]:
        """Cut a text into tokens."""
        tokens: list[Token] = []
        end = 0
        for word in text.split():
            start = text.index(word, end)
            end = start + len(word)
            if word.isalnum():
                tokens.append(Token(word, start, end))
            else:
                tokens += self._matches(text, start, end)
        return tuple(tokens)

    def _matches(self, text: str, start: int, end: int) -> Iterator[Token]:
        """Match in a part of a text, though a pattern may look at what comes after it."""
        for match in self.pattern.finditer(text, start):
            if match.start() >= end:
                break
            yield Token(match.group(), match.start(), match.end())

    def annotate(self, text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Return the given tokens: there is nothing to add."""
        return tuple(tokens)


WHITESPACE = PatternSegmenter("whitespace", _WHITESPACE)
WORDS = PatternSegmenter("words", _WORDS)
