"""Adam on the few rows of an embedding that a batch touches.

Adam on gradients of bounded length, row by row on embeddings.
"""

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


class Optimization:
    """One step of learning after another; on a GPU, without ever waiting for it.

    A batch touches a few hundred rows of embeddings that may have hundreds of thousands. Their
    gradients are sparse, and Adam updates touched rows only, moments included (the lazy variant);
    all other parameters have Adam as it was published (Kingma and Ba, 2014).

    Args:
        tagger: Its parameters are changed in place.
        learning_rate: Of Adam.
        clip_norm: Longest gradient over all parameters; a longer one is scaled down to it.

    Attributes:
        embeddings: The parameters with sparse gradients, of n-grams and of words.
        rest: All others.
    """

    def __init__(self, tagger: Tagger, learning_rate: float, clip_norm: float) -> None:
        rows = [tagger.char.embedding.weight, tagger.word.embedding.weight]
        rest = [p for p in tagger.parameters() if all(p is not row for row in rows)]
        self.embeddings, self.rest = rows, rest
        self._clip_norm = clip_norm
        self._rows = RowAdam(rows, learning_rate)
        self._rest = torch.optim.Adam(rest, lr=learning_rate, fused=True)

    def step(self, loss: Tensor) -> None:
        """Go one step down the gradient of a loss."""
        self.clear()
        loss.backward()
        self.descend()

    def clear(self) -> None:
        """Forget the gradients."""
        for parameter in (*self.embeddings, *self.rest):
            parameter.grad = None

    def descend(self) -> None:
        """Go one step down the gradients that the parameters have."""
        self._clip()
        self._rows.step()
        self._rest.step()

    def _clip(self) -> None:
        gradients = []
        for parameter in (*self.embeddings, *self.rest):
            gradient = parameter.grad
            if gradient is not None and gradient.is_sparse:
                if gradient.device.type == "cpu":  # elsewhere the tagger has seen to it
                    gradient = parameter.grad = gradient.coalesce()
                gradient = gradient._values()
            if gradient is not None:
                gradients.append(gradient)
        length = torch.nn.utils.get_total_norm(gradients)
        torch._foreach_mul_(gradients, (self._clip_norm / (length + 1e-6)).clamp(max=1.0))

    def moments(self) -> dict[str, Tensor]:
        """Lay the state of Adam out flat, ``rows/0/exp_avg`` and so on."""
        rest = self._rest.state_dict()["state"].items()
        return {f"rows/{name}": value for name, value in self._rows.state().items()} | {
            f"rest/{number}/{name}": value
            for number, state in rest
            for name, value in state.items()
        }

    def restore(self, moments: Mapping[str, Tensor]) -> None:
        """Put the state that `moments` gave back, from any device."""
        self._rows.restore({key.removeprefix("rows/"): value for key, value in moments.items()})
        states: dict[int, dict[str, Tensor]] = {}
        for key, value in moments.items():
            part, number, name = key.split("/")
            if part == "rest":
                states.setdefault(int(number), {})[name] = value
        self._rest.load_state_dict({**self._rest.state_dict(), "state": states})
