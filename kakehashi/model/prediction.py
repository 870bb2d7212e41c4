"""From a trained tagger to spans, in batches of any size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.data.batches import Batch, Ids, make_batch, plan_batches
from kakehashi.data.forms import FormFeatures
from kakehashi.model.tagger import Tagger
from kakehashi.sentence import Span

_BATCH_TOKENS = 4096


class Prediction(NamedTuple):
    """What a tagger found in one sentence.

    Attributes:
        spans: In sentence order.
        probabilities: Of each span, between 0 and 1; empty unless asked for.
    """

    spans: tuple[Span, ...]
    probabilities: tuple[float, ...]


def predict_spans(
    tagger: Tagger,
    offsets: Ids,
    forms: npt.NDArray[np.integer],
    features: FormFeatures,
    *,
    batch_tokens: int = _BATCH_TOKENS,
) -> list[tuple[Span, ...]]:
    """Tag encoded sentences; give the spans of each, in the order of the sentences."""
    found: list[tuple[Span, ...]] = [()] * (len(offsets) - 1)
    for sentence, prediction in predict(
        tagger, offsets, forms, features, batch_tokens=batch_tokens, probabilities=False
    ):
        found[sentence] = prediction.spans
    return found


@torch.inference_mode()
def predict(
    tagger: Tagger,
    offsets: Ids,
    forms: npt.NDArray[np.integer],
    features: FormFeatures,
    *,
    batch_tokens: int = _BATCH_TOKENS,
    probabilities: bool = True,
) -> Iterator[tuple[int, Prediction]]:
    """Tag encoded sentences batch by batch.

    Args:
        tagger: In evaluation mode.
        offsets: Where each sentence begins, and the end (sentences + 1,).
        forms: Form number per token (tokens,).
        features: Features per form number.
        batch_tokens: Tokens per batch; the predictions do not depend on it.
        probabilities: Whether to compute how probable each span is.

    Yields:
        (sentence number, prediction), for every sentence that has tokens.
    """
    for sentences in plan_batches(np.diff(offsets), batch_tokens):
        batch = make_batch(sentences, offsets, forms, features)
        yield from zip(
            sentences.tolist(), _predict_batch(tagger, batch, probabilities), strict=True
        )


def _predict_batch(tagger: Tagger, batch: Batch, probabilities: bool) -> Iterator[Prediction]:
    emissions: Tensor = tagger(batch)
    ids = tagger.decode(emissions, batch.lengths)
    ends = np.cumsum(batch.lengths)
    starts = ends - batch.lengths
    found = [
        tuple(tagger.tagset.spans_from_ids(ids[start:end].tolist()))
        for start, end in zip(starts, ends, strict=True)
    ]
    if not probabilities:
        return (Prediction(spans, ()) for spans in found)
    edges = np.array(
        [
            (start + span.start, start + span.end)
            for start, spans in zip(starts, found, strict=True)
            for span in spans
        ],
        dtype=np.int64,
    ).reshape(-1, 2)
    flat = iter(tagger.probabilities(emissions, batch.lengths, ids, edges).tolist())
    return (Prediction(spans, tuple(islice(flat, len(spans)))) for spans in found)
