"""Words, n-grams and forms by number, and which words of a file of vectors are kept.

What the two channels of the tagger see of a token depends only on its form. So its features are
computed once per distinct form.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.config.architecture import View
from kakehashi.text.views import ngrams, view

UNKNOWN = 0

Form = tuple[str, str]
"""A surface and its reading; the reading is ``""`` where there is none."""


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


@dataclass(frozen=True)
class Channels:
    """What the word channel and the character channel see of a form.

    With ``word="original"`` and ``char="romaji"`` this is the MOM (section 3.3).
    """

    word: View = "original"
    char: View = "original"
    n: int = 2

    def word_of(self, form: Form) -> str:
        """Return the key of the word embedding: in lower case and NFKC, which ignores width."""
        return unicodedata.normalize("NFKC", view(*form, self.word)).lower()

    def ngrams_of(self, form: Form) -> list[str]:
        """Return the character n-grams, case kept (section 4.2)."""
        return ngrams(view(*form, self.char), self.n)


class FormFeatures(NamedTuple):
    """Word ids (forms,), n-gram ids (n-grams,), where each form's begin and end (forms + 1,)."""

    words: npt.NDArray[np.int64]
    ngrams: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]


def featurize(
    forms: Collection[Form], channels: Channels, words: Vocabulary, ngrams: Vocabulary
) -> FormFeatures:
    """Look up the word id and the n-gram ids of every form."""
    word_ids = [words.ids.get(channels.word_of(form), UNKNOWN) for form in forms]
    rows = [[ngrams.ids.get(each, UNKNOWN) for each in channels.ngrams_of(form)] for form in forms]
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    flat = np.fromiter(chain.from_iterable(rows), np.int64, int(offsets[-1]))
    return FormFeatures(np.array(word_ids, dtype=np.int64), flat, offsets)


class Wanted:
    """The rows of the words that are kept of a file of vectors, in lower case and NFKC.

    These are the ``words``, and the ``first`` so many of the file, which has the frequent ones
    first; by default all. A word takes the vector of the word in the file that is most like it: the
    same, else the same in lower case, else after NFKC (full-width ``ＰＣ`` is PC), else after both;
    of several, the first.
    """

    def __init__(self, words: Collection[str] = (), first: int | None = None) -> None:
        self._words, self._first = frozenset(words), first
        self._unlikeness: dict[str, int] = {}
        self.rows: dict[str, int] = {}
        self.n_skipped = 0  # words that are not UTF-8

    @property
    def lowered(self) -> frozenset[str]:
        """The words kept so far that only a lower-cased form has matched."""
        return frozenset(word for word, unlikeness in self._unlikeness.items() if unlikeness % 2)

    def place(self, word: str, number: int) -> int | None:
        """Return the row for the vector of a word, the file's ``number``-th; None if not kept.

        Example:
            >>> wanted = Wanted({"may", "june"}, first=0)
            >>> words = ("May", "July", "may", "MAY", "ｊｕｎｅ", "June")
            >>> [wanted.place(word, number) for number, word in enumerate(words, start=1)]
            [0, None, 0, None, 1, 1]
            >>> wanted.lowered
            frozenset({'june'})
        """
        spellings: tuple[str, ...] = (word, word.lower())
        if not word.isascii():
            normal = unicodedata.normalize("NFKC", word)
            spellings += (normal, normal.lower())
        form = spellings[-1]
        if self._first is not None and number > self._first and form not in self._words:
            return None
        unlikeness = spellings.index(form)
        if unlikeness >= self._unlikeness.get(form, len(spellings)):
            return None
        self._unlikeness[form] = unlikeness
        return self.rows.setdefault(form, len(self.rows))
