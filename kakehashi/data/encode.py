"""Distinct forms and their features.

What the two channels see of a token depends only on its (surface, reading) pair. So features are
computed once per distinct pair, and a corpus keeps one number per token.

A corpus as arrays: one form number and one tag per token.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi.config.settings import View
from kakehashi.data.vocabulary import UNKNOWN, Vocabulary
from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence, Span, Token
from kakehashi.tags import Tagset
from kakehashi.text.views import ngrams, view

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


_MOST_TYPES = (np.iinfo(np.int16).max - 1) // 2
_COUNTED_AT_ONCE = 1 << 22  # tokens; numpy counts in 8 bytes each


@dataclass(frozen=True)
class EncodedCorpus:
    """Segmented sentences as arrays, which may be views of a file.

    Attributes:
        forms: Form number per token (tokens,) int32.
        offsets: Where each sentence begins, and the end (sentences + 1,) int64.
        tags: Gold spans, as tag ids of `types` in the scheme BIO (tokens,) int16.
        types: The entity types of the spans, sorted.
        missed: Gold mentions that no tokens can express, by sentence number.
    """

    forms: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    tags: npt.NDArray[np.int16]
    types: tuple[str, ...]
    missed: Mapping[int, tuple[Mention, ...]]

    def __len__(self) -> int:
        """Count the sentences."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens per sentence (sentences,) int64."""
        return np.diff(self.offsets)

    @cached_property
    def spans(self) -> tuple[tuple[Span, ...], ...]:
        """Gold spans per sentence, read off the tags when they are asked for."""
        spans: list[list[Span]] = [[] for _ in range(len(self))]
        starts = np.flatnonzero(self.tags % 2)
        ends = np.append(np.flatnonzero(~self._inside()), len(self.tags))
        ends = ends[np.searchsorted(ends, starts, side="right")]
        sentences = np.searchsorted(self.offsets, starts, side="right") - 1
        firsts = self.offsets[sentences]
        columns = (sentences, starts - firsts, ends - firsts, self.tags[starts] // 2)
        for sentence, start, end, kind in zip(*(c.tolist() for c in columns), strict=True):
            spans[sentence].append(Span(start, end, self.types[kind]))
        return tuple(map(tuple, spans))

    @cached_property
    def lost(self) -> tuple[tuple[Mention, ...], ...]:
        """Gold mentions per sentence that no tokens can express."""
        return tuple(self.missed.get(sentence, ()) for sentence in range(len(self)))

    def summary(self) -> dict[str, object]:
        """Count sentences, tokens, entities, the lost among them, and the entities of each type."""
        lost = [mention.type for mentions in self.missed.values() for mention in mentions]
        counts = _counted(self.tags, 1 + 2 * len(self.types))[1::2]
        types = Counter(dict(zip(self.types, counts, strict=True)))
        types.update(lost)
        return {
            "sentences": len(self),
            "tokens": len(self.forms),
            "entities": types.total(),
            "lost": len(lost),
            "types": dict(types.most_common()),
        }

    def tag_ids(self, tagset: Tagset) -> npt.NDArray[np.integer[Any]]:
        """Write the gold spans as tag ids (tokens,); in BIO with the same types that is `tags`.

        Raises:
            TagError: If a span has a type that the tagset does not know.
        """
        if tagset == Tagset(self.types):
            return self.tags
        parts = [
            tagset.ids_from_spans([Span(0, 3, kind)], 3)
            + tagset.ids_from_spans([Span(0, 1, kind)], 1)
            for kind in self.types
        ]
        # Rows: O, then B and I of each type; columns: whether the span goes on at the next token.
        table = [(0, 0)]
        for begin, inside, end, single in parts:
            table += [(single, begin), (end, inside)]
        goes_on = np.append(self._inside()[1:], np.False_)[: len(self.tags)]
        ids: npt.NDArray[np.int32] = np.array(table, dtype=np.int32)[self.tags, goes_on.view("u1")]
        return ids

    def _inside(self) -> npt.NDArray[np.bool_]:
        """Say which tokens go on with the span of the token before them."""
        inside: npt.NDArray[np.bool_] = (self.tags > 0) & (self.tags % 2 == 0)
        return inside


def encode(sentences: Iterable[Sentence], forms: Forms) -> EncodedCorpus:
    """Turn segmented sentences into arrays, numbering new forms as they come.

    Raises:
        ConfigError: If there are so many entity types that something else must be meant.
    """
    numbers, tags, offsets = array("i"), array("i"), array("q", [0])
    types: dict[str, int] = {}
    missed: dict[int, tuple[Mention, ...]] = {}
    for sentence in sentences:
        numbers.extend(forms.number(sentence.tokens or ()))
        spans, lost = sentence.project()
        begin = len(tags)
        tags.extend([0] * (len(numbers) - begin))
        for start, end, kind in spans:
            tag = 1 + 2 * types.setdefault(kind, len(types))
            tags[begin + start] = tag
            for index in range(begin + start + 1, begin + end):
                tags[index] = tag + 1
        if lost:
            missed[len(offsets) - 1] = lost
        offsets.append(len(numbers))
    renumbering = tag_renumbering(tuple(types), sorted(types))
    return EncodedCorpus(
        np.array(numbers, dtype=np.int32),
        np.array(offsets, dtype=np.int64),
        renumbering[np.array(tags, dtype=np.int32)],
        tuple(sorted(types)),
        missed,
    )


def tag_renumbering(types: Sequence[str], others: Sequence[str]) -> npt.NDArray[np.int16]:
    """Say which BIO tag of other types each tag of some types is (tags,) int16.

    Example:
        >>> tag_renumbering(["PER"], ["LOC", "PER"]).tolist()
        [0, 3, 4]
    """
    if len(others) > _MOST_TYPES:
        raise ConfigError(
            "corpus", f"expected at most {_MOST_TYPES:,} entity types, got {len(others):,}"
        )
    places = {kind: 1 + 2 * index for index, kind in enumerate(others)}
    ids = [0, *(places[kind] + step for kind in types for step in (0, 1))]
    return np.array(ids, dtype=np.int16)


def count_words(corpus: EncodedCorpus, forms: Forms, channels: Channels) -> Counter[str]:
    """Count the words of a corpus, as the word channel sees them."""
    counts: Counter[str] = Counter()
    for form, count in zip(forms.ids, _counted(corpus.forms, len(forms)), strict=True):
        if count:
            counts[channels.word_of(form)] += count
    return counts


def ngram_vocabulary(corpus: EncodedCorpus, forms: Forms, channels: Channels) -> Vocabulary:
    """Number the n-grams of a corpus, as the character channel sees them."""
    counts: Counter[str] = Counter()
    for form, count in zip(forms.ids, _counted(corpus.forms, len(forms)), strict=True):
        if count:
            for ngram in channels.ngrams_of(form):
                counts[ngram] += count
    return Vocabulary.from_counts(counts)


def _counted(numbers: npt.NDArray[np.integer[Any]], size: int) -> list[int]:
    """Count how often each number below `size` occurs."""
    counts = np.zeros(size, dtype=np.int64)
    for start in range(0, len(numbers), _COUNTED_AT_ONCE):
        counts += np.bincount(numbers[start : start + _COUNTED_AT_ONCE], minlength=size)
    found: list[int] = counts.tolist()
    return found
