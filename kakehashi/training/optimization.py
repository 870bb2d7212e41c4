"""Adam on gradients of bounded length, row by row on embeddings."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from kakehashi.model.tagger import Tagger
from kakehashi.training.rows import RowAdam


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
