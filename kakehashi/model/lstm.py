"""A bidirectional LSTM over ragged sequences, without padding and near the processor's limit.

One call does few large products instead of many small ones: the input projections of all items come
first, the weight gradients last, and each step in between is one product and one pass over its
gates. Items stay in flat rows, one sequence after the other; `RaggedOrder` has where each goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.model.lstm_steps import RaggedOrder, run_steps
from kakehashi.runtime.steps import is_compiled, multiplies_bfloat16

# The first call of such a function must not run on two threads at once: MKL before 2025.0 may then
# answer with its least exact kernel (pytorch/pytorch#188792). One element runs on one thread. The
# square root is for Adam.
for _function in (torch.tanh, torch.exp, torch.log, torch.sqrt):
    for _dtype in (torch.float32, torch.float64):
        _function(torch.ones(1, dtype=_dtype))

# The weights of both directions for tagging: from inputs to gates (input width, 2 · 4 · width),
# bias (2 · 4 · width,), and from states to gates (2, width, 4 · width).
_Prepared = tuple[Tensor, Tensor, Tensor]


class BiLstm(nn.RNNBase):
    """`torch.nn.LSTM` with one bidirectional layer: same parameters, same results, faster on CPU.

    Parameters have its names, shapes and initial distribution (uniform between ±1/√width), so
    weights load either way. On a GPU torch's own runs in any case, through cuDNN, and in float32 or
    TF32: cuDNN's would take autocast's bfloat16 for float16, whose range is too small for
    gradients. It also trains where the extra ``fast`` is not installed. On a CPU ours multiplies
    what autocast says, bfloat16 or else float32, in training. The kernel is ``fused``, ours, or
    ``torch``; ``width`` is that of a state, per direction.
    """

    def __init__(
        self, input_width: int, width: int, *, kernel: Literal["fused", "torch"] = "fused"
    ) -> None:
        super().__init__("LSTM", input_width, width, bidirectional=True)
        self.kernel = kernel
        self._cache: tuple[list[tuple[int, int]], list[Tensor], _Prepared] | None = None

    def train(self, mode: bool = True) -> Self:
        """Change between training and evaluation."""
        self._cache = None  # fused optimizers change weights without counting a version (2.13)
        return super().train(mode)

    def __getstate__(self) -> dict[str, object]:
        """Leave out what was prepared of the weights, which cannot be pickled."""
        return {**nn.RNNBase.__getstate__(self), "_cache": None}

    def forward(self, inputs: Tensor, ragged: RaggedOrder, rows: Tensor | None = None) -> Tensor:
        """Compute forward and backward state of every item (items, 2 · width).

        Inputs are items, one sequence after the other (items, input width), or with ``rows``, the
        row per item (items,), the distinct ones, each projected once.
        """
        return self._states(inputs, ragged, ragged.items, rows)

    def final_states(
        self, inputs: Tensor, ragged: RaggedOrder, rows: Tensor | None = None
    ) -> Tensor:
        """Compute the states after the last and after the first item (sequences, 2 · width)."""
        return self._states(inputs, ragged, ragged.final, rows)

    @torch.no_grad()
    def project(self, inputs: Tensor) -> Tensor:
        """Compute what `states_of` takes of items (items, input width), which can be cached."""
        if self._is_torch(inputs):
            return inputs
        weights, bias, _ = self._prepared()
        return torch.addmm(bias, inputs, weights)

    @torch.no_grad()
    def states_of(
        self, projected: Tensor, rows: Tensor, lengths: Sequence[int] | npt.NDArray[np.integer]
    ) -> Tensor:
        """Do `forward` without gradients.

        ``projected`` has distinct items, see `project`, ``rows`` the row in it per item (items,),
        ``lengths`` the items per sequence.
        """
        ragged = RaggedOrder(lengths, projected.device)
        run = self._torch_states if self._is_torch(projected) else self._run
        return _wanted(run(projected, ragged, rows), ragged.items)

    def _is_torch(self, inputs: Tensor) -> bool:
        return self.kernel == "torch" or inputs.device.type != "cpu"

    def _states(
        self, inputs: Tensor, ragged: RaggedOrder, wanted: Tensor, rows: Tensor | None
    ) -> Tensor:
        """Compute states, of which ``wanted`` has the rows as `RaggedOrder` does."""
        training, is_rough = torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")
        can_train = multiplies_bfloat16() if is_rough else inputs.dtype is torch.float32
        if self._is_torch(inputs) or (training and not (is_compiled() and can_train)):
            return _wanted(self._torch_states(inputs, ragged, rows), wanted)
        if not training:
            return _wanted(self._run(self.project(inputs), ragged, rows), wanted)
        from kakehashi.model.lstm_training import train_states

        dtype = torch.bfloat16 if is_rough else torch.float32
        weights = [weight for direction in self.all_weights for weight in direction]
        return train_states(inputs, rows, ragged, wanted, dtype, *weights)

    def _run(self, projected: Tensor, ragged: RaggedOrder, rows: Tensor | None) -> Tensor:
        """Compute all states of projected items in steps order (2 · items, width).

        Forward ones come before backward ones; there are no gradients.
        """
        states, width = [], 4 * self.hidden_size
        for direction, weight in enumerate(self._prepared()[2]):
            order = ragged.order[direction]
            columns = slice(direction * width, (direction + 1) * width)
            places = order if rows is None else rows[order]
            states.append(run_steps(projected, columns, places, weight, ragged))
        return torch.cat(states)

    def _prepared(self) -> _Prepared:
        """Prepare the weights once for many calls, until one changes other than by ``.data``."""
        weights = [weight for direction in self.all_weights for weight in direction]
        if any(weight.is_inference() for weight in weights):  # which count no version
            return self._prepare()
        # Aliases keep the memory, so that no other weight can appear at the same address.
        aliases = [weight.detach() for weight in weights]
        versions = [(weight.data_ptr(), weight._version) for weight in weights]
        if self._cache is None or versions != self._cache[0]:
            self._cache = versions, aliases, self._prepare()
        return self._cache[-1]

    def _prepare(self) -> _Prepared:
        inputs, states, bias, more = map(torch.cat, zip(*self.all_weights, strict=True))
        steps = states.view(2, -1, self.hidden_size).transpose(1, 2).contiguous()
        return inputs.t().contiguous(), bias + more, steps

    def _torch_states(self, inputs: Tensor, ragged: RaggedOrder, rows: Tensor | None) -> Tensor:
        """Do `_run`, with gradients, by torch's own LSTM for packed sequences."""
        order = ragged.order[0]
        zeros = inputs.new_zeros(2, ragged.n_sequences, self.hidden_size)
        with torch.autocast("cpu" if inputs.is_cpu else "cuda", enabled=False):
            packed, _, _ = torch.lstm(
                inputs.index_select(0, order if rows is None else rows[order]),
                torch.tensor(ragged.sizes),
                (zeros, zeros),
                [weight for group in self.all_weights for weight in group],
                True, 1, 0.0, torch.is_grad_enabled(), True,
            )  # fmt: skip
        flat = packed.index_select(0, ragged.items[::2]).view(-1, self.hidden_size)
        return flat.index_select(0, torch.cat([2 * order, 2 * ragged.order[1] + 1]))


def _wanted(states: Tensor, rows: Tensor) -> Tensor:
    """Set states of both directions side by side."""
    return states.index_select(0, rows).view(len(rows) // 2, -1)
