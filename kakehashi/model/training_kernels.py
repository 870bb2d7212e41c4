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
from kakehashi.runtime.kernels import inlined, machine_code
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
    wanted: Ids,
    output: _Array,
) -> None:
    """Write gates (items, 64 · blocks), cells and states (items, 16 · blocks) of one direction.

    ``projected`` is what distinct items add to the gates, from ``column`` on, ``places`` the row in
    it per item (items,), ``packed`` the weights (blocks, …) of `prepare`, ``bias`` (blocks, 64).
    ``inputs`` are the states as products take them; in float32 they are the same array. Of those
    ``wanted`` (rows,) ``output`` gets the numbers without those that fill up (rows, width).
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
    for row in range(len(wanted)):
        output[row] = states[wanted[row], : output.shape[1]]


@machine_code
def run_backward(
    grad_output: _Array,
    wanted: Ids,
    packed: _Rough,
    sizes: Ids,
    gates: _Array,
    cells: _Array,
    states: _Array,
    grad_gates: _Rough,
    grad_bias: _Array,
) -> None:
    """Write the gradient of the gates before sigmoid and tanh (items, 64 · blocks).

    Write that of the bias, their sum, to ``grad_bias`` (64 · blocks,). Other shapes are those of
    `run_forward`, which left gates, cells and states; ``packed`` are the weights of `prepare` for
    the way back.
    """
    n_inputs, n_blocks = packed.shape[1], gates.shape[1] // COLUMNS
    grad_states = np.zeros_like(states)
    for row in range(len(wanted)):
        grad_states[wanted[row], : grad_output.shape[1]] = grad_output[row]
    grad_bias[:] = 0
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


@intrinsic
def _narrow(_: Any, number: Any, like: Any) -> Any:
    """Round float32 to what an array has: to bfloat16, as int16, ties to even; or not at all."""

    def generate(context: Any, b: ir.IRBuilder, __: Any, values: Any) -> Any:
        if like.dtype == types.float32:
            return values[0]
        word, half = ir.IntType(32), ir.Constant(ir.IntType(32), 16)
        bits = b.bitcast(values[0], word)
        odd = b.and_(b.lshr(bits, half), ir.Constant(word, 1))
        rounded = b.add(b.add(bits, ir.Constant(word, 0x7FFF)), odd)
        return b.trunc(b.lshr(rounded, half), ir.IntType(16))

    return like.dtype(types.float32, like), generate


@intrinsic
def _wide(_: Any, number: Any) -> Any:
    """Turn bfloat16, as int16, into float32; leave that as it is."""

    def generate(context: Any, b: ir.IRBuilder, __: Any, values: Any) -> Any:
        if number == types.float32:
            return values[0]
        word = ir.IntType(32)
        return b.bitcast(b.shl(b.zext(values[0], word), ir.Constant(word, 16)), ir.FloatType())

    return types.float32(number), generate


@inlined
def _place(gate: int, unit: int) -> int:
    """Return where a gate of a unit stands in blocks."""
    return unit // UNITS * COLUMNS + gate * UNITS + unit % UNITS


@machine_code
def prepare(
    from_inputs: _Array,
    from_states: _Array,
    bias: _Array,
    more: _Array,
    inputs: _Rough,
    biases: _Array,
    forward: _Rough,
    backward: _Rough,
) -> None:
    """Arrange the weights of a direction as products and gates read them, rounded.

    Of weights (4 · width, input width), (4 · width, width), and of two biases (4 · width,), become
    ``inputs`` (64 · blocks, input width) and ``biases`` (64 · blocks,); ``forward`` (blocks,
    inputs, 64) is for products with states, ``backward`` (blocks of 64 units, gates, 64) for those
    with gradients of gates, each number of 32 bits: one of float32, or two of bfloat16 of
    neighbouring inputs.
    """
    width, group = len(from_states) // 4, 4 // inputs.itemsize
    rough = np.zeros((4 * width, width + width % group), inputs.dtype)
    inputs[-COLUMNS:], biases[:], forward[:], backward[:] = 0, 0, 0, 0
    for gate in range(4):
        for unit in range(width):
            row, place = gate * width + unit, _place(gate, unit)
            biases[place] = bias[row] + more[row]
            for i in range(inputs.shape[1]):
                inputs[place, i] = _narrow(from_inputs[row, i], inputs)  # type: ignore[call-arg]
            for i in range(width):
                rough[row, i] = _narrow(from_states[row, i], inputs)  # type: ignore[call-arg]
    word = np.uint32
    _pack(rough.view(word), forward.view(word), backward.view(word), group)


@inlined
def _pack(weight: _Words, forward: _Words, backward: _Words, group: int) -> None:
    """Pack the weights from states, as `prepare` says, in words of 32 bits."""
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


@machine_code
def gather_gradients(
    of_inputs: _Rough,
    of_states: _Rough,
    of_bias: _Array,
    from_inputs: _Array,
    from_states: _Array,
    bias: _Array,
) -> None:
    """Undo the blocks of gradients: write them as the weights stand, in float32."""
    width = len(from_states) // 4
    for gate in range(4):
        for unit in range(width):
            row, place = gate * width + unit, _place(gate, unit)
            bias[row] = of_bias[place]
            for i in range(from_inputs.shape[1]):
                from_inputs[row, i] = _wide(of_inputs[place, i])  # type: ignore[call-arg]
            for i in range(width):
                from_states[row, i] = _wide(of_states[place, i])  # type: ignore[call-arg]


@machine_code
def add_rows(products: _Rough, places: Ids, sums: _Array) -> None:
    """Add products (items, any) to the rows at ``places`` (items,) of sums in float32."""
    for item in range(len(places)):
        row = sums[places[item]]
        for i in range(len(row)):
            row[i] += _wide(products[item, i])  # type: ignore[call-arg]
