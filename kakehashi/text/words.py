"""Segmentation by patterns, for text that has spaces between words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kakehashi.sentence import Token
from kakehashi.text.composition import WHITE_SPACE, compose, in_raw_text, is_composed

# A name after an initial: the only thing beyond a blank that a pattern looks at.
_NAME = r"\ +[A-Z]\w"
_INITIAL = re.compile(rf"[A-Z]\.(?={_NAME})")
_SOME_NAME = " Aa"

# Letters and digits; a word may also hold underscores, but not begin or end with one.
_CHAR = r"[^\W_]"
_LOWER = "a-zß-öø-ÿα-ωά-ώа-ёѐ-џ"
_UPPER = "A-ZÀ-ÖØ-ÞΑ-ΫЀ-Я"
# Two sentences without a blank between them, or a day and its month (17.Juni); not v.Chr.
_SENTENCE_END = rf"(?:(?<=\d)|(?<={_CHAR}[{_LOWER}]))\.(?=[{_UPPER}]{_CHAR})"


def _words(joiners: str) -> re.Pattern[str]:
    """Write the pattern of words that some characters may join."""
    return re.compile(
        rf"""
        (?<={_CHAR}) ['’][sS] (?!{_CHAR})                          # Tokyo|'s
      | (?<!{_CHAR}) (?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Corp|Ltd|Co|vs) \.
      | (?<!{_CHAR}) (?:[^\W\d_]\.){{2,}} (?!{_CHAR})             # U.S., z.B.
      | (?<!{_CHAR}) [A-Z]\. (?={_NAME})                         # George W. Bush
      | {_CHAR}+
        (?: (?: ['’](?![sS](?!{_CHAR})) | (?!{_SENTENCE_END})[{joiners}] | _+ | (?<=\d)[,:/](?=\d) )
            {_CHAR}+ )*
                                                                  # o'clock, well-known, 10:30, 3.5
      | ([^{WHITE_SPACE}]) \1*                                    # "...", but "!" and "?" apart
        """,
        re.VERBOSE,
    )


@dataclass(frozen=True, slots=True)
class PatternSegmenter:
    """Cut composed text at the matches of a pattern, each a token; there are no readings.

    To each pattern, letters and digits between blanks are one token. So most of a text can be cut
    without matching, which takes twice as long.
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
            elif is_composed(word):
                tokens += self._matches(text, start, end)
            else:
                composed, offsets = compose(text)
                found = self._matches(composed, 0, len(composed))
                return tuple(in_raw_text(found, text, offsets))
        return tuple(tokens)

    def words(self, text: str) -> list[str]:
        """Cut a text at blanks into words that `tokens_of` cuts further, equal ones equally.

        To an initial before a name some name is added, as its tokens depend on it.
        """
        composed, offsets = compose(text)
        words: list[str] = []
        begin = 0
        for match in _INITIAL.finditer(composed):
            end = offsets[match.end()]
            words += text[begin:end].split()
            words[-1] += _SOME_NAME
            begin = end
        words += text[begin:].split()
        return words

    def tokens_of(self, word: str) -> tuple[Token, ...]:
        """Cut one of `words` into the tokens that `segment` finds there, counted from its start."""
        end = len(word.removesuffix(_SOME_NAME))
        return tuple(token for token in self.segment(word) if token.end <= end)

    def _matches(self, text: str, start: int, end: int) -> Iterator[Token]:
        for match in self.pattern.finditer(text, start):
            if match.start() >= end:
                break
            yield Token(match.group(), match.start(), match.end())

    def annotate(self, text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Return the given tokens: there is nothing to add."""
        return tuple(tokens)


WHITESPACE = PatternSegmenter("whitespace", re.compile(rf"[^{WHITE_SPACE}]+"))
WORDS = PatternSegmenter("words", _words("-.&@"))
HYPHENS_CUT = PatternSegmenter("words+hyphen", _words(".&@"))
