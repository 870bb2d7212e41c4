"""Forms and their features.

What the two channels of the tagger see of a token depends only on its form, a (surface, reading)
pair. So features are computed once per distinct form.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.config.settings import View
from kakehashi.data.vocabulary import UNKNOWN, Vocabulary
from kakehashi.text.views import ngrams, view

Form = tuple[str, str]
"""A surface and its reading; the reading is ``""`` where there is none."""


class FormFeatures(NamedTuple):
    """Word ids (forms,), n-gram ids (n-grams,), where each form's begin and end (forms + 1,)."""

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
        """Return the key of the word embedding: in lower case and NFKC, which ignores width."""
        return unicodedata.normalize("NFKC", view(*form, self.word)).lower()

    def ngrams_of(self, form: Form) -> list[str]:
        """Return the character n-grams, case kept (section 4.2)."""
        return ngrams(view(*form, self.char), self.n)


def featurize(
    forms: Iterable[Form], channels: Channels, words: Vocabulary, ngrams: Vocabulary
) -> FormFeatures:
    """Look up the word id and the n-gram ids of every form."""
    forms = list(forms)
    word_ids = [words.ids.get(channels.word_of(form), UNKNOWN) for form in forms]
    rows = [
        [ngrams.ids.get(ngram, UNKNOWN) for ngram in channels.ngrams_of(form)] for form in forms
    ]
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    flat = np.fromiter(chain.from_iterable(rows), np.int64, int(offsets[-1]))
    return FormFeatures(np.array(word_ids, dtype=np.int64), flat, offsets)
