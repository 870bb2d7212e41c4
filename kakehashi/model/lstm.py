"""A bidirectional LSTM over ragged sequences, without padding and near the processor's limit.

One call does few large products instead of many small ones: the input projections of all items come
first, the weight gradients last, and each step in between is one product and one pass over its
gates. Items stay in flat rows, one sequence after the other; `Layout` says where each goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from kakehashi.model.cell import closer, opener
from kakehashi.model.layout import Layout

# The first call of such a function must not run on two threads at once: MKL before 2025.0 may then
# answer with its least exact kernel (pytorch/pytorch#188792). One element runs on one thread. The
# square root is for Adam.
for _function in (torch.tanh, torch.exp, torch.log, torch.sqrt):
    for _dtype in (torch.float32, torch.float64):
        _function(torch.ones(1, dtype=_dtype))


_FEW = 20


class _Weights(NamedTuple):
    """The weights of one or both directions (d), stacked."""

    inputs: Tensor  # (d, input width, 4 · width)
    bias: Tensor  # (d, 1, 4 · width)
    states: Tensor  # (d, 4 · width, width)
    steps: Tensor  # the same for products from the left (d, width, 4 · width)


class BiLstm(nn.RNNBase):
    """`torch.nn.LSTM` with one bidirectional layer: same parameters, same results, faster on CPU.

    Parameters have its names, shapes and initial distribution, so weights load either way. On a
    GPU the reference runs in any case, through cuDNN.
    """

    def __init__(
        self, input_width: int, width: int, *, kernel: Literal["fused", "torch"] = "fused"
    ) -> None:
        """Draw the weights uniformly between ±1/√width.

        Args:
            input_width: Width of an item.
            width: Width of a state, per direction.
            kernel: ``fused`` for ours, ``torch`` for the reference.
        """
        super().__init__("LSTM", input_width, width, bidirectional=True)
        self.kernel = kernel
        self._ready: tuple[list[tuple[Tensor, int, int]], list[_Weights]] | None = None

    def train(self, mode: bool = True) -> Self:
        """Change between training and evaluation, and forget what was prepared of the weights.

        Fused optimizers change weights without counting a version (torch 2.13).
        """
        self._ready = None
        return super().train(mode)

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
        states = self._states(inputs, layout, rows)
        return states.index_select(0, layout.items).view(layout.n_items, -1)

    def final_states(self, inputs: Tensor, layout: Layout, rows: Tensor | None = None) -> Tensor:
        """Compute the forward state after the last item and the backward one after the first.

        Args and shapes are those of `forward`; returns (sequences, 2 · width).
        """
        states = self._states(inputs, layout, rows)
        return states.index_select(0, layout.final).view(layout.n_sequences, -1)

    def _states(self, inputs: Tensor, layout: Layout, rows: Tensor | None) -> Tensor:
        """Compute all states in steps order, forward before backward (2 · items, width)."""
        if self.kernel == "torch" or inputs.is_cuda:
            return self._reference(inputs, layout, rows)
        training = torch.is_grad_enabled()
        states: list[Tensor] = []
        for weights in self._by_direction() if training else self._stacked():
            order = layout.order[len(states) :][: len(weights.bias)]
            gates = _project(inputs, weights, order, rows)
            if training:
                states.append(_recur(gates, weights.states, weights.steps, layout))
            else:
                states.append(_run(gates, weights.steps, layout.sizes)[0])
        return torch.cat(states).view(-1, self.hidden_size)

    def _by_direction(self) -> list[_Weights]:
        """Stack the weights of the directions that go together.

        Two threads share a product over both directions; for one thread the directions run one
        after the other, so that the weights of a step fit its cache.
        """
        both = self.all_weights
        groups = [both] if torch.get_num_threads() > 1 else [both[:1], both[1:]]
        stacked = []
        for group in groups:
            inputs, states, bias, more = (_stack(weights) for weights in zip(*group, strict=True))
            steps = states.detach().transpose(1, 2).contiguous()
            stacked.append(_Weights(inputs.transpose(1, 2), (bias + more)[:, None], states, steps))
        return stacked

    def _stacked(self) -> list[_Weights]:
        """Stack the weights once for many calls, until one changes other than through ``.data``."""
        weights = [weight for direction in self.all_weights for weight in direction]
        if any(weight.is_inference() for weight in weights):
            return self._by_direction()
        # Aliases keep the memory, so that no other weight can appear at the same address.
        now = [(weight.detach(), weight.data_ptr(), weight._version) for weight in weights]
        if self._ready is None or [x[1:] for x in now] != [x[1:] for x in self._ready[0]]:
            self._ready = now, self._by_direction()
        return self._ready[1]

    def _reference(self, inputs: Tensor, layout: Layout, rows: Tensor | None) -> Tensor:
        """Do the same with torch's own LSTM for packed sequences."""
        order = layout.order[0]
        zeros = inputs.new_zeros(2, layout.n_sequences, self.hidden_size)
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


