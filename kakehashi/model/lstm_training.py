"""The training of a bidirectional LSTM in machine code: its states, and gradients through them.

Imported only where numba is installed. Of float32 weights, each product takes what its type says:
bfloat16 halves its time on processors that multiply it, and sums stay in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.model.training_kernels import (
    add_rows,
    gather_gradients,
    prepare,
    run_backward,
    run_forward,
)
from kakehashi.runtime.lstm_kernels import ROWS
from kakehashi.runtime.vector_code import COLUMNS, UNITS

_Array = npt.NDArray[np.float32]
_Rough = npt.NDArray[Any]  # float32, or bfloat16 as int16


class _Kept(NamedTuple):
    """What a direction keeps for the way back; see `run_forward`."""

    gates: _Array
    cells: _Array
    states: _Array
    inputs: _Rough
    packed: _Rough


class _TrainedStates(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's, with what is kept for the way back
        inputs: Tensor,
        rows: Tensor | None,
        ragged: RaggedOrder,
        wanted: Tensor,
        dtype: torch.dtype,
        *weights: Tensor,
    ) -> Tensor:
        """Project distinct items, then go through the steps of each direction."""
        places = (ragged.order if rows is None else rows[ragged.order]).numpy()
        items, width = inputs.to(dtype), weights[1].shape[1]
        rough = np.int16 if dtype is torch.bfloat16 else np.float32
        n_blocks, group = -(-width // UNITS), 4 // np.dtype(rough).itemsize
        n_columns, n_rows = n_blocks * COLUMNS, ragged.n_items + ROWS - 1
        from_inputs = np.empty((2, n_columns, items.shape[1]), rough)
        biases = np.empty((2, n_blocks, COLUMNS), np.float32)
        forward = np.empty((2, n_blocks, n_blocks * UNITS // group, COLUMNS * group), rough)
        backward = np.empty((2, -(-width // COLUMNS), n_columns // group, COLUMNS * group), rough)
        for side in (0, 1):
            arrays = (each.detach().numpy() for each in weights[4 * side : 4 * side + 4])
            prepare(*arrays, from_inputs[side], biases[side].ravel(), forward[side], backward[side])
        together = _tensor(from_inputs, dtype).view(2 * n_columns, -1)
        projected, output = (
            _array(items @ together.t()),
            np.empty((wanted.shape[0] // 2, 2, width), np.float32),
        )
        kept, sizes = [], np.array(ragged.sizes)
        ends = wanted.numpy().reshape(-1, 2) - [0, ragged.n_items]
        for side in (0, 1):
            gates = np.empty((n_rows, n_columns), np.float32)
            cells, states = np.empty((2, n_rows, n_columns // 4), np.float32)
            factors = states if rough is np.float32 else np.empty_like(states, rough)
            run_forward(
                projected, places[side], side * n_columns, biases[side], forward[side], sizes,
                gates, cells, states, factors, ends[:, side], output[:, side],
            )  # fmt: skip
            kept.append(_Kept(gates, cells, states, factors, backward[side]))
        ctx.kept = items, places, together, kept, sizes, ends
        ctx.ragged, ctx.width = ragged, width
        return torch.from_numpy(output).view(-1, 2 * width)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """Go back through the steps, then multiply once for each of the weights."""
        items, places, together, kept, sizes, ends = ctx.kept
        ragged, width, n_items = ctx.ragged, ctx.width, ctx.ragged.n_items
        grad_inputs = torch.zeros(items.shape) if ctx.needs_input_grad[0] else None
        outside = grad_output.contiguous().numpy().reshape(-1, 2, width)
        gradients: list[Tensor | None] = []
        for side, part in enumerate(kept):
            grad_gates = np.empty(part.gates.shape, part.inputs.dtype)
            grad_bias = np.empty(part.gates.shape[1], np.float32)
            run_backward(
                outside[:, side], ends[:, side], part.packed, sizes,
                part.gates[:n_items], part.cells, part.states, grad_gates, grad_bias,
            )  # fmt: skip
            grad = _tensor(grad_gates, items.dtype)[:n_items]
            if grad_inputs is not None:
                product = grad @ together.chunk(2)[side]
                add_rows(_array(product), places[side], grad_inputs.numpy())
            of_items = grad.t() @ items.index_select(0, torch.from_numpy(places[side]))
            last_states = _tensor(part.inputs, items.dtype).index_select(0, ragged.previous)
            of_states = grad[ragged.n_sequences :].t() @ last_states
            weights = [torch.empty(4 * width, n) for n in (items.shape[1], width)]
            bias = torch.empty(4 * width)
            gather_gradients(
                _array(of_items), _array(of_states), grad_bias,
                *(each.numpy() for each in (*weights, bias)),
            )  # fmt: skip
            gradients += [*weights, bias, bias.clone()]  # each is scaled by itself
        return grad_inputs, None, None, None, None, *gradients


train_states: Callable[..., Tensor] = _TrainedStates.apply
"""Compute states, forward beside backward (rows, 2 · width); gradients come back through them.

Takes distinct items (distinct items, input width), the row in them per item or None, the
`RaggedOrder`, which states are wanted, as its ``items`` and ``final`` are (2 · rows,), the type of
what is multiplied, bfloat16 or float32, and the float32 weights of both directions as
`torch.nn.LSTM` has them.
"""


def _array(tensor: Tensor) -> _Rough:
    """Share memory; numpy has no bfloat16."""
    return (tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor).numpy()


def _tensor(array: _Rough, dtype: torch.dtype) -> Tensor:
    """Do the opposite of `_array`."""
    return torch.from_numpy(array).view(dtype)
