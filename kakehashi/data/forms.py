"""Distinct forms and their features.

What the two channels see of a token depends only on its (surface, reading) pair. So features are
computed once per distinct pair, and a corpus keeps one number per token.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kakehashi.config.settings import View
from kakehashi.data.vocabulary import UNKNOWN, Vocabulary
from kakehashi.sentence import Token
from kakehashi.text.ngrams import ngrams
from kakehashi.text.views import view

Form = tuple[str, str]
"""A surface and its reading; the reading is ``""`` where there is none."""


@dataclass
class Forms:
    """The distinct forms of one or more corpora, numbered as they come."""

    ids: dict[Form, int] = field(default_factory=dict)

    def number(self, tokens: Iterable[Token]) -> list[int]:
        """Give every token the number of its form; new forms get new numbers."""
        ids = self.ids
        return [ids.setdefault((token.text, token.reading), len(ids)) for token in tokens]

    def __len__(self) -> int:
        """Count the forms."""
        return len(self.ids)


@dataclass(frozen=True)
class FormFeatures:
    """Word and n-gram ids per form.

    Attributes:
        words: Word id (forms,) int64.
        ngrams: N-gram ids of all forms, one form after the other (n-grams,) int64.
        offsets: Where each form's n-grams begin, and the end (forms + 1,) int64.
    """

    words: npt.NDArray[np.int64]
    ngrams: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Channels:
    """What the word channel and the character channel see of a form.

    With ``word="original"`` and ``char="romaji"`` this is the MOM (section 3.3).
    """

    word: View = "original"
    char: View = "original"
    n: int = 2

    def word_of(self, form: Form) -> str:
        """Give the key of the word embedding: lower-cased, and NFKC so that width is no matter."""
        return unicodedata.normalize("NFKC", view(*form, self.word)).lower()

    def ngrams_of(self, form: Form) -> list[str]:
        """Give the character n-grams, case kept (section 4.2)."""
        return ngrams(view(*form, self.char), self.n)


def featurize(
    forms: Sequence[Form], channels: Channels, words: Vocabulary, ngrams: Vocabulary
) -> FormFeatures:
    """Look up the word id and the n-gram ids of every form."""
    word_ids = [words.ids.get(channels.word_of(form), UNKNOWN) for form in forms]
    rows = [
        [ngrams.ids.get(ngram, UNKNOWN) for ngram in channels.ngrams_of(form)] for form in forms
    ]
    offsets = np.zeros(len(forms) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    flat = np.fromiter((ngram for row in rows for ngram in row), np.int64, int(offsets[-1]))
    return FormFeatures(np.array(word_ids, dtype=np.int64), flat, offsets)
