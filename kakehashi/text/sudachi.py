"""Sudachi, through SudachiPy."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from kakehashi.extras import require
from kakehashi.text.dictionary import Word, placed

if TYPE_CHECKING:
    from sudachipy import Tokenizer

# What Sudachi gives as the reading of signs it has none for; the noun 記号 is also read so.
_SIGN = "キゴウ"


class Sudachi:
    """Find words with Sudachi, in its shortest units (mode A), which lose the fewest mentions.

    A tokenizer serves one thread at a time, so each makes its own. None can be pickled; all copies
    sent to a process share one dictionary.
    """

    def __init__(self) -> None:
        require("sudachidict_core", "sudachi")
        self._dictionary = require("sudachipy", "sudachi").Dictionary(dict="core")
        self._thread = threading.local()

    def __reduce__(self) -> tuple[Callable[[], Sudachi], tuple[()]]:
        return _received, ()

    @property
    def signature(self) -> str:
        """Name and version of the dictionary."""
        return f"sudachi-a(sudachidict-core {version('sudachidict-core')})"

    def analyze(self, text: str) -> list[Word]:
        """Find the words of a passage."""
        words: list[Word] = []
        for morpheme in self._tokenizer().tokenize(text):
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
        words = list(placed(text, self.analyze(text)))
        starts = [start for start, _ in words]
        edges = {0, *starts, *(start + len(word[0]) for start, word in words)}
        start = 0
        for form in forms:
            end = start + len(form)
            if start in edges and end in edges:
                inside = words[bisect_left(starts, start) : bisect_left(starts, end)]
                yield from (word for _, word in inside)
            else:
                yield from self.analyze(form)
            start = end

    def _tokenizer(self) -> Tokenizer:
        if not hasattr(self._thread, "tokenizer"):
            self._thread.tokenizer = self._dictionary.tokenizer("A")
        tokenizer: Tokenizer = self._thread.tokenizer
        return tokenizer


@cache
def _received() -> Sudachi:
    return Sudachi()
