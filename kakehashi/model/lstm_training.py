"""The training of a bidirectional LSTM in machine code: its states, and gradients through them.

Imported only where numba is installed. Of float32 weights, each product takes what its type says:
bfloat16 halves its time on processors that multiply it, and sums stay in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.model.training_kernels import (
    from_blocks,
    pack,
    run_backward,
    run_forward,
    to_blocks,
)
from kakehashi.runtime.lstm_kernels import ROWS
from kakehashi.runtime.vector_code import COLUMNS, UNITS


class _TrainedStates(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's, with what is kept for the way back
        inputs: Tensor,
        rows: Tensor | None,
        ragged: RaggedOrder,
        dtype: torch.dtype,
        *weights: Tensor,
    ) -> Tensor:
        """Project distinct items, then go through the steps of each direction."""
        places = ragged.order if rows is None else rows[ragged.order]
        from_inputs = torch.cat([_to_blocks(weights[n], dtype) for n in (0, 4)])
        items, n_columns = inputs.to(dtype), len(from_inputs) // 2
        projected, width = items @ from_inputs.t(), weights[1].shape[1]
        n_rows, kept = ragged.n_items + ROWS - 1, list[Tensor]()
        for direction in (0, 1):
            _, from_states, *biases = weights[4 * direction : 4 * direction + 4]
            bias = _to_blocks(torch.add(*biases)[:, None], torch.float32).view(-1, COLUMNS)
            forward, backward = _packed(from_states.to(dtype))
            gates = torch.empty(n_rows, n_columns)
            cells, states = torch.empty(2, n_rows, n_columns // 4)
            factors = states if dtype is torch.float32 else torch.empty_like(states, dtype=dtype)
            run_forward(
                _array(projected), places[direction].numpy(), direction * n_columns, bias.numpy(),
                _array(forward), np.array(ragged.sizes),
                *map(_array, (gates, cells, states, factors)),
            )  # fmt: skip
            kept += [gates, cells, states, factors, backward]
        ctx.save_for_backward(items, places, from_inputs, *kept)
        ctx.ragged, ctx.width = ragged, width
        return torch.cat([states[: ragged.n_items, :width] for states in kept[2::5]])

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """Go back through the steps, then multiply once for each of the weights."""
        items, places, from_inputs, *kept = ctx.saved_tensors
        ragged, width, n_items = ctx.ragged, ctx.width, ctx.ragged.n_items
        grad_inputs = torch.zeros(items.shape) if ctx.needs_input_grad[0] else None
        gradients: list[Tensor | None] = []
        for direction, from_input in enumerate(from_inputs.chunk(2)):
            gates, cells, states, factors, packed = kept[5 * direction : 5 * direction + 5]
            grad_states = torch.zeros_like(states)
            grad_states[:n_items, :width] = grad_output[direction * n_items :][:n_items]
            grad_gates = torch.empty_like(gates, dtype=items.dtype)
            grad_bias = gates.new_zeros(gates.shape[1])
            run_backward(
                grad_states.numpy(), _array(packed), np.array(ragged.sizes),
                *map(_array, (gates[:n_items], cells, states, grad_gates, grad_bias)),
            )  # fmt: skip
            grad = grad_gates[:n_items]
            if grad_inputs is not None:
                grad_inputs.index_add_(0, places[direction], (grad @ from_input).float())
            last_states = factors.index_select(0, ragged.previous)
            products = (
                (grad.t() @ items.index_select(0, places[direction]), items.shape[1]),
                (grad[ragged.n_sequences :].t() @ last_states, width),
                (grad_bias[:, None], 1),
            )
            of_inputs, of_states, bias = (_from_blocks(each, n, width) for each, n in products)
            gradients += [of_inputs, of_states, bias[:, 0], bias[:, 0]]
        return grad_inputs, None, None, None, *gradients


train_states: Callable[..., Tensor] = _TrainedStates.apply
"""Compute all states in steps order, forward before backward (2 · items, width).

Gradients come back through them. Takes distinct items (distinct items, input width), the row in
them per item or None, the `RaggedOrder`, the type of what is multiplied, bfloat16 or float32, and
the float32 weights of both directions as `torch.nn.LSTM` has them.
"""


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    """Share memory; numpy has no bfloat16."""
    return (tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor).numpy()


def _packed(from_states: Tensor) -> tuple[Tensor, Tensor]:
    """Do `pack` of weights (4 · width, width); both results have their type."""
    width, group = from_states.shape[1], 4 // from_states.itemsize
    weight, n_blocks = nn.functional.pad(from_states, (0, width % group)), -(-width // UNITS)
    # numpy's zeros would be new memory of the system every time.
    forward, backward = (
        torch.zeros(n, n_inputs // group, COLUMNS, dtype=torch.int32)
        for n, n_inputs in (
            (n_blocks, n_blocks * UNITS),
            (-(-width // COLUMNS), n_blocks * COLUMNS),
        )
    )
    words = (each.view(torch.int32).numpy().view(np.uint32) for each in (weight, forward, backward))
    pack(*words, group)
    return forward.view(weight.dtype), backward.view(weight.dtype)


def _to_blocks(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Do `to_blocks`, rounded to a type."""
    n_blocks = -(-len(weight) // COLUMNS)
    blocks = torch.zeros(n_blocks * COLUMNS, weight.shape[1], dtype=dtype)
    to_blocks(_array(weight.to(dtype)), _array(blocks))
    return blocks


def _from_blocks(blocks: Tensor, n_columns: int, width: int) -> Tensor:
    """Do `from_blocks` (4 · width, columns)."""
    weight = torch.empty(4 * width, n_columns)
    from_blocks(_array(blocks), weight.numpy())
    return weight
