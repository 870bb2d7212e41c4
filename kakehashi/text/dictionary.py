"""A pool of MeCab taggers.

Segmentation by a morphological dictionary, with offsets into the raw text.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Protocol
from weakref import WeakSet

from kakehashi.sentence import Token
from kakehashi.text.composition import (
    LONGEST_PASSAGE,
    cleaned,
    compose,
    in_raw_text,
    is_composed,
    passages,
)
from kakehashi.text.japanese import is_kana, pieces, read_by_following
from kakehashi.text.romanize import read_marks

LARGEST_POOL = (os.cpu_count() or 1) + 2
"""Taggers; more do not work at once."""


class Tagger(Protocol):
    """What we use of a fugashi tagger."""

    def parse(self, text: str) -> str:
        """Print the words of a text in the tagger's output format."""


_POOLS: WeakSet[TaggerPool] = WeakSet()


class TaggerPool:
    """Taggers that threads borrow, and wait for where all are borrowed.

    A tagger shared by two threads at a time gives wrong words without an error. One made for each
    thread leaves its memory maps behind when the thread ends, until the process may have no more.

    Args:
        make: Makes a tagger.
        size: How many are made at most.
    """

    def __init__(self, make: Callable[[], Tagger], size: int = LARGEST_POOL) -> None:
        self._make = make
        self._size = size
        self._free: SimpleQueue[Tagger] = SimpleQueue()
        self._n_unmade = size
        self._lock = Lock()
        _POOLS.add(self)

    def parse(self, text: str) -> str:
        """Have a tagger parse a text."""
        tagger = self._borrow()
        try:
            return tagger.parse(text)
        finally:
            self._free.put(tagger)

    def _borrow(self) -> Tagger:
        try:
            return self._free.get_nowait()
        except Empty:
            with self._lock:
                if self._n_unmade:
                    made = self._make()
                    self._n_unmade -= 1
                    return made
        return self._free.get()

    def after_fork(self) -> None:
        """Keep the free taggers; threads that had others, or the lock, are not in this process."""
        free, self._free, self._lock = self._free, SimpleQueue(), Lock()
        while not free.empty():
            self._free.put(free.get())
        self._n_unmade = self._size - self._free.qsize()


def _after_fork() -> None:
    for pool in _POOLS:
        pool.after_fork()


os.register_at_fork(after_in_child=_after_fork)


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
