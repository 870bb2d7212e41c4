"""A linear-chain conditional random field over the tags of a sentence (Lafferty et al., 2001).

Only legal tag sequences exist for it: the partition sums over them alone, so that a tag sequence of
the decoder is always legal, and the probabilities of all legal ones add up to 1. Gold tags must
therefore be legal too; a `Tagset` writes no others. Emissions are flat rows (tokens, tags), one
sentence after the other; all sentences of a batch go through their tokens together.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.runtime.steps import is_compiled

_LEAST = 1e-300
"""Least weight of a tag among those of its token: sums of paths can then be plain products in
float64, fast, and exact unless a good path needs a less probable tag. Networks are far from it."""

_LEAST_LOG = -50.0  # of a marginal


class SoftTags(NamedTuple):
    """Soft labels: some tags of each token, and what each weighs in the loss."""

    ids: Tensor  # (tokens, any number)
    weights: Tensor  # (tokens, the same): their probabilities; 0 at tokens that have none

    def cross_entropy(self, logs: Tensor) -> Tensor:
        """Compute the cross entropy of log probabilities (tokens, tags), per token of them all."""
        return -(self.weights * logs.gather(1, self.ids)).sum() / len(logs)


class Crf(nn.Module):
    """Scores of what follows what, as one matrix with a border for start and end.

    Args:
        allowed: What may follow what (tags + 1, tags + 1), see `Tagset.transitions`.

    Attributes:
        transitions: Score of column after row (tags + 1, tags + 1); the last row is the sentence's
            start, the last column its end. Zero at first; those of forbidden pairs do not count.
    """

    allowed: Tensor

    def __init__(self, allowed: npt.NDArray[np.bool_]) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(allowed.shape))
        self.register_buffer("allowed", torch.from_numpy(allowed), persistent=False)

    def loss(
        self,
        emissions: Tensor,
        tags: Tensor,
        ragged: RaggedOrder,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Compute the negative log-likelihood of gold tags, divided by the number of tokens.

        So it compares with a mean cross entropy, and large batches weigh no more than small ones.
        Tags (tokens,) are a legal sequence for every sentence; ``weights`` multiply the likelihoods
        of sentences (sentences,).
        """
        wide, scores = emissions.double(), self._legal().double()
        if emissions.device.type == "cpu" and is_compiled():
            from kakehashi.model.crf_training import likelihood

            heavy = wide.new_ones(ragged.n_sequences) if weights is None else weights.double()
            loss = likelihood(wide, scores, tags, ragged, heavy) / ragged.n_items
            if loss.isfinite():
                return loss.to(self.transitions.dtype)
        alphas = _sum_paths(wide, scores, ragged)
        steps, ends = _score_steps(wide, tags, scores, ragged), scores[tags[ragged.last], -1]
        totals = _partition(alphas, scores, ragged)
        if weights is not None:
            lengths = ragged.last - ragged.first + 1
            steps = steps * weights.repeat_interleave(lengths)
            ends, totals = ends * weights, totals * weights
        loss = (totals.sum() - (steps.sum() + ends.sum())) / ragged.n_items
        return loss.to(self.transitions.dtype)

    def marginal_loss(self, emissions: Tensor, ragged: RaggedOrder, soft: SoftTags) -> Tensor:
        """Compute the cross entropy of the marginals to soft tags, divided by the number of tokens.

        Not that of whole sequences: what is compared is the probability of each tag at each token,
        over all legal sequences. A tag that none of them has there counts as of e^-50.
        """
        wide, scores = emissions.double(), self._legal().double()
        alphas, betas = (_sum_paths(wide, scores, ragged, backward=back) for back in (False, True))
        places = torch.empty_like(ragged.order)  # of each token in the steps of either direction
        for place, order in zip(places, ragged.order, strict=True):
            place[order] = torch.arange(ragged.n_items, device=place.device)
        totals = _partition(alphas, scores, ragged)
        totals = totals.repeat_interleave(ragged.last - ragged.first + 1)[:, None]
        logs = alphas[places[0]] + betas[places[1]] - wide - totals  # both have the emission
        return soft.cross_entropy(logs.clamp(min=_LEAST_LOG)).to(self.transitions.dtype)

    def _legal(self) -> Tensor:
        return self.transitions.masked_fill(~self.allowed, -math.inf)


def _score_steps(emissions: Tensor, tags: Tensor, scores: Tensor, ragged: RaggedOrder) -> Tensor:
    """Score each token's tag together with the step that leads to it (tokens,)."""
    before = tags.roll(1)
    before[ragged.first] = len(scores) - 1
    return emissions.gather(1, tags[:, None])[:, 0] + scores[before, tags]


def _sum_paths(
    emissions: Tensor, scores: Tensor, ragged: RaggedOrder, *, backward: bool = False
) -> Tensor:
    """Sum in logarithms over all ways to come to each tag of each token (tokens, tags).

    From the start, or ``backward`` from the end, in steps order, the token's own emission included.
    """
    first, factors = scores[-1, :-1], scores[:-1, :-1].exp()
    if backward:
        first, factors = scores[:-1, -1], factors.T
    steps = emissions.index_select(0, ragged.order[int(backward)]).split(ragged.sizes)
    sums = [first + steps[0]]
    for step in steps[1:]:
        last = sums[-1][: len(step)]
        peak = last.detach().amax(1, keepdim=True)
        ways = (last - peak).exp() @ factors
        sums.append(ways.clamp(min=_LEAST).log() + peak + step)
    return torch.cat(sums)


def _partition(alphas: Tensor, scores: Tensor, ragged: RaggedOrder) -> Tensor:
    """Sum in logarithms over all legal sequences of each sentence (sentences,)."""
    return (alphas.index_select(0, ragged.final[::2]) + scores[:-1, -1]).logsumexp(1)
