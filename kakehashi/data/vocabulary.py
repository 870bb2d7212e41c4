"""Strings and their ids, and which words of a file of vectors are kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

UNKNOWN = 0


class Vocabulary:
    """Words or n-grams with ids; id 0 stands for whatever is not in it.

    The first ``n_seen`` strings occurred in the training set; the others are known from pre-trained
    vectors only. Transfer copies rows of seen strings alone (section 3.3).
    """

    def __init__(self, strings: Sequence[str], n_seen: int | None = None) -> None:
        self.strings = tuple(strings)
        self.n_seen = len(self.strings) if n_seen is None else n_seen

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], extra: Iterable[str] = ()) -> Vocabulary:
        """Number the counted strings, most frequent first, then the extra ones not counted."""
        seen = sorted(counts, key=lambda string: (-counts[string], string))
        return cls([*seen, *sorted(set(extra) - counts.keys())], len(seen))

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of every string; look-ups use ``ids.get(string, UNKNOWN)``."""
        return {string: index for index, string in enumerate(self.strings, start=1)}

    @cached_property
    def seen(self) -> dict[str, int]:
        """The ids of the strings that occurred in training."""
        return {string: index for index, string in enumerate(self.strings[: self.n_seen], start=1)}

    def __len__(self) -> int:
        """Count the ids, the unknown one included."""
        return len(self.strings) + 1


class Wanted:
    """The rows of the words that are kept of a file of vectors.

    A wanted word takes the vector of the word in the file that is most like it: the same, else the
    same in lower case, else after NFKC (full-width ``ＰＣ`` is PC), else after both; of several,
    the first. Where all words are wanted, each is kept as it is written, at its first place.
    """

    def __init__(self, words: Collection[str] | None) -> None:
        self._words = None if words is None else frozenset(words)
        self._unlikeness: dict[str, int] = {}
        self.rows: dict[str, int] = {}
        self.n_skipped = 0  # words that are not UTF-8

    @property
    def lowered(self) -> frozenset[str]:
        """The words kept so far that only a lower-cased form has matched."""
        return frozenset(word for word, unlikeness in self._unlikeness.items() if unlikeness % 2)

    def place(self, word: str) -> int | None:
        """Return the row where the vector of a word belongs; None if it is not kept.

        Example:
            >>> wanted = Wanted({"may", "june"})
            >>> [wanted.place(word) for word in ("May", "July", "may", "MAY", "ｊｕｎｅ", "June")]
            [0, None, 0, None, 1, 1]
            >>> wanted.lowered
            frozenset({'june'})
        """
        for unlikeness, form in enumerate(spellings(word) if self._words is not None else (word,)):
            if self._words is None or form in self._words:
                if unlikeness >= self._unlikeness.get(form, 4):
                    return None
                self._unlikeness[form] = unlikeness
                return self.rows.setdefault(form, len(self.rows))
        return None


def spellings(word: str) -> tuple[str, ...]:
    """Return a word, and what else it may be looked up as, the most like it first."""
    if word.isascii():
        return word, word.lower()
    normal = unicodedata.normalize("NFKC", word)
    return word, word.lower(), normal, normal.lower()
