"""Segmentation by a morphological dictionary, with offsets into the raw text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Protocol

from kakehashi.sentence import Token
from kakehashi.text.composition import compose, in_raw_text, is_composed
from kakehashi.text.following import read_by_following
from kakehashi.text.kana import is_kana
from kakehashi.text.marks import read_marks
from kakehashi.text.passages import LONGEST_PASSAGE, cleaned, passages
from kakehashi.text.pieces import pieces

# Surface, part of speech, reading. A plain tuple, since hundreds of millions are made.
Word = tuple[str, str, str]


class Analyzer(Protocol):
    """What a dictionary can do: find the words of a cleaned passage, in order."""

    @property
    def signature(self) -> str:
        """Name the dictionary and its version."""

    def analyze(self, text: str) -> Iterable[Word]:
        """Find the words of a passage; between them are only blanks."""

    def analyze_forms(self, forms: Sequence[str]) -> Iterable[Word]:
        """Find the words of a passage that is already cut into forms; no word crosses a cut."""


def placed(text: str, words: Iterable[Word]) -> Iterator[tuple[int, Word]]:
    """Find where each word starts; blanks between words are passed over."""
    end = 0
    for word in words:
        start = text.index(word[0], end)
        end = start + len(word[0])
        yield start, word


class DictionarySegmenter:
    """Cut text by a dictionary, and if asked where the script changes inside a word."""

    def __init__(self, analyzer: Analyzer, cut_scripts: bool) -> None:
        self._analyzer = analyzer
        self._cut_scripts = cut_scripts

    @property
    def signature(self) -> str:
        """Say how text is cut, for the signatures of scores."""
        return self._analyzer.signature + ("+script" if self._cut_scripts else "")

    def segment(self, text: str) -> tuple[Token, ...]:
        """Cut a text into tokens with readings and parts of speech."""
        if is_composed(text):
            return tuple(self._segment(text))
        composed, offsets = compose(text)
        return tuple(in_raw_text(self._segment(composed), text, offsets))

    def _segment(self, text: str) -> list[Token]:
        """Cut a text in composed form."""
        clean = cleaned(text)
        tokens = []
        for begin, stop in passages(clean):
            passage = clean[begin:stop]
            for offset, (surface, pos, reading) in placed(passage, self._analyzer.analyze(passage)):
                base = begin + offset
                for start, end, kana in pieces(surface, reading, self._cut_scripts):
                    start, end = base + start, base + end
                    tokens.append(Token(text[start:end], start, end, kana, pos))
        read_marks(tokens)
        read_by_following(tokens)
        return tokens

    def annotate(self, text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Keep the given tokens; fill in the readings and parts of speech they lack, in context.

        Where all have a part of speech and some a reading, they come from an analysis, and those
        without a reading have none.
        """
        analyzed = all(token.pos for token in tokens) and any(token.reading for token in tokens)
        if analyzed or not tokens:
            return tuple(tokens)
        clean = cleaned(text)
        spans = ((token.start, token.end) for token in tokens)
        # A form too long to analyse goes without a reading.
        raw = (clean[a:b] if b - a <= LONGEST_PASSAGE else "" for a, b in spans)
        forms = compose("\n".join(raw)).text.split("\n")
        entries = (entry for batch in _batches(forms) for entry in self._look_up(batch))
        found = [
            Token(form, token.start, token.end, reading, pos)
            for form, token, (pos, reading) in zip(forms, tokens, entries, strict=True)
        ]
        read_marks(found)
        read_by_following(found)
        return tuple(
            token._replace(pos=token.pos or read.pos, reading=token.reading or read.reading)
            for token, read in zip(tokens, found, strict=True)
        )

    def _look_up(self, forms: Sequence[str]) -> list[tuple[str, str]]:
        """Find part of speech and reading of each form."""
        ends = list(accumulate(map(len, forms)))
        words: list[list[Word]] = [[] for _ in forms]
        for start, word in placed("".join(forms), self._analyzer.analyze_forms(forms)):
            words[bisect_right(ends, start)].append(word)
        return [_joined(group) for group in words]


def _batches(forms: Iterable[str]) -> Iterator[list[str]]:
    """Group forms into passages."""
    batch: list[str] = []
    size = 0
    for form in forms:
        if size + len(form) > LONGEST_PASSAGE:
            yield batch
            batch, size = [], 0
        batch.append(form)
        size += len(form)
    yield batch


def _joined(words: Sequence[Word]) -> tuple[str, str]:
    """Take the first word's part of speech, and all their readings as one.

    A word without a reading stands for itself, unless none has one.
    """
    if not any(is_kana(reading) for _, _, reading in words):
        return (words[0][1] if words else ""), ""
    readings = (reading if is_kana(reading) else surface for surface, _, reading in words)
    return words[0][1], "".join(readings)
