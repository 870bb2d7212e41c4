"""From a network and a decoder to spans, in batches of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.data.batches import Ids, plan_batches, ranges
from kakehashi.data.vocabulary import FormFeatures
from kakehashi.runtime.decoder import Decoder
from kakehashi.runtime.network import Network
from kakehashi.runtime.steps import FloatArray, Projected
from kakehashi.sentence import Span
from kakehashi.tags import Tagset

_BATCH_TOKENS = 2048
_CHUNK_TOKENS = 1 << 15

SURE = np.float32(0.05)
"""Margin of scores that the rounding of ``int8`` hardly ever changes; docs/decisions/038."""


Trim = Callable[[int, tuple[Span, ...]], tuple[Span, ...]]
"""From the number of a sentence and its spans to what is left of these."""


class Prediction(NamedTuple):
    """The spans of a sentence, in order, and the probability of each, unless not asked for."""

    spans: tuple[Span, ...]
    probabilities: tuple[float, ...]


class Emitted(NamedTuple):
    """What was computed of some sentences, longest first.

    Attributes:
        sentences: Their numbers (sentences,).
        offsets: Where each begins, and the end (sentences + 1,).
        emissions: Of tags (tokens, tags).
        tags: Those chosen, as ids (tokens,).
    """

    sentences: Ids
    offsets: Ids
    emissions: FloatArray
    tags: Ids

    def only(self, chosen: npt.NDArray[np.bool_]) -> Emitted:
        """Return it of the chosen ones among the sentences (sentences,)."""
        lengths = np.diff(self.offsets)
        tokens = np.repeat(chosen, lengths)
        offsets = np.append(0, np.cumsum(lengths[chosen]))
        return Emitted(self.sentences[chosen], offsets, self.emissions[tokens], self.tags[tokens])


def predict_spans(
    network: Network,
    decoder: Decoder,
    offsets: Ids,
    forms: npt.NDArray[np.integer],
    features: FormFeatures,
    *,
    batch_tokens: int = _BATCH_TOKENS,
) -> list[tuple[Span, ...]]:
    """Find the spans of each encoded sentence.

    ``offsets`` has where each sentence begins, and the end (sentences + 1,), ``forms`` the form
    number per token (tokens,). The spans do not depend on the tokens per batch.
    """
    found: list[tuple[Span, ...]] = [()] * (len(offsets) - 1)
    # Forms are worked out once for many batches; the bound keeps memory flat.
    bounds = np.flatnonzero(np.diff(offsets // _CHUNK_TOKENS, prepend=-1, append=-1))
    for begin, end in pairwise(np.minimum(bounds, len(offsets) - 1).tolist()):
        part = offsets[begin : end + 1]
        if part[0] == part[-1]:
            continue
        distinct, rows = np.unique(forms[part[0] : part[-1]], return_inverse=True)
        projected = network.project(distinct, features)
        arguments = projected, rows, part - part[0], batch_tokens
        for number, prediction in predict(network, decoder, *arguments, probabilities=False):
            found[begin + number] = prediction.spans
    return found


def predict(
    network: Network,
    decoder: Decoder,
    projected: Projected,
    rows: Ids,
    offsets: Ids,
    batch_tokens: int = _BATCH_TOKENS,
    *,
    probabilities: bool = True,
    trim: Trim = lambda _, spans: spans,
) -> Iterator[tuple[int, Prediction]]:
    """Yield (number, prediction) for every sentence that has tokens; see `predict_spans`.

    Forms are projected already: ``projected`` is what `Network.project` returns (forms, any width),
    ``rows`` has the row in it per token (tokens,). Probabilities are those of trimmed spans.
    """
    for sentences, edges, emissions, tags in emit(
        network, decoder, projected, rows, offsets, batch_tokens
    ):
        read = zip(sentences.tolist(), spans_of(decoder.tagset, tags, edges[:-1]), strict=True)
        found = [trim(number, spans) if spans else spans for number, spans in read]
        flat: Iterator[float] = iter(())
        if probabilities and any(found):
            shifts = np.repeat(edges[:-1], [len(spans) for spans in found])
            places = np.array([span[:2] for spans in found for span in spans]) + shifts[:, None]
            flat = iter(decoder.probabilities(emissions, edges, tags, places).tolist())
        for number, spans in zip(sentences.tolist(), found, strict=True):
            yield number, Prediction(spans, tuple(islice(flat, len(spans))))


def emit(
    network: Network,
    decoder: Decoder,
    projected: Projected,
    rows: Ids,
    offsets: Ids,
    batch_tokens: int = _BATCH_TOKENS,
) -> Iterator[Emitted]:
    """Yield batches of the sentences that have tokens.

    Where a network rounds, those whose tags hang by less than `SURE` come last, computed without.
    """
    doubtful: list[Ids] = []
    for sentences, edges, tokens in _batches(offsets, batch_tokens):
        emissions = network.emit(projected, rows[tokens], edges)
        tags, margins = decoder.decode(emissions, edges)
        batch = Emitted(sentences, edges, emissions, tags)
        if network.exact is not None and not (sure := margins >= SURE).all():
            doubtful.append(sentences[~sure])
            batch = batch.only(sure)
        if len(batch.sentences):
            yield batch
    if network.exact is not None and doubtful:
        again = np.concatenate(doubtful)
        lengths = offsets[again + 1] - offsets[again]
        tokens = ranges(offsets[again], lengths)
        arguments = projected, rows[tokens], np.append(0, np.cumsum(lengths)), batch_tokens
        for batch in emit(network.exact, decoder, *arguments):
            yield batch._replace(sentences=again[batch.sentences])


def marginals(
    network: Network, decoder: Decoder, projected: Projected, rows: Ids, offsets: Ids
) -> Iterator[tuple[int, FloatArray]]:
    """Yield (number, probability of each tag at each token (tokens, tags)); see `predict`."""
    for batch in emit(network, decoder, projected, rows, offsets):
        shares = decoder.marginals(batch.emissions, batch.offsets)
        parts = np.split(shares, batch.offsets[1:-1])
        yield from zip(batch.sentences.tolist(), parts, strict=True)


def _batches(offsets: Ids, batch_tokens: int) -> Iterator[tuple[Ids, Ids, Ids | slice]]:
    """Yield the numbers of sentences, longest first, where each begins, and which tokens it is."""
    if len(offsets) == 2 and offsets[1]:  # a sentence alone, whose answer is waited for
        yield np.zeros(1, np.int64), offsets, slice(None)
        return
    for batch in plan_batches(np.diff(offsets), batch_tokens):
        sentences = batch[::-1]
        lengths = offsets[sentences + 1] - offsets[sentences]
        yield sentences, np.append(0, np.cumsum(lengths)), ranges(offsets[sentences], lengths)


def spans_of(tagset: Tagset, ids: Ids, starts: Ids) -> list[tuple[Span, ...]]:
    """Read spans off tag ids, looking only at tokens that are not outside, which are few."""
    found: list[tuple[Span, ...]] = [()] * len(starts)
    inside = np.flatnonzero(ids)
    if not len(inside):
        return found
    sentences = np.searchsorted(starts, inside, side="right") - 1
    breaks = np.flatnonzero((np.diff(inside) > 1) | (np.diff(sentences) > 0)) + 1
    for begin, end in pairwise([0, *breaks.tolist(), len(inside)]):
        sentence = sentences[begin]
        shift = int(inside[begin] - starts[sentence])
        spans = tagset.spans_from_ids(ids[inside[begin:end]].tolist())
        found[sentence] += tuple(
            Span(shift + start, shift + stop, kind) for start, stop, kind in spans
        )
    return found
