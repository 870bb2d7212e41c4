"""The likelihood of a linear-chain CRF and its gradients, as machine code.

Imported only where numba is installed. The gradient of a score is how often it is expected to
count, less how often it counts in the gold tags; so one pass forward and one back give the loss
and all gradients (Rabiner, 1989, whose scaled sums these are: powers are taken once per emission).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.data.batches import Ids
from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.runtime.kernels import inlined, machine_code

_Doubles = npt.NDArray[np.float64]


class _Likelihood(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's
        emissions: Tensor,
        scores: Tensor,
        tags: Tensor,
        ragged: RaggedOrder,
        weights: Tensor,
    ) -> Tensor:
        """Compute the gradients too."""
        wide = emissions.double()
        wide = wide - wide.amax(1, keepdim=True)
        powers, factors = wide.exp(), scores.exp()
        forward, steps, marginals = torch.empty(3, *wide.shape, dtype=torch.float64)
        counts, loss = torch.zeros_like(scores), torch.zeros(1, dtype=torch.float64)
        arrays = (wide, scores, tags, ragged.first, ragged.last, weights, powers, factors)
        results = (forward, steps, marginals, counts, loss)
        _run(*(each.numpy() for each in (*arrays, factors.t().contiguous(), *results)))
        counts[:-1, :-1] += factors[:-1, :-1] * (forward[:-1].t() @ steps[1:])
        ctx.save_for_backward(marginals, counts)
        return loss[0]

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """Scale the gradients."""
        marginals, counts = ctx.saved_tensors
        return grad_output * marginals, grad_output * counts, None, None, None


likelihood: Callable[..., Tensor] = _Likelihood.apply
"""Sum the negative log-likelihoods of sentences, each times its weight, in float64.

Takes emissions (tokens, tags), scores in float64 (tags + 1, tags + 1), see `Crf`, -inf where
forbidden; gold tags (tokens,), the `RaggedOrder`, and weights in float64 (sentences,). The sum is
infinite or undefined where all tags that are allowed weigh less than 1e-300 of another.
"""


@inlined
def _multiply(vector: _Doubles, matrix: _Doubles, product: _Doubles) -> None:
    """Multiply a vector with a matrix, four rows at a time."""
    n = len(vector)
    product[:] = 0
    for i in range(0, n - 3, 4):
        a, b, c, d = vector[i], vector[i + 1], vector[i + 2], vector[i + 3]
        for j in range(n):
            product[j] += (a * matrix[i, j] + b * matrix[i + 1, j]) + (
                c * matrix[i + 2, j] + d * matrix[i + 3, j]
            )
    for i in range(n - n % 4, n):
        for j in range(n):
            product[j] += vector[i] * matrix[i, j]


@machine_code
def _run(
    emissions: _Doubles,
    scores: _Doubles,
    tags: Ids,
    firsts: Ids,
    lasts: Ids,
    weights: _Doubles,
    powers: _Doubles,
    factors: _Doubles,
    transposed: _Doubles,
    forward: _Doubles,
    steps: _Doubles,
    marginals: _Doubles,
    counts: _Doubles,
    loss: _Doubles,
) -> None:
    """Write the gradients of emissions, and of scores without those of steps between two tokens.

    The latter are factors times products of ``forward`` at a token and ``steps`` at the next.
    """
    n_tags = emissions.shape[1]
    totals, row = np.empty(len(tags)), np.empty(n_tags)
    for sentence in range(len(firsts)):
        first, last, weight = firsts[sentence], lasts[sentence], weights[sentence]
        row[:] = factors[n_tags, :n_tags]
        for token in range(first, last + 1):
            if token > first:
                _multiply(forward[token - 1], factors, row)
            total = 0.0
            for tag in range(n_tags):
                row[tag] *= powers[token, tag]
                total += row[tag]
            forward[token] = row / total
            totals[token] = total
            loss[0] += weight * np.log(total)
        row[:] = factors[:n_tags, n_tags]
        total = (forward[last] * row).sum()
        loss[0] += weight * np.log(total)
        row /= total
        for token in range(last, first - 1, -1):
            for tag in range(n_tags):
                marginals[token, tag] = weight * forward[token, tag] * row[tag]
                row[tag] *= powers[token, tag] / totals[token]
                steps[token, tag] = weight * row[tag] if token > first else 0.0
            if token > first:
                _multiply(row.copy(), transposed, row)
        counts[n_tags, :n_tags] += marginals[first]
        counts[:n_tags, n_tags] += marginals[last]
        before = n_tags
        for token in range(first, last + 1):
            tag = tags[token]
            loss[0] -= weight * (emissions[token, tag] + scores[before, tag])
            marginals[token, tag] -= weight
            counts[before, tag] -= weight
            before = tag
        loss[0] -= weight * scores[before, n_tags]
        counts[before, n_tags] -= weight
