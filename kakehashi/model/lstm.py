"""A bidirectional LSTM over ragged sequences, without padding and near the processor's limit.

One call does few large products instead of many small ones: the input projections of all items come
first, the weight gradients last, and each step in between is one product and one pass over its
gates. Items stay in flat rows, one sequence after the other; `Layout` says where each goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.model.lstm_steps import machine_code, recur, run_projected
from kakehashi.model.products import Precision, Product, product
from kakehashi.model.ragged import Layout

# The first call of such a function must not run on two threads at once: MKL before 2025.0 may then
# answer with its least exact kernel (pytorch/pytorch#188792). One element runs on one thread. The
# square root is for Adam.
for _function in (torch.tanh, torch.exp, torch.log, torch.sqrt):
    for _dtype in (torch.float32, torch.float64):
        _function(torch.ones(1, dtype=_dtype))


class _Weights(NamedTuple):
    """The weights of one or both directions (d), stacked."""

    inputs: Tensor  # (d, input width, 4 · width)
    bias: Tensor  # (d, 1, 4 · width)
    states: Tensor  # (d, 4 · width, width)


class _Ready(NamedTuple):
    """The weights of both directions, laid out for tagging."""

    inputs: Tensor  # (input width, 2 · 4 · width)
    bias: Tensor  # (2 · 4 · width,)
    steps: Tensor  # from states to gates (2, width, 4 · width)
    products: list[Product]  # with them


class BiLstm(nn.RNNBase):
    """`torch.nn.LSTM` with one bidirectional layer: same parameters, same results, faster on CPU.

    Parameters have its names, shapes and initial distribution, so weights load either way. On a
    GPU the reference runs in any case, through cuDNN, and in float32 or TF32 in any case: cuDNN's
    would take autocast's bfloat16 for float16, whose range is too small for gradients.

    Attributes:
        kernel: ``fused`` for ours, ``torch`` for the reference.
        precision: Of the products with the states where no gradients are asked for.
    """

    precision: Precision = "float32"

    def __init__(
        self, input_width: int, width: int, *, kernel: Literal["fused", "torch"] = "fused"
    ) -> None:
        """Draw the weights uniformly between ±1/√width.

        Args:
            input_width: Width of an item.
            width: Width of a state, per direction.
            kernel: ``fused`` or ``torch``.
        """
        super().__init__("LSTM", input_width, width, bidirectional=True)
        self.kernel = kernel
        self._ready: tuple[list[object], list[Tensor], _Ready] | None = None

    def train(self, mode: bool = True) -> Self:
        """Change between training and evaluation, and forget what was prepared of the weights.

        Fused optimizers change weights without counting a version (torch 2.13).
        """
        self._ready = None
        return super().train(mode)

    def __getstate__(self) -> dict[str, object]:
        """Leave out what was prepared of the weights, which cannot be pickled."""
        return {**nn.RNNBase.__getstate__(self), "_ready": None}

    def forward(self, inputs: Tensor, layout: Layout, rows: Tensor | None = None) -> Tensor:
        """Compute the states after every item.

        Args:
            inputs: Items, one sequence after the other (items, input width); with ``rows`` the
                distinct items (distinct items, input width), projected only once each.
            layout: Where they go.
            rows: Row in ``inputs`` per item (items,).

        Returns:
            Forward and backward state per item (items, 2 · width).
        """
        return _in_order(self._states(inputs, layout, rows), layout)

    def final_states(self, inputs: Tensor, layout: Layout, rows: Tensor | None = None) -> Tensor:
        """Compute the forward state after the last item and the backward one after the first.

        Args and shapes are those of `forward`; returns (sequences, 2 · width).
        """
        states = self._states(inputs, layout, rows)
        return states.index_select(0, layout.final).view(layout.n_sequences, -1)

    @torch.no_grad()
    def project(self, inputs: Tensor) -> Tensor:
        """Compute of items (items, input width) what does not depend on where they stand.

        Returns:
            What `states_of` takes (items, any width), e.g. to be remembered.
        """
        if self._is_reference(inputs):
            return inputs
        ready = self._prepared()
        return torch.addmm(ready.bias, inputs, ready.inputs)

    @torch.no_grad()
    def states_of(
        self, projected: Tensor, rows: Tensor, lengths: Sequence[int] | npt.NDArray[np.integer]
    ) -> Tensor:
        """Do `forward` on projected items, without gradients.

        A sequence alone is always computed in float32.

        Args:
            projected: What `project` gave (distinct items, any width).
            rows: Row in ``projected`` per item (items,).
            lengths: Items per sequence.
        """
        if len(lengths) == 1 and self._can_be_alone(projected):
            compiled = machine_code(len(rows))
            if compiled is not None:
                return self._one_sequence(compiled, projected, rows)
        layout = Layout(lengths, projected.device)
        run = self._reference if self._is_reference(projected) else self._run
        return _in_order(run(projected, layout, rows), layout)

    def _is_reference(self, inputs: Tensor) -> bool:
        return self.kernel == "torch" or inputs.device.type != "cpu"

    def _states(self, inputs: Tensor, layout: Layout, rows: Tensor | None) -> Tensor:
        """Compute all states in steps order, forward before backward (2 · items, width)."""
        if self._is_reference(inputs):
            return self._reference(inputs, layout, rows)
        if not torch.is_grad_enabled():
            return self._run(self.project(inputs), layout, rows)
        states: list[Tensor] = []
        for weights in self._by_direction():
            order = layout.order[len(states) :][: len(weights.bias)]
            transposed = weights.states.detach().transpose(1, 2).contiguous()
            gates = _project(inputs, weights, order, rows)
            states.append(recur(gates, weights.states, transposed, layout))
        return torch.cat(states).view(-1, self.hidden_size)

    def _run(self, projected: Tensor, layout: Layout, rows: Tensor | None) -> Tensor:
        """Run all steps of projected items; see `_states` for the result."""
        states, width = [], 4 * self.hidden_size
        for direction, product_ in enumerate(self._prepared().products):
            order = layout.order[direction]
            columns = slice(direction * width, (direction + 1) * width)
            places = order if rows is None else rows[order]
            states.append(run_projected(projected, columns, places, product_, layout.sizes))
        return torch.cat(states)

    def _can_be_alone(self, projected: Tensor) -> bool:
        return projected.dtype is torch.float32 and not self._is_reference(projected)

    def _one_sequence(self, compiled: ModuleType, projected: Tensor, rows: Tensor) -> Tensor:
        states = projected.new_empty(len(rows), 2 * self.hidden_size)
        steps = self._prepared().steps
        compiled.run_one_sequence(projected.numpy(), rows.numpy(), steps.numpy(), states.numpy())
        return states

    def _by_direction(self) -> list[_Weights]:
        """Stack the weights of the directions that go together.

        Two threads share a product over both directions; for one thread the directions run one
        after the other, so that the weights of a step fit its cache.
        """
        both = self.all_weights
        groups = [both] if torch.get_num_threads() > 1 else [both[:1], both[1:]]
        return [_stacked(group) for group in groups]

    def _prepared(self) -> _Ready:
        """Prepare the weights once for many calls, until one changes other than by ``.data``."""
        weights = [weight for direction in self.all_weights for weight in direction]
        if any(weight.is_inference() for weight in weights):  # which count no version
            return self._prepare()
        # Aliases keep the memory, so that no other weight can appear at the same address.
        aliases = [weight.detach() for weight in weights]
        versions = [(weight.data_ptr(), weight._version) for weight in weights]
        state: list[object] = [self.precision, *versions]
        if self._ready is None or state != self._ready[0]:
            self._ready = state, aliases, self._prepare()
        return self._ready[-1]

    def _prepare(self) -> _Ready:
        inputs, states, bias, more = (
            torch.cat(both) for both in zip(*self.all_weights, strict=True)
        )
        steps = states.view(2, -1, self.hidden_size).transpose(1, 2).contiguous()
        products = [product(weight, self.precision) for weight in steps]
        return _Ready(inputs.t().contiguous(), bias + more, steps, products)

    def _reference(self, inputs: Tensor, layout: Layout, rows: Tensor | None) -> Tensor:
        """Do the same with torch's own LSTM for packed sequences."""
        order = layout.order[0]
        zeros = inputs.new_zeros(2, layout.n_sequences, self.hidden_size)
        with torch.autocast("cuda", enabled=False):
            packed, _, _ = torch.lstm(
                inputs.index_select(0, order if rows is None else rows[order]),
                torch.tensor(layout.sizes),
                (zeros, zeros),
                [weight for group in self.all_weights for weight in group],
                True,
                1,
                0.0,
                torch.is_grad_enabled(),
                True,
            )
        flat = packed.index_select(0, layout.items[::2]).view(-1, self.hidden_size)
        return flat.index_select(0, torch.cat([2 * order, 2 * layout.order[1] + 1]))


