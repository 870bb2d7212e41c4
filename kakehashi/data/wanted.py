"""Which words of a file of vectors are kept, and in which row."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection


class Wanted:
    """Give rows to words as a file names them.

    A wanted word takes the vector of the word in the file that is most like it: the same, else the
    same in lower case, else after NFKC (full-width ``ＰＣ`` is PC), else after both; of several,
    the first. Where all words are wanted, each is kept as it is written, at its first place.

    Attributes:
        rows: The row of every word kept so far, in the order of the rows.
        lowered: Those of them that only a lower-cased form has matched.
        n_skipped: Words of the file that are no text.
    """

    def __init__(self, words: Collection[str] | None) -> None:
        self._words = None if words is None else frozenset(words)
        self._unlikeness: dict[str, int] = {}
        self.rows: dict[str, int] = {}
        self.lowered: set[str] = set()
        self.n_skipped = 0

    def place(self, word: str) -> int | None:
        """Return the row where the vector of a word belongs; None if it is not kept.

        Example:
            >>> wanted = Wanted({"may", "june"})
            >>> [wanted.place(word) for word in ("May", "July", "may", "MAY", "ｊｕｎｅ", "June")]
            [0, None, 0, None, 1, 1]
            >>> wanted.lowered
            {'june'}
        """
        if self._words is None:
            return self._place(word, 0)
        for unlikeness, form in enumerate(spellings(word)):
            if form in self._words:
                return self._place(form, unlikeness)
        return None

    def _place(self, word: str, unlikeness: int) -> int | None:
        """Place a word unless one that is as like it has been."""
        if unlikeness >= self._unlikeness.get(word, 4):
            return None
        self._unlikeness[word] = unlikeness
        if unlikeness % 2:
            self.lowered.add(word)
        else:
            self.lowered.discard(word)
        return self.rows.setdefault(word, len(self.rows))


def spellings(word: str) -> tuple[str, ...]:
    """Return a word, and what else it may be looked up as: the more like it, the earlier."""
    if word.isascii():
        return word, word.lower()
    normal = unicodedata.normalize("NFKC", word)
    return word, word.lower(), normal, normal.lower()