def _stepping(sizes: Sequence[int]) -> Iterator[int]:
    """Pass the sizes of steps on; products of few rows are exact meanwhile.

    In bfloat16 they would be slower, since the weights are packed anew for every product.
    """
    precision = torch.get_float32_matmul_precision()
    try:
        for size in sizes:
            torch.set_float32_matmul_precision(precision if size > _FEW else "highest")
            yield size
    finally:
        torch.set_float32_matmul_precision(precision)


def _stack(weights: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(weights)) if len(weights) > 1 else weights[0][None]


def _project(inputs: Tensor, weights: _Weights, order: Tensor, rows: Tensor | None) -> Tensor:
    """Compute what the items add to the gates, in steps order (d, items, 4 · width)."""
    directions, n_items = order.shape
    if rows is None:
        items = inputs.index_select(0, order.view(-1)).view(directions, n_items, -1)
        return torch.baddbmm(weights.bias, items, weights.inputs)
    distinct = torch.baddbmm(weights.bias, inputs.expand(directions, -1, -1), weights.inputs)
    places = rows[order] + len(inputs) * torch.arange(directions)[:, None]
    return distinct.flatten(0, 1).index_select(0, places.view(-1)).view(directions, n_items, -1)


def _run(
    gates: Tensor, weight: Tensor, sizes: list[int], *, keep_cells: bool = False
) -> tuple[Tensor, Tensor]:
    """Go through the steps; overwrite what the items add to the gates with the open gates.

    Args:
        gates: In steps order (d, items, 4 · width).
        weight: From the last state to the gates (d, width, 4 · width).
        sizes: Sequences running at each step.
        keep_cells: Whether to keep the cells of all steps, for the gradients.

    Returns:
        States (d, items, width), and cells, of all steps or only of the last.
    """
    directions, n_items, width = gates.shape[0], gates.shape[1], weight.shape[1]
    states = gates.new_empty(directions, n_items, width)
    cells = gates.new_empty(directions, n_items if keep_cells else sizes[0], width)
    open_gates = opener(gates, cells, states)
    before, begin = -1, 0
    for size in _stepping(sizes):
        end = begin + size
        if begin:
            gates[:, begin:end].baddbmm_(states[:, before : before + size], weight)
        kept = (begin, before) if keep_cells else (0, min(before, 0))
        open_gates((begin, end), *kept)
        before, begin = begin, end
    return states, cells


class _Recurrence(torch.autograd.Function):
    """The steps of `_run` with their gradients."""

    layout: Layout

    @staticmethod
    def forward(
        ctx: _Recurrence, gates: Tensor, weight: Tensor, transposed: Tensor, layout: Layout
    ) -> Tensor:
        """Run the steps; ``gates`` is given away and holds the open gates afterwards."""
        states, cells = _run(gates, transposed, layout.sizes, keep_cells=True)
        ctx.save_for_backward(gates, cells, states, weight)
        ctx.layout = layout
        return states

    @staticmethod
    def backward(ctx: _Recurrence, of_states: Tensor) -> tuple[Tensor | None, ...]:
        """Go back through the steps, then multiply once for the weights."""
        saved: Sequence[Tensor] = ctx.saved_tensors
        gates, cells, states, weight = saved
        of_gates = _run_back(of_states, gates, cells, weight, ctx.layout.sizes)
        later = of_gates[:, ctx.layout.n_sequences :].transpose(1, 2)
        before = states.index_select(1, ctx.layout.previous)
        return of_gates, torch.bmm(later, before), None, None


_recur: Callable[[Tensor, Tensor, Tensor, Layout], Tensor] = _Recurrence.apply


def _run_back(
    outer: Tensor, gates: Tensor, cells: Tensor, weight: Tensor, sizes: list[int]
) -> Tensor:
    """Compute the gradient of every gate before its sigmoid or tanh (d, items, 4 · width).

    Args:
        outer: Gradient of the states, from outside (d, items, width).
        gates: Open gates (d, items, 4 · width).
        cells: Of all steps (d, items, width).
        weight: From the last state to the gates (d, 4 · width, width).
        sizes: Sequences running at each step.
    """
    of_gates, of_states = (
        torch.empty_like(gates),
        outer.clone(memory_format=torch.contiguous_format),
    )
    of_cells = cells.new_zeros(cells.shape[0], sizes[0], cells.shape[2])
    close_gates = closer(gates, cells, of_states, of_cells, of_gates)
    end, later = gates.shape[1], 0
    for step, size in zip(reversed(range(len(sizes))), _stepping(sizes[::-1]), strict=True):
        begin = end - size
        if later:
            of_state = of_states[:, begin : begin + later]
            of_state.baddbmm_(of_gates[:, end : end + later], weight)
        close_gates((begin, end), begin - sizes[step - 1] if step else -1)
        end, later = begin, size
    return of_gates
