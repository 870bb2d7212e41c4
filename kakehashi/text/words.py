"""Segmentation by patterns, for text that has spaces between words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from kakehashi.sentence import Token
from kakehashi.text.composition import WHITE_SPACE, compose, in_raw_text, is_composed

# A name after an initial: the only thing beyond a blank that a pattern looks at.
_NAME = r"\ +[A-Z]\w"
_INITIAL = re.compile(rf"[A-Z]\.(?={_NAME})")
_SOME_NAME = " Aa"

# Han and kana, with the marks of length and iteration, each of which may be a token.
_CHARACTERS = (
    "々-〇ぁ-ゖゝ-ゟァ-ヺー-ヿㇰ-ㇿｦ-ﾟ\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_LOWER = "a-zß-öø-ÿα-ωά-ώа-ёѐ-џ"
_UPPER = "A-ZÀ-ÖØ-ÞΑ-ΫЀ-Я"


def _words(joiners: str, prefixes: str = "", alone: str = "") -> re.Pattern[str]:
    """Write the pattern of words.

    Args:
        joiners: Characters that a word may have inside.
        prefixes: Regular expression of what is parted from the begin of a word.
        alone: Characters that are words of their own.
    """
    # Letters and digits; a word may also hold underscores, but not begin or end with one.
    char = rf"[^\W_{alone}]"
    # Two sentences without a blank between them, or a day and its month (17.Juni); not v.Chr.
    sentence_end = rf"(?:(?<=\d)|(?<={char}[{_LOWER}]))\.(?=[{_UPPER}]{char})"
    special = f"[{alone}] |" if alone else ""
    special += f"(?<!{char}) (?:{prefixes}) (?={char}) |" if prefixes else ""
    return re.compile(
        rf"""
        {special}
        (?<={char}) ['’][sS] (?!{char})                          # Tokyo|'s
      | (?<!{char}) (?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Corp|Ltd|Co|vs) \.
      | (?<!{char}) (?:[^\W\d_]\.){{2,}} (?!{char})             # U.S., z.B.
      | (?<!{char}) [A-Z]\. (?={_NAME})                         # George W. Bush
      | {char}+
        (?: (?: ['’](?![sS](?!{char})) | (?!{sentence_end})[{joiners}] | _+ | (?<=\d)[,:/](?=\d) )
            {char}+ )*
                                                                  # o'clock, well-known, 10:30, 3.5
      | ([^{WHITE_SPACE}]) \1*                                    # "...", but "!" and "?" apart
        """,
        re.VERBOSE,
    )


@dataclass(frozen=True, slots=True)
class PatternSegmenter:
    """Cut composed text at the matches of a pattern, each a token; there are no readings.

    Unless the pattern ``cuts_letters``, letters and digits between blanks are one token. So most of
    a text can be cut without matching, which takes twice as long.
    """

    signature: str
    pattern: re.Pattern[str]
    cuts_letters: bool = False  # also between letters that are not ASCII

    def segment(self, text: str) -> tuple[Token, ...]:
        """Cut a text into tokens."""
        tokens: list[Token] = []
        end = 0
        for word in text.split():
            start = text.index(word, end)
            end = start + len(word)
            if word.isalnum() and not (self.cuts_letters and not word.isascii()):
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


@cache
def words_of(language: str | None, cut_hyphens: bool = False) -> PatternSegmenter:
    """Return the segmenter ``words`` for a language; ValueError if it is not in the table."""
    prefixes = joiners = code = ""
    if language is not None:
        from kakehashi.config.languages import find_language  # pydantic, which is slow

        row = find_language(language)
        prefixes, joiners = row.prefixes, re.escape(row.joiners)
        code = f"+{language}" if prefixes or joiners else ""
    pattern = _words((".&@" if cut_hyphens else "-.&@") + joiners, prefixes)
    return PatternSegmenter(f"words{'+hyphen' * cut_hyphens}{code}", pattern, bool(prefixes))


WHITESPACE = PatternSegmenter("whitespace", re.compile(rf"[^{WHITE_SPACE}]+"))
CHARACTERS = PatternSegmenter("characters", _words("-.&@", alone=_CHARACTERS), cuts_letters=True)
WORDS = words_of(None)
