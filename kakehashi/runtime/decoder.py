"""From emissions to tags and their probabilities, for softmax and for a CRF.

Only legal tag sequences exist for a CRF: its partition sums over them alone, so that a decoded
sequence is always legal, and the probabilities of all legal ones add up to 1. Emissions are flat
rows (tokens, tags), one sentence after the other, longest first; ``offsets`` has where each
sentence begins, and the end (sentences + 1,).
"""

from __future__ import annotations

from collections.abc import Iterator

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


class Decoder:
    """Chooses tags: the best of each token, or with a CRF's transitions the best legal sequence.

    Transitions are the scores of column after row (tags + 1, tags + 1); the last row is the
    sentence's start, the last column its end.
    """

    def __init__(self, tagset: Tagset, transitions: FloatArray | None = None) -> None:
        self.tagset = tagset
        self._scores: FloatArray | None = None
        if transitions is not None:
            lowest = np.float32(-np.inf)
            self._scores = np.where(tagset.transitions(), transitions, lowest)
            wide = self._wide = self._scores.astype(np.float64)
            factors = np.exp(wide[:-1, :-1])
            self._forward = wide[-1, :-1].copy(), factors
            self._backward = wide[:-1, -1].copy(), factors.T.copy()

    def decode(self, emissions: FloatArray, offsets: Ids) -> Ids:
        """Choose the tags, as ids (tokens,)."""
        if self._scores is None:
            best: Ids = emissions.argmax(axis=1)
            return best
        tags = np.empty(len(emissions), np.int64)
        run = best_sequences if (kernels := machine_code(0)) is None else kernels.best_sequences
        run(emissions, offsets, self._scores, tags)
        return tags

    def probabilities(
        self, emissions: FloatArray, offsets: Ids, tags: Ids, edges: Ids
    ) -> npt.NDArray[np.float64]:
        """Compute the joint probability of the decoded tags in each span (spans,), given the text.

        Tags (tokens,) are those of `decode`, edges the first token of each span and one past its
        last (spans, 2), at least one. With a CRF they are exact, over all legal sequences that have
        these tags there: forward times inner score times backward over partition.
        """
        begins, ends = edges.T
        if self._scores is None:  # the tags are the best ones
            lengths = ends - begins
            rows = emissions[ranges(begins, lengths)].astype(np.float64)
            shares = np.exp(rows - rows.max(axis=1, keepdims=True)).sum(axis=1)
            joint: _Doubles = np.exp(-np.add.reduceat(np.log(shares), np.cumsum(lengths) - lengths))
            return joint
        scores = self._wide
        wide, alphas, betas = self._sum_paths(emissions, offsets)
        before = np.append(-1, tags[:-1])
        before[offsets[:-1]] = len(scores) - 1
        steps = np.cumsum(wide[np.arange(len(tags)), tags] + scores[before, tags])
        lasts = ends - 1
        forward, backward = alphas[begins, tags[begins]], betas[lasts, tags[lasts]]
        inside = steps[lasts] - steps[begins] - wide[lasts, tags[lasts]]  # betas have it already
        at_end = (
            alphas[offsets[np.searchsorted(offsets, begins, side="right")] - 1] + scores[:-1, -1]
        )
        peaks = at_end.max(axis=1)
        partition = np.log(np.exp(at_end - peaks[:, None]).sum(axis=1)) + peaks
        found: _Doubles = np.exp(np.minimum(forward + inside + backward - partition, 0))
        return found

    def marginals(self, emissions: FloatArray, offsets: Ids) -> FloatArray:
        """Compute the probability of each tag at each token (tokens, tags), given the text.

        With a CRF it is that of all legal sequences that have the tag there.
        """
        if self._scores is None:
            logs = emissions.astype(np.float64)
        else:
            wide, alphas, betas = self._sum_paths(emissions, offsets)
            logs = alphas + betas - wide  # both have the token's own emission
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        marginals: FloatArray = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
        return marginals

    def _sum_paths(
        self, emissions: FloatArray, offsets: Ids
    ) -> tuple[_Doubles, _Doubles, _Doubles]:
        """Return the emissions in float64, and the sums over paths from the start and the end."""
        wide = emissions.astype(np.float64)
        run = sum_paths if (kernels := machine_code(0)) is None else kernels.sum_paths
        alphas, betas = np.empty_like(wide), np.empty_like(wide)
        run(wide, offsets, *self._forward, _LEAST, False, alphas)
        run(wide, offsets, *self._backward, _LEAST, True, betas)
        return wide, alphas, betas


def best_sequences(emissions: FloatArray, offsets: Ids, scores: FloatArray, tags: Ids) -> None:
    """Write the best legal tag sequence of every sentence (Viterbi), as ids (tokens,)."""
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
        tags[goes_on] = (best[goes_on] + into[tags[goes_on + 1]]).argmax(axis=1)
        tags[ending] = (best[ending] + end).argmax(axis=1)
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
