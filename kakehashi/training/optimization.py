"""Adam on gradients of bounded length, row by row on embeddings."""

from __future__ import annotations

import torch
from torch import Tensor

from kakehashi.model.tagger import Tagger


class Optimization:
    """One step of learning after another.

    A batch touches a few hundred rows of embeddings that may have hundreds of thousands. Their
    gradients are sparse, and Adam updates touched rows only, moments included (the lazy variant);
    all other parameters have Adam as it was published (Kingma and Ba, 2014).

    Args:
        tagger: Its parameters are changed in place.
        learning_rate: Of Adam.
        clip_norm: Longest gradient over all parameters; a longer one is scaled down to it.
    """

    def __init__(self, tagger: Tagger, learning_rate: float, clip_norm: float) -> None:
        rows = [tagger.char.embedding.weight, tagger.word.embedding.weight]
        rest = [p for p in tagger.parameters() if all(p is not row for row in rows)]
        self._parameters = [*rows, *rest]
        self._clip_norm = clip_norm
        self._optimizers: dict[str, torch.optim.Optimizer] = {
            "rows": torch.optim.SparseAdam(rows, lr=learning_rate),
            "rest": torch.optim.Adam(rest, lr=learning_rate, fused=True),
        }

    def step(self, loss: Tensor) -> None:
        """Go one step down the gradient of a loss."""
        for parameter in self._parameters:
            parameter.grad = None
        loss.backward()
        self._clip()
        for optimizer in self._optimizers.values():
            optimizer.step()

    def _clip(self) -> None:
        gradients = []
        for parameter in self._parameters:
            if parameter.grad is not None and parameter.grad.is_sparse:
                parameter.grad = parameter.grad.coalesce()
                gradients.append(parameter.grad.values())
            elif parameter.grad is not None:
                gradients.append(parameter.grad)
        length = torch.nn.utils.get_total_norm(gradients)
        torch._foreach_mul_(gradients, (self._clip_norm / (length + 1e-6)).clamp(max=1.0))

    def moments(self) -> dict[str, Tensor]:
        """Lay the state of Adam out flat, ``rows/0/exp_avg`` and so on."""
        return {
            f"{part}/{number}/{name}": torch.as_tensor(value)
            for part, optimizer in self._optimizers.items()
            for number, state in optimizer.state_dict()["state"].items()
            for name, value in state.items()
        }

    def restore(self, moments: dict[str, Tensor]) -> None:
        """Put the state that `moments` gave back."""
        for part, optimizer in self._optimizers.items():
            states: dict[int, dict[str, Tensor | int]] = {}
            for key, value in moments.items():
                of_part, number, name = key.split("/")
                if of_part == part:
                    # SparseAdam counts its steps in an int, and is exact only with one.
                    count = part == "rows" and name == "step"
                    states.setdefault(int(number), {})[name] = int(value) if count else value
            optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
