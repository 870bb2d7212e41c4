"""Adam on gradients of bounded length, and a moving average of the weights.

On embeddings Adam looks only at the rows that a batch touches.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from kakehashi.model.sequence_tagger import SequenceTagger

_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class RowAdam(torch.optim.Optimizer):
    """`torch.optim.SparseAdam` to the bit, without its sparse tensors, for which a GPU stops.

    Rows without gradient stay as they are, moments included (the lazy variant of Adam). In the
    sparse gradients of the weights every row occurs at most once.
    """

    def __init__(self, weights: Sequence[Tensor], learning_rate: float) -> None:
        super().__init__(weights, {"lr": learning_rate})
        for w in weights:
            moments = {"exp_avg": torch.zeros_like(w), "exp_avg_sq": torch.zeros_like(w)}
            self.state[w] = {"step": 0, **moments}

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update the rows that have a gradient."""
        for weight, state in self.state.items():
            if weight.grad is None:
                continue
            state["step"] = step = int(state["step"]) + 1
            rows, gradient = weight.grad._indices()[0], weight.grad._values()
            mean = _update_rows(state["exp_avg"], rows, gradient, _BETAS[0])
            square = _update_rows(state["exp_avg_sq"], rows, gradient.pow(2), _BETAS[1])
            first, second = (1 - beta**step for beta in _BETAS)
            rate = -self.defaults["lr"] * math.sqrt(second) / first
            change = rate * mean.div_(square.sqrt_().add_(_EPSILON))
            weight.index_copy_(0, rows, weight.index_select(0, rows).add_(change))


def _update_rows(averages: Tensor, rows: Tensor, values: Tensor, beta: float) -> Tensor:
    """Update running averages in place; return those of the rows."""
    old = averages.index_select(0, rows)
    new = values.sub(old).mul_(1 - beta).add_(old)
    averages.index_copy_(0, rows, new)
    return new


class MovingAverage:
    """Exponential moving average of weights (Polyak and Juditsky, 1992).

    It is as good as a learning rate that decays, and needs not know when training ends. At the
    ``n``-th update it keeps ``share`` of itself, or (1 + n) / (10 + n) where that is less.
    """

    def __init__(self, weights: Sequence[Tensor], share: float) -> None:
        self.weights, self.share, self.updates = weights, share, 0
        self.average = [w.detach().clone() for w in weights] if share else []

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the weights as they are."""
        self.updates += 1
        share = min(self.share, (1 + self.updates) / (10 + self.updates))
        if self.average:
            torch._foreach_lerp_(self.average, list(self.weights), 1 - share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Replace the weights by their averages inside the block."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for weight, average in zip(self.weights, self.average, strict=bool(self.average)):
            weight.data, average.data = average.data, weight.data


class Optimizer:
    """Adam for all parameters of a tagger; on a GPU, no method waits for it.

    A batch touches a few hundred rows of the ``embeddings``, which may have hundreds of thousands:
    their gradients are sparse, and `RowAdam` updates them. The ``rest`` has Adam as it was
    published (Kingma and Ba, 2014).
    """

    def __init__(
        self, tagger: SequenceTagger, learning_rate: float, averaging: float = 0.0
    ) -> None:
        layers = (each for each in tagger.modules() if isinstance(each, nn.Embedding))
        self.embeddings = [layer.weight for layer in layers]
        self.rest = [p for p in tagger.parameters() if all(p is not e for e in self.embeddings)]
        self._adams: dict[str, torch.optim.Optimizer] = {
            "rest": torch.optim.Adam(self.rest, lr=learning_rate, fused=True)
        }
        if self.embeddings:
            self._adams = {"rows": RowAdam(self.embeddings, learning_rate), **self._adams}
        self.average = MovingAverage([*self.embeddings, *self.rest], averaging)

    def zero_grad(self) -> None:
        """Remove all gradients."""
        for parameter in (*self.embeddings, *self.rest):
            parameter.grad = None

    def clip(self, norm: float) -> None:
        """Scale all gradients down if together they are longer than ``norm``."""
        gradients = []
        for weight in self.embeddings:
            if weight.grad is not None:
                if weight.grad.device.type == "cpu":  # on a GPU each row already occurs once
                    weight.grad = weight.grad.coalesce()
                gradients.append(weight.grad._values())
        gradients += [weight.grad for weight in self.rest if weight.grad is not None]
        length = torch.nn.utils.get_total_norm(gradients)
        if length.device.type == "cpu" and length + 1e-6 <= norm:
            return  # a GPU would be waited for
        torch._foreach_mul_(gradients, (norm / (length + 1e-6)).clamp(max=1.0))

    def step(self) -> None:
        """Update the parameters by their gradients, which `clip` has prepared."""
        for adam in self._adams.values():
            adam.step()
        self.average.update()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state as ``rows/0/exp_avg`` and so on, with torch's names."""
        average = {"average/updates": torch.tensor(self.average.updates)}
        average |= {f"average/{n}": each for n, each in enumerate(self.average.average)}
        return average | {
            f"{part}/{number}/{name}": torch.as_tensor(value)
            for part, adam in self._adams.items()
            for number, state in adam.state_dict()["state"].items()
            for name, value in state.items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Load a `state_dict` from any device."""
        states: dict[str, dict[int, dict[str, Tensor]]] = {part: {} for part in self._adams}
        self.average.updates = int(state["average/updates"])
        for n, average in enumerate(self.average.average):
            average.copy_(state[f"average/{n}"])
        for key, value in state.items():
            part, number, *name = key.split("/")
            if name:
                states[part].setdefault(int(number), {})[name[0]] = value
        for part, adam in self._adams.items():
            adam.load_state_dict({**adam.state_dict(), "state": states[part]})
