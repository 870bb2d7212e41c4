"""The steps of an LSTM in training, forward and back, as machine code; one direction a call.

Imported only where numba is installed. Gates stand in *blocks* of 16 units (see
`kakehashi.runtime.vector_code`), and widths are filled up to whole blocks with zeros. Items are in
steps order: those of the first step, those of the second, …, as many as ``sizes`` has (steps,). A
product may read five rows too many, which arrays that end with items or steps must have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kakehashi.data.batches import Ids
from kakehashi.model.gate_code import build_backward, build_forward
from kakehashi.runtime.kernels import machine_code
from kakehashi.runtime.lstm_kernels import ROWS, multiply
from kakehashi.runtime.vector_code import COLUMNS, UNITS

_Array = npt.NDArray[np.float32]
_Rough = npt.NDArray[Any]  # float32, or bfloat16 as int16
_Words = npt.NDArray[np.uint32]


@intrinsic
def _apply_forward(
    _: Any, like: Any, sums: Any, items: Any, before: Any, gates: Any, cells: Any, states: Any,
    inputs: Any,
) -> Any:  # fmt: skip
    """Make `build_forward` a function for numba, of an array, to know its type, and addresses."""

    def generate(context: Any, b: ir.IRBuilder, __: Any, values: Any) -> Any:
        build_forward(b, list(values[1:]), is_rough=like.dtype == types.int16)
        return context.get_dummy_value()

    return types.void(like, *[types.intp] * 7), generate


@intrinsic
def _apply_backward(
    _: Any, like: Any, outside: Any, sums: Any, gates: Any, states: Any, before: Any,
    grad_cells: Any, grad_gates: Any, grad_bias: Any,
) -> Any:  # fmt: skip
    """Make `build_backward` a function for numba likewise."""

    def generate(context: Any, b: ir.IRBuilder, __: Any, values: Any) -> Any:
        build_backward(b, list(values[1:]), is_rough=like.dtype == types.int16)
        return context.get_dummy_value()

    return types.void(like, *[types.intp] * 8), generate


@machine_code
def run_forward(
    projected: _Rough,
    places: Ids,
    column: int,
    bias: _Array,
    packed: _Rough,
    sizes: Ids,
    gates: _Array,
    cells: _Array,
    states: _Array,
    inputs: _Rough,
) -> None:
    """Write gates (items, 64 · blocks), cells and states (items, 16 · blocks) of one direction.

    ``projected`` is what distinct items add to the gates, from ``column`` on, ``places`` the row in
    it per item (items,), ``packed`` the weights (blocks, …) of `pack`, ``bias`` (blocks, 64).
    ``inputs`` are the states as products take them; in float32 they are the same array.
    """
    n_blocks, n_inputs = packed.shape[0], packed.shape[1]
    sums, zeros = np.empty((ROWS, COLUMNS), np.float32), np.zeros(UNITS, np.float32)
    begin, before = 0, 0
    for step in range(len(sizes)):
        for block in range(n_blocks):
            for first in range(0, sizes[step], ROWS):
                n_rows = min(ROWS, sizes[step] - first)
                if step:
                    multiply(
                        n_rows, sums.ctypes.data, bias[block].ctypes.data, packed[block],
                        inputs[before + first].ctypes.data, inputs.strides[0], n_inputs,
                    )  # fmt: skip
                for row in range(n_rows):
                    item, unit, gate = begin + first + row, block * UNITS, block * COLUMNS
                    old = cells[before + first + row, unit:] if step else zeros
                    total = sums[row] if step else bias[block]
                    _apply_forward(  # type: ignore[call-arg]
                        projected, total.ctypes.data,
                        projected[places[item], column + gate :].ctypes.data, old.ctypes.data,
                        gates[item, gate:].ctypes.data, cells[item, unit:].ctypes.data,
                        states[item, unit:].ctypes.data, inputs[item, unit:].ctypes.data,
                    )  # fmt: skip
        before, begin = begin, begin + sizes[step]


@machine_code
def run_backward(
    grad_states: _Array,
    packed: _Rough,
    sizes: Ids,
    gates: _Array,
    cells: _Array,
    states: _Array,
    grad_gates: _Rough,
    grad_bias: _Array,
) -> None:
    """Write the gradient of the gates before sigmoid and tanh (items, 64 · blocks).

    Add that of the bias, their sum, to ``grad_bias`` (64 · blocks,). Other shapes are those of
    `run_forward`, which left gates, cells and states; ``packed`` are the weights of `pack` for the
    way back.
    """
    n_inputs, n_blocks = packed.shape[1], gates.shape[1] // COLUMNS
    sums, zeros = np.zeros((ROWS, COLUMNS), np.float32), np.zeros(COLUMNS, np.float32)
    grad_cells = np.zeros((sizes[0], gates.shape[1] // 4), np.float32)
    end, later = len(gates), 0
    for step in range(len(sizes) - 1, -1, -1):
        begin = end - sizes[step]
        before = begin - sizes[step - 1] if step else 0
        for wide in range(len(packed)):
            for first in range(0, sizes[step], ROWS):
                n_rows = min(ROWS, sizes[step] - first)
                n_later = max(0, min(n_rows, later - first))
                if n_later:
                    multiply(
                        n_later, sums.ctypes.data, zeros.ctypes.data, packed[wide],
                        grad_gates[end + first].ctypes.data, grad_gates.strides[0], n_inputs,
                    )  # fmt: skip
                sums[n_later:] = 0
                for row in range(n_rows):
                    item, sequence = begin + first + row, first + row
                    for block in range(4 * wide, min(4 * wide + 4, n_blocks)):
                        unit, gate = block * UNITS, block * COLUMNS
                        old = cells[before + sequence, unit:] if step else zeros
                        _apply_backward(  # type: ignore[call-arg]
                            grad_gates, grad_states[item, unit:].ctypes.data,
                            sums[row, unit % COLUMNS :].ctypes.data, gates[item, gate:].ctypes.data,
                            states[item, unit:].ctypes.data, old.ctypes.data,
                            grad_cells[sequence, unit:].ctypes.data,
                            grad_gates[item, gate:].ctypes.data, grad_bias[gate:].ctypes.data,
                        )  # fmt: skip
        end, later = begin, sizes[step]


@machine_code
def pack(weight: _Words, forward: _Words, backward: _Words, group: int) -> None:
    """Arrange the weights from states to gates (4 · width, width) as products read them.

    Into zeros: ``forward`` (blocks, inputs, 64) for products with states, ``backward`` (blocks of
    64 units, gates, 64) for products with gradients of gates. All are words of 32 bits: a ``group``
    of one number of float32, or of two of bfloat16, of neighbouring inputs.
    """
    n_words, width = weight.shape[1], len(weight) // 4
    low = np.uint32(0xFFFF)
    for first in range(0, width, UNITS):
        block, n_units = first // UNITS, min(UNITS, width - first)
        for gate in range(4):
            rows, column = weight[gate * width + first :], gate * UNITS
            for word in range(n_words):
                for unit in range(n_units):
                    forward[block, word, column + unit] = rows[unit, word]
            for unit in range(0, n_units, group):
                place = (block * COLUMNS + column + unit) // group
                one = rows[unit]
                if group == 1:
                    for word in range(n_words):
                        backward[word // COLUMNS, place, word % COLUMNS] = one[word]
                    continue
                two, into = rows[min(unit + 1, n_units - 1)], backward[:, place]
                both = np.uint32(unit + 1 < n_units)  # else there is no second one
                for word in range(n_words):
                    part, at = into[word // 32], word % 32 * 2
                    part[at] = one[word] & low | two[word] * both << 16
                    part[at + 1] = one[word] >> 16 | two[word] * both & ~low


@intrinsic
def _wide(_: Any, number: Any) -> Any:
    """Turn bfloat16, as int16, into float32; leave that as it is."""

    def generate(context: Any, b: ir.IRBuilder, __: Any, values: Any) -> Any:
        if number == types.float32:
            return values[0]
        word = ir.IntType(32)
        return b.bitcast(b.shl(b.zext(values[0], word), ir.Constant(word, 16)), ir.FloatType())

    return types.float32(number), generate


@machine_code
def to_blocks(weight: _Rough, blocks: _Rough) -> None:
    """Put the gates (4 · width, any) of 16 units side by side (64 · blocks, any)."""
    width = len(weight) // 4
    for gate in range(4):
        for unit in range(width):
            place = unit // UNITS * COLUMNS + gate * UNITS + unit % UNITS
            blocks[place] = weight[gate * width + unit]


@machine_code
def from_blocks(blocks: _Rough, weight: _Array) -> None:
    """Do the opposite of `to_blocks`, of as many columns as the weight has, in float32."""
    width = len(weight) // 4
    for gate in range(4):
        for unit in range(width):
            row, place = weight[gate * width + unit], unit // UNITS * COLUMNS + unit % UNITS
            block = blocks[place + gate * UNITS]
            for i in range(len(row)):
                row[i] = _wide(block[i])  # type: ignore[call-arg]
