"""How uncertain a recognizer is of a sentence.

``mnlp`` is minus the logarithm of the probability of the tags that it chooses, per token (Shen et
al. 2018): without the division long sentences would always win. ``span`` is about how many mentions
per token it has wrong: what is missing from 1 in the probability of each mention that it finds, and
the probability that a token outside of them is in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from kakehashi.runtime.prediction import spans_of
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.sentence import Sentence, mentions_from_spans


class Scored(NamedTuple):
    """A sentence with the mentions that a recognizer finds, and how uncertain it is."""

    sentence: Sentence
    mnlp: float
    span: float


def score_uncertainty(recognizer: Recognizer, sentences: Iterable[Sentence]) -> Iterator[Scored]:
    """Score sentences, some thousand tokens at a time; they come in another order."""
    decoder = recognizer.decoder
    for batch, offsets, emissions, tags in recognizer.emissions(sentences):
        posterior, lengths = decoder.posterior(emissions, offsets), np.diff(offsets)
        inside = np.where(tags == 0, 1 - posterior.of_tags()[:, 0], 0.0)
        missed = np.add.reduceat(inside, offsets[:-1])
        mnlp = (-posterior.of_sentences(tags) / lengths).tolist()
        raw = spans_of(decoder.tagset, tags, offsets[:-1])
        found = [
            recognizer.trim(spans, sentence.tokens or ())
            for spans, sentence in zip(raw, batch, strict=True)
        ]
        edges = [
            (begin + start, begin + end)
            for begin, spans in zip(offsets.tolist(), found, strict=False)
            for start, end, _ in spans
        ]
        every = posterior.of_spans(tags, np.array(edges)).tolist() if edges else []
        flat = iter(every)
        for number, (sentence, spans) in enumerate(zip(batch, found, strict=True)):
            likely = list(islice(flat, len(spans)))
            mentions = mentions_from_spans(sentence.text, sentence.tokens or (), spans)
            pairs = zip(mentions, likely, strict=True)
            mentions = tuple(m._replace(probability=p) for m, p in pairs)
            span = (len(likely) - sum(likely) + float(missed[number])) / int(lengths[number])
            yield Scored(replace(sentence, mentions=mentions), mnlp[number], span)
