"""Which words of a file of vectors are kept, and in which row."""

from __future__ import annotations

from collections.abc import Collection


class Wanted:
    """Give rows to words as a file names them.

    A wanted word takes the vector of the first word in the file that equals it; failing that, of
    the first whose lower-cased form does. Where all words are wanted, each is kept as it is
    written, at its first place.

    Attributes:
        rows: The row of every word kept so far, in the order of the rows.
        lowered: Those of them that only a lower-cased form has matched.
    """

    def __init__(self, words: Collection[str] | None) -> None:
        self._words = None if words is None else frozenset(words)
        self.rows: dict[str, int] = {}
        self.lowered: set[str] = set()

    def place(self, word: str) -> int | None:
        """Say in which row the vector of a word belongs; None if it is not kept.

        Example:
            >>> wanted = Wanted({"may", "june"})
            >>> [wanted.place(word) for word in ("May", "July", "may", "MAY", "June")]
            [0, None, 0, None, 1]
            >>> wanted.lowered
            {'june'}
        """
        if self._words is None or word in self._words:
            if word in self.lowered:
                self.lowered.remove(word)
                return self.rows[word]
            return self._append(word)
        lowered = word.lower()
        if lowered not in self._words:
            return None
        row = self._append(lowered)
        if row is not None:
            self.lowered.add(lowered)
        return row

    def _append(self, word: str) -> int | None:
        if word in self.rows:
            return None
        return self.rows.setdefault(word, len(self.rows))
