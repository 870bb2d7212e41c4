"""Sudachi, through SudachiPy."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from kakehashi.extras import require
from kakehashi.text.composition import Word, located

if TYPE_CHECKING:
    from sudachipy import Dictionary

# What Sudachi gives as the reading of signs it has none for; the noun 記号 is also read so.
_SIGN = "キゴウ"


class _Tokenizer(threading.local):
    """A tokenizer for each thread, since one serves one thread at a time."""

    def __init__(self, dictionary: Dictionary) -> None:
        self.tokenize = dictionary.tokenizer("A").tokenize


class Sudachi:
    """Find words with Sudachi, in its shortest units (mode A), which lose the fewest mentions."""

    def __init__(self) -> None:
        require("sudachidict_core", "sudachi")
        self.signature = f"sudachi-a(sudachidict-core {version('sudachidict-core')})"
        self._tokenizer = _Tokenizer(require("sudachipy", "sudachi").Dictionary(dict="core"))

    def analyze(self, text: str) -> list[Word]:
        """Find the words of a passage."""
        words: list[Word] = []
        for morpheme in self._tokenizer.tokenize(text):
            surface, pos = morpheme.surface(), morpheme.part_of_speech()[0]
            reading = morpheme.reading_form()
            if reading == _SIGN and pos != "名詞":
                reading = ""
            if surface.strip():
                words.append((surface, pos, reading))
            elif not surface and words:
                # ㍿ comes as カブシキ, all of it, and ガイシャ, nothing of it.
                words[-1] = (*words[-1][:2], words[-1][2] + reading)
        return words

    def analyze_forms(self, forms: Sequence[str]) -> Iterable[Word]:
        """Find the words of a passage that is already cut into forms.

        Sudachi has no partial parsing: a form whose edges it does not meet is analysed alone.
        """
        text = "".join(forms)
        words = list(located(text, self.analyze(text)))
        starts = [start for start, _ in words]
        edges = {0, *starts, *(start + len(word[0]) for start, word in words)}
        end = 0
        for form in forms:
            start, end = end, end + len(form)
            if start in edges and end in edges:
                inside = words[bisect_left(starts, start) : bisect_left(starts, end)]
                yield from (word for _, word in inside)
            else:
                yield from self.analyze(form)
