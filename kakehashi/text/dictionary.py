"""Segmentation by a morphological dictionary, with offsets into the raw text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Protocol

from kakehashi.sentence import Token
from kakehashi.text.composition import (
    LONGEST_PASSAGE,
    cleaned,
    compose,
    in_raw_text,
    is_composed,
    passages,
)
from kakehashi.text.japanese import is_kana, pieces
from kakehashi.text.readings import read_in_context

# Surface, part of speech, reading. A plain tuple, since hundreds of millions are made.
Word = tuple[str, str, str]


class Analyzer(Protocol):
    """A dictionary that finds the words of a cleaned passage, in order."""

    @property
    def signature(self) -> str:
        """Name and version of the dictionary."""

    def analyze(self, text: str) -> Iterable[Word]:
        """Find the words of a passage; between them are only blanks."""

    def analyze_forms(self, forms: Sequence[str]) -> Iterable[Word]:
        """Find the words of a passage that is already cut into forms; no word crosses a cut."""


def placed(text: str, words: Iterable[Word]) -> Iterator[tuple[int, Word]]:
    """Yield each word with its start in a text; blanks between words are skipped."""
    end = 0
    for word in words:
        start = text.index(word[0], end)
        end = start + len(word[0])
        yield start, word


class DictionarySegmenter:
    """Cut text into words of a dictionary and, if asked, those where the script changes inside."""

    def __init__(self, analyzer: Analyzer, cut_scripts: bool) -> None:
        self._analyzer, self._cut_scripts = analyzer, cut_scripts

    @property
    def signature(self) -> str:
        """How text is cut, for the signatures of scores."""
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
        read_in_context(tokens)
        return tokens

    def annotate(self, text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Keep the given tokens; add the readings and parts of speech they lack, in context.

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
        batches: list[list[str]] = [[]]
        size = 0
        for form in forms:
            size += len(form)
            if size > LONGEST_PASSAGE:
                batches.append([])
                size = len(form)
            batches[-1].append(form)
        entries = (entry for batch in batches for entry in self._look_up(batch))
        found = [
            Token(form, token.start, token.end, reading, pos)
            for form, token, (pos, reading) in zip(forms, tokens, entries, strict=True)
        ]
        read_in_context(found)
        return tuple(
            token._replace(pos=token.pos or read.pos, reading=token.reading or read.reading)
            for token, read in zip(tokens, found, strict=True)
        )

    def _look_up(self, forms: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield part of speech and reading of each form: of its first word, and of all its words.

        A word without a reading stands for itself, unless no word of the form has one.
        """
        ends = list(accumulate(map(len, forms)))
        words_of: list[list[Word]] = [[] for _ in forms]
        for start, word in placed("".join(forms), self._analyzer.analyze_forms(forms)):
            words_of[bisect_right(ends, start)].append(word)
        for words in words_of:
            readings = [kana if is_kana(kana) else "" for _, _, kana in words]
            spelled = (kana or word[0] for kana, word in zip(readings, words, strict=True))
            yield words[0][1] if words else "", "".join(spelled) if any(readings) else ""
