"""Adam on the few rows of an embedding that a batch touches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class RowAdam:
    """`torch.optim.SparseAdam` to the bit, without its sparse tensors, for which a GPU stops.

    Rows without gradient stay as they are, moments included (the lazy variant of Adam).

    Args:
        weights: Have sparse gradients, in which every row comes once at most.
        learning_rate: Of Adam.
    """

    def __init__(self, weights: Sequence[Tensor], learning_rate: float) -> None:
        self._weights, self._learning_rate = weights, learning_rate
        self._steps = [0] * len(weights)
        self._moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]

    @torch.no_grad()
    def step(self) -> None:
        """Go one step down the gradients that the weights have."""
        for number, weight in enumerate(self._weights):
            if weight.grad is not None:
                self._steps[number] += 1
                self._update(number, weight.grad._indices()[0], weight.grad._values())

    def _update(self, number: int, rows: Tensor, gradient: Tensor) -> None:
        means, squares = self._moments[number]
        mean = _move(means, rows, gradient, _BETAS[0])
        root = _move(squares, rows, gradient.pow(2), _BETAS[1]).sqrt_().add_(_EPSILON)
        first, second = (1 - beta ** self._steps[number] for beta in _BETAS)
        length = self._learning_rate * math.sqrt(second) / first
        weight = self._weights[number]
        weight.index_copy_(0, rows, weight.index_select(0, rows).add_(-length * mean.div_(root)))

    def state(self) -> dict[str, Tensor]:
        """Lay the state out flat, ``0/exp_avg`` and so on, with torch's names."""
        state = {}
        for number, (steps, moments) in enumerate(zip(self._steps, self._moments, strict=True)):
            state[f"{number}/step"] = torch.tensor(steps)
            state[f"{number}/exp_avg"], state[f"{number}/exp_avg_sq"] = moments
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put the state that `state` gave back, from any device."""
        for number, (mean, square) in enumerate(self._moments):
            self._steps[number] = int(state[f"{number}/step"])
            mean.copy_(state[f"{number}/exp_avg"])
            square.copy_(state[f"{number}/exp_avg_sq"])


def _move(averages: Tensor, rows: Tensor, values: Tensor, beta: float) -> Tensor:
    """Move running averages towards values; give those of the rows."""
    old = averages.index_select(0, rows)
    new = values.sub(old).mul_(1 - beta).add_(old)
    averages.index_copy_(0, rows, new)
    return new
