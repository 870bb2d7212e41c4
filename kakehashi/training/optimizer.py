"""Adam on gradients of bounded length; on embeddings only on the rows that a batch touches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kakehashi.model.tagger import Tagger

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class RowAdam:
    """`torch.optim.SparseAdam` to the bit, without its sparse tensors, for which a GPU stops.

    Rows without gradient stay as they are, moments included (the lazy variant of Adam).

    Args:
        weights: Have sparse gradients, in which every row occurs at most once.
        learning_rate: Of Adam.
    """

    def __init__(self, weights: Sequence[Tensor], learning_rate: float) -> None:
        self._weights, self._learning_rate = weights, learning_rate
        self._steps = [0] * len(weights)
        self._moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]

    @torch.no_grad()
    def step(self) -> None:
        """Update the rows that have a gradient."""
        for number, weight in enumerate(self._weights):
            if weight.grad is None:
                continue
            self._steps[number] += 1
            rows, gradient = weight.grad._indices()[0], weight.grad._values()
            means, squares = self._moments[number]
            mean = _update_rows(means, rows, gradient, _BETAS[0])
            root = _update_rows(squares, rows, gradient.pow(2), _BETAS[1]).sqrt_().add_(_EPSILON)
            first, second = (1 - beta ** self._steps[number] for beta in _BETAS)
            rate = -self._learning_rate * math.sqrt(second) / first
            weight.index_copy_(0, rows, weight.index_select(0, rows).add_(rate * mean.div_(root)))

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state as ``0/exp_avg`` and so on, with torch's names."""
        state = {}
        for number, (steps, moments) in enumerate(zip(self._steps, self._moments, strict=True)):
            state[f"{number}/step"] = torch.tensor(steps)
            state[f"{number}/exp_avg"], state[f"{number}/exp_avg_sq"] = moments
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over a `state_dict` from any device."""
        for number, (mean, square) in enumerate(self._moments):
            self._steps[number] = int(state[f"{number}/step"])
            mean.copy_(state[f"{number}/exp_avg"])
            square.copy_(state[f"{number}/exp_avg_sq"])


def _update_rows(averages: Tensor, rows: Tensor, values: Tensor, beta: float) -> Tensor:
    """Update running averages in place; return those of the rows."""
    old = averages.index_select(0, rows)
    new = values.sub(old).mul_(1 - beta).add_(old)
    averages.index_copy_(0, rows, new)
    return new


class Optimizer:
    """Adam for all parameters of a tagger; on a GPU, no method waits for it.

    A batch touches a few hundred rows of embeddings that may have hundreds of thousands. Their
    gradients are sparse, and `RowAdam` updates them; all other parameters have Adam as it was
    published (Kingma and Ba, 2014).

    Attributes:
        embeddings: The parameters with sparse gradients, of n-grams and of words.
        rest: All others.
    """

    def __init__(self, tagger: Tagger, learning_rate: float) -> None:
        self.embeddings = [tagger.char.embedding.weight, tagger.word.embedding.weight]
        self.rest = [p for p in tagger.parameters() if all(p is not e for e in self.embeddings)]
        self._rows = RowAdam(self.embeddings, learning_rate)
        self._adam = torch.optim.Adam(self.rest, lr=learning_rate, fused=True)

    def zero_grad(self) -> None:
        """Remove all gradients."""
        for parameter in (*self.embeddings, *self.rest):
            parameter.grad = None

    def clip(self, norm: float) -> None:
        """Scale all gradients down if together they are longer than ``norm``."""
        gradients = []
        for parameter in (*self.embeddings, *self.rest):
            gradient = parameter.grad
            if gradient is not None and gradient.is_sparse:
                if gradient.device.type == "cpu":  # on a GPU each row already occurs once
                    gradient = parameter.grad = gradient.coalesce()
                gradient = gradient._values()
            if gradient is not None:
                gradients.append(gradient)
        length = torch.nn.utils.get_total_norm(gradients)
        torch._foreach_mul_(gradients, (norm / (length + 1e-6)).clamp(max=1.0))

    def step(self) -> None:
        """Update the parameters by their gradients, which `clip` has prepared."""
        self._rows.step()
        self._adam.step()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state of Adam as ``rows/0/exp_avg`` and so on."""
        rest = self._adam.state_dict()["state"].items()
        return {f"rows/{name}": value for name, value in self._rows.state_dict().items()} | {
            f"rest/{number}/{name}": value
            for number, state in rest
            for name, value in state.items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over a `state_dict` from any device."""
        self._rows.load_state_dict({key.removeprefix("rows/"): state[key] for key in state})
        rest: dict[int, dict[str, Tensor]] = {}
        for key, value in state.items():
            part, number, name = key.split("/")
            if part == "rest":
                rest.setdefault(int(number), {})[name] = value
        self._adam.load_state_dict({**self._adam.state_dict(), "state": rest})
