"""Batches: flat rows of tokens, sentence after sentence, without padding.

The order of an epoch is a function of (seed, epoch), so that resuming needs only a position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kakehashi.data.forms import FormFeatures

Ids = npt.NDArray[np.int64]

_WINDOW = 64
"""Batches' worth of shuffled sentences that are sorted by length together."""


@dataclass(frozen=True)
class Batch:
    """Some sentences, ready for the tagger; all arrays are int64.

    Attributes:
        sentences: Their numbers in the corpus (sentences,).
        lengths: Tokens per sentence (sentences,), each at least 1.
        words: Word id per token (tokens,), one sentence after the other.
        forms: Row in the batch's distinct forms per token (tokens,).
        form_lengths: N-grams per distinct form (forms,).
        ngrams: Row in ``ngram_ids`` per n-gram of the distinct forms (n-grams,).
        ngram_ids: The distinct n-gram ids of the batch (distinct n-grams,).
        tags: Gold tag id per token (tokens,), or None.
    """

    sentences: Ids
    lengths: Ids
    words: Ids
    forms: Ids
    form_lengths: Ids
    ngrams: Ids
    ngram_ids: Ids
    tags: Ids | None = None


class Plan:
    """The batches of an epoch: sentence numbers of each, cut out when they are asked for.

    Args:
        sentences: Their numbers, batch after batch (sentences,).
        edges: Where each batch begins in them, and the end (batches + 1,).
        turns: The batches in the order in which they come (batches,).
    """

    def __init__(self, sentences: Ids, edges: Ids, turns: Ids) -> None:
        self._sentences, self._edges, self._turns = sentences, edges, turns

    def __len__(self) -> int:
        """Count the batches."""
        return len(self._turns)

    def __iter__(self) -> Iterator[Ids]:
        """Give the sentence numbers of one batch after the other."""
        for turn in self._turns:
            yield self._sentences[self._edges[turn] : self._edges[turn + 1]]


def plan_batches(lengths: Ids, batch_tokens: int, order: tuple[int, int] | None = None) -> Plan:
    """Cut a corpus into batches of sentences of like length.

    Args:
        lengths: Tokens per sentence (sentences,); empty sentences are left out.
        batch_tokens: Tokens per batch, at most; a longer sentence is a batch of its own.
        order: (seed, epoch) of the shuffle; None for shortest first.
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
    return Plan(sentences, np.array(edges), turns)


def _ends(lengths: Ids, batch_tokens: int) -> Iterator[int]:
    """Say where batches end that are as full as can be."""
    totals = np.cumsum(lengths)
    end, tokens = 0, 0
    while end < len(totals):
        fitting = np.searchsorted(totals, tokens + batch_tokens, side="right")
        end = max(end + 1, int(fitting))
        tokens = totals[end - 1]
        yield end


def make_batch(
    sentences: Ids,
    offsets: Ids,
    forms: npt.NDArray[np.integer],
    features: FormFeatures,
    tags: npt.NDArray[np.integer] | None = None,
) -> Batch:
    """Gather the rows of some sentences.

    Args:
        sentences: Numbers of sentences that have tokens.
        offsets: Where each sentence of the corpus begins, and the end (sentences + 1,).
        forms: Form number per token of the corpus.
        features: Features per form number.
        tags: Gold tag id per token of the corpus, in training.
    """
    lengths = offsets[sentences + 1] - offsets[sentences]
    tokens = ranges(offsets[sentences], lengths)
    distinct, rows = np.unique(forms[tokens], return_inverse=True)
    form_lengths, ngrams, ngram_ids = gather_ngrams(distinct, features)
    return Batch(
        sentences=sentences,
        lengths=lengths,
        words=features.words[distinct][rows],
        forms=rows,
        form_lengths=form_lengths,
        ngrams=ngrams,
        ngram_ids=ngram_ids,
        tags=None if tags is None else tags[tokens].astype(np.int64),
    )


def cut_batch(batch: Batch, start: int, end: int) -> Batch:
    """Cut some of its sentences out of a batch: at least one, in their order."""
    begin, stop = int(batch.lengths[:start].sum()), int(batch.lengths[:end].sum())
    distinct, rows = np.unique(batch.forms[begin:stop], return_inverse=True)
    form_lengths = batch.form_lengths[distinct]
    begins = (np.cumsum(batch.form_lengths) - batch.form_lengths)[distinct]
    ngrams, ngram_rows = np.unique(batch.ngrams[ranges(begins, form_lengths)], return_inverse=True)
    return Batch(
        sentences=batch.sentences[start:end],
        lengths=batch.lengths[start:end],
        words=batch.words[begin:stop],
        forms=rows,
        form_lengths=form_lengths,
        ngrams=ngram_rows,
        ngram_ids=batch.ngram_ids[ngrams],
        tags=None if batch.tags is None else batch.tags[begin:stop],
    )


def gather_ngrams(forms: npt.NDArray[np.integer], features: FormFeatures) -> tuple[Ids, Ids, Ids]:
    """Gather the n-grams of some forms.

    Returns:
        N-grams per form, row in the third per n-gram, and the distinct n-gram ids; see `Batch`.
    """
    lengths = features.offsets[forms + 1] - features.offsets[forms]
    ngrams = features.ngrams[ranges(features.offsets[forms], lengths)]
    distinct, rows = np.unique(ngrams, return_inverse=True)
    return lengths, rows, distinct


def ranges(starts: Ids, lengths: Ids) -> Ids:
    """Concatenate the ranges that begin at ``starts``.

    Example:
        >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
        [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    shifts: Ids = np.repeat(starts - (ends - lengths), lengths)
    return np.arange(total) + shifts
