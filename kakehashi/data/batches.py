"""Batches: flat rows of tokens, sentence after sentence, without padding.

The order of an epoch is a function of (seed, epoch), so that resuming needs only a position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kakehashi.data.vocabulary import FormFeatures

Ids = npt.NDArray[np.int64]

_WINDOW = 64  # batches' worth of shuffled sentences that are sorted by length together


@dataclass(frozen=True)
class Batch:
    """Some sentences, ready for the tagger; all arrays are int64."""

    sentences: Ids  # numbers in the corpus (sentences,)
    lengths: Ids  # tokens per sentence (sentences,), each at least 1
    words: Ids  # word id per token (tokens,), one sentence after the other
    forms: Ids  # row in the batch's distinct forms per token (tokens,)
    form_lengths: Ids  # n-grams per distinct form (forms,)
    ngrams: Ids  # row in ``ngram_ids`` per n-gram of the distinct forms (n-grams,)
    ngram_ids: Ids  # distinct n-gram ids of the batch (distinct n-grams,)
    tags: Ids | None = None  # gold tag id per token (tokens,)
    weights: npt.NDArray[np.float32] | None = None  # of each sentence in the loss (sentences,)
    soft_ids: Ids | None = None  # tag ids of soft labels (tokens, tags kept)
    soft_weights: npt.NDArray[np.float32] | None = None  # of each of them in the loss (the same)


def plan_batches(
    lengths: Ids, batch_tokens: int, order: tuple[int, int] | None = None
) -> list[Ids]:
    """Cut a corpus into batches of sentences of like length; return the sentence numbers of each.

    A batch has at most ``batch_tokens``, or one longer sentence; empty sentences (``lengths`` 0)
    are left out. ``order`` is the (seed, epoch) of the shuffle; None for shortest first.
    """
    sentences = np.flatnonzero(lengths)
    window = max(1, len(sentences))
    random = None if order is None else np.random.default_rng(order)
    if random is not None:
        random.shuffle(sentences)
        mean = float(lengths.sum()) / window
        window = max(1, int(_WINDOW * batch_tokens / max(1.0, mean)))
    edges = [0]
    for start in range(0, len(sentences), window):
        part = sentences[start : start + window]
        part[:] = part[np.argsort(lengths[part], kind="stable")]
        edges += [start + end for end in _ends(lengths[part], batch_tokens)]
    n_batches = len(edges) - 1
    turns = np.arange(n_batches) if random is None else random.permutation(n_batches)
    return [sentences[edges[turn] : edges[turn + 1]] for turn in turns.tolist()]


def _ends(lengths: Ids, batch_tokens: int) -> Iterator[int]:
    """Yield where batches end that are as full as can be."""
    totals, end = np.append(0, np.cumsum(lengths)), 0
    while end < len(lengths):
        fitting = np.searchsorted(totals, totals[end] + batch_tokens, side="right")
        end = max(end + 1, int(fitting) - 1)
        yield end


def make_batch(
    sentences: Ids,
    offsets: Ids,
    forms: npt.NDArray[np.integer],
    features: FormFeatures,
    tags: npt.NDArray[np.integer] | None = None,
) -> Batch:
    """Gather the rows of some sentences, which must have tokens, from the arrays of a corpus."""
    lengths = offsets[sentences + 1] - offsets[sentences]
    tokens = ranges(offsets[sentences], lengths)
    distinct, rows = np.unique(forms[tokens], return_inverse=True)
    form_lengths, ngrams, ngram_ids = gather_ngrams(distinct, features)
    words = features.words[distinct][rows]
    gold = None if tags is None else tags[tokens].astype(np.int64)
    return Batch(sentences, lengths, words, rows, form_lengths, ngrams, ngram_ids, gold)


def cut_batch(batch: Batch, start: int, end: int) -> Batch:
    """Cut some of its sentences out of a batch: at least one, in their order."""
    offsets, edges = (np.append(0, np.cumsum(n)) for n in (batch.lengths, batch.form_lengths))
    features = FormFeatures(batch.form_lengths, batch.ngrams, edges)
    cut = make_batch(np.arange(start, end), offsets, batch.forms, features, batch.tags)
    tokens = slice(offsets[start], offsets[end])
    return replace(
        cut,
        sentences=batch.sentences[start:end],
        words=batch.words[tokens],
        ngram_ids=batch.ngram_ids[cut.ngram_ids],
        weights=None if batch.weights is None else batch.weights[start:end],
        soft_ids=None if batch.soft_ids is None else batch.soft_ids[tokens],
        soft_weights=None if batch.soft_weights is None else batch.soft_weights[tokens],
    )


def gather_ngrams(forms: npt.NDArray[np.integer], features: FormFeatures) -> tuple[Ids, Ids, Ids]:
    """Gather the n-grams of some forms: `form_lengths`, `ngrams` and `ngram_ids` of a `Batch`."""
    lengths = features.offsets[forms + 1] - features.offsets[forms]
    ngrams = features.ngrams[ranges(features.offsets[forms], lengths)]
    distinct, rows = np.unique(ngrams, return_inverse=True)
    return lengths, rows, distinct


def window_places(lengths: Ids, window: int) -> Ids:
    """Return the places of items in a window around each item of some sequences (items, window).

    A place beyond the ends of its sequence is the number of all items.

    Example:
        >>> window_places(np.array([2, 1]), 3).tolist()
        [[3, 0, 1], [0, 1, 3], [3, 2, 3]]
    """
    ends = np.cumsum(lengths)
    first, last = (np.repeat(each, lengths)[:, None] for each in (ends - lengths, ends - 1))
    places: Ids = np.arange(len(first))[:, None] + np.arange(window) - window // 2
    return np.where((first <= places) & (places <= last), places, len(first))


def ranges(starts: Ids, lengths: Ids) -> Ids:
    """Concatenate the ranges that begin at ``starts``.

    Example:
        >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
        [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    shifts: Ids = np.repeat(starts - (ends - lengths), lengths)
    return np.arange(len(shifts)) + shifts