def _in_order(states: Tensor, layout: Layout) -> Tensor:
    """Bring states from steps order to the order of the items (items, 2 · width)."""
    return states.index_select(0, layout.items).view(layout.n_items, -1)


def _stacked(directions: Sequence[Sequence[Tensor]]) -> _Weights:
    """Stack the weights of some directions; those of one are not copied."""
    inputs, states, bias, more = (
        torch.stack(weights) if len(weights) > 1 else weights[0][None]
        for weights in zip(*directions, strict=True)
    )
    return _Weights(inputs.transpose(1, 2), (bias + more)[:, None], states)


def _project(inputs: Tensor, weights: _Weights, order: Tensor, rows: Tensor | None) -> Tensor:
    """Compute what the items add to the gates, in steps order (d, items, 4 · width)."""
    directions, n_items = order.shape
    if rows is None:
        items = inputs.index_select(0, order.view(-1)).view(directions, n_items, -1)
        return torch.baddbmm(weights.bias, items, weights.inputs)
    distinct = torch.baddbmm(weights.bias, inputs.expand(directions, -1, -1), weights.inputs)
    places = rows[order] + len(inputs) * torch.arange(directions)[:, None]
    return distinct.flatten(0, 1).index_select(0, places.view(-1)).view(directions, n_items, -1)
