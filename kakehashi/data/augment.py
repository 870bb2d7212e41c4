"""Mention replacement: training sentences with other mentions of the same type in them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import chain

import numpy as np

from kakehashi.data.encode import EncodedCorpus


def replace_mentions(corpus: EncodedCorpus, rate: float, seed: tuple[int, ...]) -> EncodedCorpus:
    """Replace a share of the mentions by distinct ones of their type, drawn from the same corpus.

    The result depends on nothing but the arguments. It has the same sentences, of other lengths.
    """
    random = np.random.default_rng(seed)
    starts, ends = corpus.span_edges()
    kinds = corpus.tags[starts] // 2
    pools: dict[int, dict[tuple[int, ...], int]] = defaultdict(dict)  # forms to a span with them
    for span, (start, end, kind) in enumerate(
        zip(starts.tolist(), ends.tolist(), kinds.tolist(), strict=True)
    ):
        pools[kind].setdefault(tuple(corpus.forms[start:end].tolist()), span)
    choices = {kind: np.array(list(pool.values())) for kind, pool in pools.items()}
    chosen = np.arange(len(starts))
    for span in np.flatnonzero(random.random(len(starts)) < rate).tolist():
        chosen[span] = random.choice(choices[int(kinds[span])])
    # Tokens before, between and after the spans stay; each span is that of the chosen one.
    edges = np.append(ends, len(corpus.forms)), np.append(0, ends)
    outside = [
        np.arange(begin, end)
        for begin, end in zip(edges[1].tolist(), [*starts.tolist(), len(corpus.forms)], strict=True)
    ]
    inside = [np.arange(starts[span], ends[span]) for span in chosen.tolist()]
    rows = np.concatenate([*chain(*zip(outside, inside, strict=False)), outside[-1]])
    growth = (ends - starts)[chosen] - (ends - starts)
    shifts = np.append(0, np.cumsum(growth))[np.searchsorted(starts, corpus.offsets)]
    return replace(
        corpus,
        forms=corpus.forms[rows],
        tags=corpus.tags[rows],
        classes=corpus.classes[rows],
        offsets=corpus.offsets + shifts,
    )
