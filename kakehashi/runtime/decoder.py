"""From emissions to tags and their probabilities, for softmax and for a CRF.

Only legal tag sequences exist for a CRF: its partition sums over them alone, so that a decoded
sequence is always legal, and the probabilities of all legal ones add up to 1. Emissions are flat
rows (tokens, tags), one sentence after the other, longest first; ``offsets`` has where each
sentence begins, and the end (sentences + 1,).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from kakehashi.data.batches import Ids, ranges
from kakehashi.runtime.steps import FloatArray, machine_code
from kakehashi.tags import Tagset

_Doubles = npt.NDArray[np.float64]

_LEAST = 1e-300
"""Least weight of a tag among those of its token: sums of paths can then be plain products in
float64, fast, and exact unless a good path needs a less probable tag. Networks are far from it."""

_PAIRS_AT_ONCE = 1 << 24  # of tags that are scored, over all sentences: 64 MB


class Decoded(NamedTuple):
    """What a decoder chooses.

    Attributes:
        tags: As ids (tokens,).
        margins: How much less the second best sequence of a sentence scores (sentences,); infinite
            if there is none.
    """

    tags: Ids
    margins: FloatArray


class Decoder:
    """Chooses tags: the best of each token, or with a CRF's transitions the best legal sequence.

    Transitions are the scores of column after row (tags + 1, tags + 1); the last row is the
    sentence's start, the last column its end. Probabilities are of emissions and transitions
    divided by a temperature, see `kakehashi.runtime.calibration`.
    """

    def __init__(
        self, tagset: Tagset, transitions: FloatArray | None = None, temperature: float = 1.0
    ) -> None:
        self.tagset, self.temperature = tagset, temperature
        self._scores: FloatArray | None = None
        if transitions is not None:
            lowest = np.float32(-np.inf)
            self._scores = np.where(tagset.transitions(), transitions, lowest)
            wide = self._scores.astype(np.float64) / temperature
            factors = np.exp(wide[:-1, :-1])
            forward, backward = (wide[-1, :-1].copy(), factors), (wide[:-1, -1].copy(), factors.T)
            self._steps = _Steps(wide, forward, (backward[0], backward[1].copy()))

    def scaled(self, temperature: float) -> Decoder:
        """Return the decoder of another temperature: of the same tags with other probabilities."""
        return Decoder(self.tagset, self._scores, temperature)

    def decode(self, emissions: FloatArray, offsets: Ids) -> Decoded:
        """Choose the tags; the temperature changes none."""
        if self._scores is None:
            tags, leads = _choose(emissions)
            return Decoded(tags, np.minimum.reduceat(leads, offsets[:-1]))
        tags, margins = np.empty(len(emissions), np.int64), np.empty(len(offsets) - 1, np.float32)
        run = best_sequences if (kernels := machine_code(0)) is None else kernels.best_sequences
        run(emissions, offsets, self._scores, tags, margins)
        return Decoded(tags, margins)

    def posterior(self, emissions: FloatArray, offsets: Ids) -> Posterior:
        """Return the probabilities of tags, given the text."""
        wide = emissions.astype(np.float64) / self.temperature
        if self._scores is None:
            return SoftmaxPosterior(wide, offsets)
        return CrfPosterior(wide, offsets, self._steps)

    def probabilities(
        self, emissions: FloatArray, offsets: Ids, tags: Ids, edges: Ids
    ) -> npt.NDArray[np.float64]:
        """Compute the joint probability of the tags in each span (spans,), given the text.

        Tags (tokens,) are those of `decode`, edges the first token of each span and one past its
        last (spans, 2), at least one.
        """
        return self.posterior(emissions, offsets).of_spans(tags, edges)

    def marginals(self, emissions: FloatArray, offsets: Ids) -> FloatArray:
        """Compute the probability of each tag at each token (tokens, tags), given the text.

        With a CRF it is that of all legal sequences that have the tag there.
        """
        return self.posterior(emissions, offsets).of_tags().astype(np.float32)


class Posterior(Protocol):
    """What emissions say of the tags of sentences, given their text."""

    def of_spans(self, tags: Ids, edges: Ids) -> _Doubles:
        """Compute the joint probability of the tags (tokens,) in each span (spans,)."""

    def of_sentences(self, tags: Ids) -> _Doubles:
        """Compute the logarithm of the probability of the tags of each sentence (sentences,)."""

    def of_tags(self) -> _Doubles:
        """Compute the probability of each tag at each token (tokens, tags)."""


class SoftmaxPosterior:
    """Each token for itself."""

    def __init__(self, emissions: _Doubles, offsets: Ids) -> None:
        peaks = emissions.max(axis=1, keepdims=True)
        shares = np.exp(emissions - peaks).sum(axis=1, keepdims=True)
        self._logs: _Doubles = emissions - peaks - np.log(shares)
        self._offsets = offsets

    def of_spans(self, tags: Ids, edges: Ids) -> _Doubles:
        """Multiply the probabilities of the tags."""
        begins, lengths = edges[:, 0], edges[:, 1] - edges[:, 0]
        tokens = ranges(begins, lengths)
        logs = self._logs[tokens, tags[tokens]]
        joint: _Doubles = np.exp(np.add.reduceat(logs, np.cumsum(lengths) - lengths))
        return joint

    def of_sentences(self, tags: Ids) -> _Doubles:
        """Add the logarithms of the probabilities of the tags."""
        logs = self._logs[np.arange(len(tags)), tags]
        sums: _Doubles = np.add.reduceat(logs, self._offsets[:-1])
        return sums

    def of_tags(self) -> _Doubles:
        """Return the softmax of the emissions."""
        return _shares(self._logs)


class _Steps(NamedTuple):
    """Scores of steps between tags, and what `sum_paths` gets of them in each direction."""

    scores: _Doubles  # (tags + 1, tags + 1)
    forward: tuple[_Doubles, _Doubles]
    backward: tuple[_Doubles, _Doubles]


class CrfPosterior:
    """Exact, over all legal tag sequences: forward times inner score times backward over partition.

    Sums over paths are computed when they are asked for.
    """

    def __init__(self, emissions: _Doubles, offsets: Ids, steps: _Steps) -> None:
        self._emissions, self._offsets, self._steps = emissions, offsets, steps

    @cached_property
    def _alphas(self) -> _Doubles:
        return self._sums(self._steps.forward, backward=False)

    @cached_property
    def _betas(self) -> _Doubles:
        return self._sums(self._steps.backward, backward=True)

    def _sums(self, steps: tuple[_Doubles, _Doubles], *, backward: bool) -> _Doubles:
        run = sum_paths if (kernels := machine_code(0)) is None else kernels.sum_paths
        sums = np.empty_like(self._emissions)
        run(self._emissions, self._offsets, *steps, _LEAST, backward, sums)
        return sums

    @cached_property
    def _partitions(self) -> _Doubles:
        """The logarithm of the sum over all paths of each sentence (sentences,)."""
        at_end = self._alphas[self._offsets[1:] - 1] + self._steps.scores[:-1, -1]
        peaks = at_end.max(axis=1)
        logs: _Doubles = np.log(np.exp(at_end - peaks[:, None]).sum(axis=1)) + peaks
        return logs

    def _path(self, tags: Ids) -> _Doubles:
        """Score each tag and the step to it (tokens,)."""
        before = np.append(-1, tags[:-1])
        before[self._offsets[:-1]] = len(self._steps.scores) - 1
        own = self._emissions[np.arange(len(tags)), tags]
        scores: _Doubles = own + self._steps.scores[before, tags]
        return scores

    def of_spans(self, tags: Ids, edges: Ids) -> _Doubles:
        """Sum over all paths through the tags of each span."""
        begins, lasts = edges[:, 0], edges[:, 1] - 1
        path = np.cumsum(self._path(tags))
        # Betas have the emission of the last tag already.
        inside = path[lasts] - path[begins] - self._emissions[lasts, tags[lasts]]
        partitions = self._partitions[np.searchsorted(self._offsets, begins, side="right") - 1]
        logs = self._alphas[begins, tags[begins]] + inside + self._betas[lasts, tags[lasts]]
        found: _Doubles = np.exp(np.minimum(logs - partitions, 0))
        return found

    def of_sentences(self, tags: Ids) -> _Doubles:
        """Score the path of each sentence against all its paths."""
        lasts = self._offsets[1:] - 1
        paths = np.add.reduceat(self._path(tags), self._offsets[:-1])
        paths += self._steps.scores[tags[lasts], -1] - self._partitions
        return np.minimum(paths, 0)

    def of_tags(self) -> _Doubles:
        """Sum over all paths through the tag."""
        return _shares(self._alphas + self._betas - self._emissions)  # which both have


def _shares(logs: _Doubles) -> _Doubles:
    """Divide what logarithms stand for by the sum of their row."""
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    found: _Doubles = shares / shares.sum(axis=1, keepdims=True)
    return found


def _choose(scores: FloatArray) -> tuple[Ids, FloatArray]:
    """Return the best column of each row, and its lead before the second best (rows,)."""
    chosen: Ids = scores.argmax(axis=1)
    best = np.take_along_axis(scores, chosen[:, None], axis=1)[:, 0]
    others = scores.copy()
    np.put_along_axis(others, chosen[:, None], np.float32(-np.inf), axis=1)
    return chosen, best - others.max(axis=1)


def best_sequences(
    emissions: FloatArray, offsets: Ids, scores: FloatArray, tags: Ids, margins: FloatArray
) -> None:
    """Write the best legal tag sequence of every sentence (Viterbi), as ids (tokens,).

    And the margins of a `Decoded`: another sequence leaves the best one for the last time at some
    token, so the second best costs the least lead that a tag has there among all, given the tags
    after it.
    """
    into, end = scores[:-1, :-1].T.copy(), scores[:-1, -1]
    best = np.empty_like(emissions)
    items = list(_steps(offsets))
    best[items[0]] = scores[-1, :-1] + emissions[items[0]]
    at_once = max(1, _PAIRS_AT_ONCE // into.size)
    for step in items[1:]:
        for some in np.split(step, range(at_once, len(step), at_once)):
            best[some] = (best[some - 1, None] + into).max(axis=2) + emissions[some]
    n_later = 0
    for step in reversed(items):
        goes_on, ending = step[:n_later], step[n_later:]
        tags[ending], margins[n_later : len(step)] = _choose(best[ending] + end)
        tags[goes_on], leads = _choose(best[goes_on] + into[tags[goes_on + 1]])
        margins[:n_later] = np.minimum(margins[:n_later], leads)
        n_later = len(step)


def sum_paths(
    emissions: _Doubles,
    offsets: Ids,
    first: _Doubles,
    factors: _Doubles,
    least: float,
    backward: bool,
    sums: _Doubles,
) -> None:
    """Sum in logarithms over all ways to come to each tag of each token (tokens, tags).

    From the start, or ``backward`` from the end. ``first`` are scores of the first tag (tags,),
    ``factors`` e to those of steps from row to column (tags, tags), not below ``least`` in sum.
    Written into ``sums``; the token's own emission is included.
    """
    for step, items in enumerate(_steps(offsets, backward=backward)):
        if step == 0:
            sums[items] = first + emissions[items]
            continue
        last = sums[items + 1 if backward else items - 1]
        peak = last.max(axis=1, keepdims=True)
        ways = np.exp(last - peak) @ factors
        sums[items] = np.log(np.maximum(ways, least)) + peak + emissions[items]


def _steps(offsets: Ids, *, backward: bool = False) -> Iterator[Ids]:
    """Yield the tokens of each step from the first one on, or back from the last."""
    lengths = np.diff(offsets)
    for step in range(lengths[0]):
        n_running = np.count_nonzero(lengths > step)
        yield offsets[1 : n_running + 1] - 1 - step if backward else offsets[:n_running] + step
