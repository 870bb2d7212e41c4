"""A bidirectional LSTM over ragged sequences as machine code, in float32 and in 8 bits.

Imported only where numba is installed. One call runs all sequences of a batch, or a single one. At
each step those still running are multiplied in *tiles* of six, whose sums stay in registers; their
gates follow at once, block by block (`kakehashi.runtime.vector_code`), and write states as the next
step multiplies them. What forms add to the gates, the most memory that is read, is fetched a tile
ahead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import binding, ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from kakehashi.data.batches import Ids
from kakehashi.runtime.kernels import inlined, machine_code
from kakehashi.runtime.quantized import STATE_STEPS, quantize
from kakehashi.runtime.vector_code import (
    COLUMNS,
    TO_WHOLE,
    UNITS,
    Instructions,
    build_gates,
    build_product,
    choose,
)

_Array = npt.NDArray[np.float32]
_Items = npt.NDArray[Any]  # float32, or float16 as int16, which numba has no arrays of
_Value = Any  # numba and llvmlite have no types

ROWS = 6
"""Of a tile: with 4 registers of sums each, 24 of 32."""

_KINDS = {types.float32: "float32", types.int8: "int8", types.int16: "bfloat16"}


def _of_this_processor() -> Instructions:
    """Choose among what numba compiles for, which its environment variables may limit."""
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    names = {name[1:] for name in features.split(",") if name.startswith("+")}
    if binding.llvm_version_info < (16,):  # in which bfloat16 was no type of its instructions
        names.discard("avx512bf16")
    return choose(triple.split("-")[0], frozenset(names))


INSTRUCTIONS = _of_this_processor()


def _product(n_rows: int) -> Any:
    """Make `build_product` a function for numba. Weights are an array, to know their type."""

    @intrinsic
    def product(
        _: Any, sums: Any, start: Any, weights: Any, states: Any, stride: Any, n: Any
    ) -> Any:
        def generate(context: Any, b: ir.IRBuilder, __: Any, values: Any) -> Any:
            addresses = [*values[:2], _address(context, b, weights, values[2]), *values[3:]]
            build_product(b, INSTRUCTIONS, n_rows, _KINDS[weights.dtype], addresses)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 2, weights, *[types.intp] * 3), generate

    return product


@intrinsic
def _apply_gates(
    _: Any, sums: Any, like: Any, scales: Any, items: Any, stride: Any, upcoming: Any, cells: Any,
    states: Any, inputs: Any, steps: Any, rounding: Any,
) -> Any:  # fmt: skip
    """Make `build_gates` a function for numba. Sums are an array, and items like another one."""

    def generate(context: Any, b: ir.IRBuilder, __: Any, values: Any) -> Any:
        arguments = [_address(context, b, sums, values[0]), *values[2:]]
        kinds = sums.dtype == types.float32, like.dtype == types.int16
        build_gates(b, INSTRUCTIONS.zero, *kinds, arguments)
        return context.get_dummy_value()

    return types.void(sums, like, *[types.intp] * 7, types.float32, types.float32), generate


def _address(context: Any, b: ir.IRBuilder, kind: types.Array, array: _Value) -> _Value:
    return b.ptrtoint(context.make_array(kind)(context, b, array).data, ir.IntType(64))


_six, _three, _one = map(_product, (ROWS, 3, 1))


@inlined
def multiply(n: int, sums: Any, start: Any, weights: Any, states: Any, stride: Any, k: Any) -> None:
    """Do `build_product` of at least ``n`` rows, at most 6, of which it reads 5 too many at most.

    ``weights`` are the array of a block, all others addresses and numbers.
    """
    if n == 1:
        _one(sums, start, weights, states, stride, k)
    elif n <= 3:
        _three(sums, start, weights, states, stride, k)
    else:
        _six(sums, start, weights, states, stride, k)


@inlined
def _count_running(offsets: Ids, n_running: int, step: int) -> int:
    while offsets[n_running] - offsets[n_running - 1] <= step:
        n_running -= 1
    return n_running


@inlined
def _token(offsets: Ids, direction: int, sequence: int, step: int) -> int:
    """Return the token that a direction reaches at a step, or its last one."""
    begin, last = offsets[sequence], offsets[sequence + 1] - 1
    token: int = max(last - step, begin) if direction else min(begin + step, last)
    return token


@inlined
def _next_token(offsets: Ids, direction: int, sequence: int, step: int, n_running: int) -> int:
    """Return the token that comes a tile later in the place of this one."""
    ahead = sequence + ROWS
    if ahead < n_running:
        return _token(offsets, direction, ahead, step)
    return _token(offsets, direction, sequence % ROWS, step + 1)


@inlined
def _copy_units(item: _Items, width: int, n_units: int, few: _Items) -> None:
    """Copy what an item adds to the gates of the last units, which do not fill a block."""
    for gate in range(4):
        for unit in range(n_units):
            few[gate, unit] = item[gate * width + unit]


@machine_code
def _run(
    projected: _Items,
    rows: Ids,
    offsets: Ids,
    states: _Array,
    packed: npt.NDArray[Any],
    starts: npt.NDArray[Any],
    scales: _Array,
    steps: np.float32,
    rounding: np.float32,
) -> None:
    n_sequences, width = len(offsets) - 1, states.shape[1] // 2
    n_blocks, n_inputs = packed.shape[1], packed.shape[2]
    cells = np.empty((n_sequences, n_blocks * UNITS), np.float32)
    inputs = np.zeros((2, n_sequences + ROWS - 1, n_blocks * UNITS), packed.dtype)
    sums = np.empty((ROWS, COLUMNS), starts.dtype)
    tokens, upcoming = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    few, few_states = np.zeros((4, UNITS), projected.dtype), np.empty(UNITS, np.float32)
    wide = width * projected.itemsize
    for direction in range(2):
        cells[:], sums[:], n_running = 0, 0, n_sequences
        for step in range(offsets[1] - offsets[0]):
            before, after = inputs[step % 2], inputs[1 - step % 2]
            n_running = _count_running(offsets, n_running, step)
            for first in range(0, n_running, ROWS):
                n_rows = min(ROWS, n_running - first)
                for row in range(n_rows):
                    tokens[row] = _token(offsets, direction, first + row, step)
                    token = _next_token(offsets, direction, first + row, step, n_running)
                    upcoming[row] = projected[rows[token], 4 * direction * width :].ctypes.data
                for block in range(n_blocks):
                    unit = block * UNITS
                    n_units = min(UNITS, width - unit)
                    if step:
                        multiply(
                            n_rows, sums.ctypes.data, starts[direction, block].ctypes.data,
                            packed[direction, block], before[first].ctypes.data,
                            before.strides[0], n_inputs,
                        )  # fmt: skip
                    for row in range(n_rows):
                        item = projected[rows[tokens[row]], 4 * direction * width + unit :]
                        state = states[tokens[row], direction * width + unit :]
                        item_at, stride, state_at = item.ctypes.data, wide, state.ctypes.data
                        if n_units < UNITS:
                            _copy_units(item, width, n_units, few)
                            item_at, stride = few.ctypes.data, few.strides[0]
                            state_at = few_states.ctypes.data
                        _apply_gates(  # type: ignore[call-arg]
                            sums[row], projected, scales[direction, block].ctypes.data, item_at,
                            stride, upcoming[row] + projected.itemsize * unit,
                            cells[first + row, unit:].ctypes.data, state_at,
                            after[first + row, unit:].ctypes.data, steps, rounding,
                        )  # fmt: skip
                        for i in range(n_units % UNITS):
                            state[i] = few_states[i]


class MachineSteps:
    """Both directions of an LSTM, with its weights packed for the processor.

    Calls are thread-safe, and do not hold the interpreter's lock.

    Args:
        weights: From states to gates, input, forget, cell, output (2, width, 4 · width).
        precision: ``float32`` or ``int8``; for that see `kakehashi.runtime.quantized`.
    """

    def __init__(self, weights: _Array, precision: str) -> None:
        codes: npt.NDArray[Any]
        if precision == "int8":
            codes, scales = quantize(weights)
            rounding = np.float32(STATE_STEPS), np.float32(TO_WHOLE)
        else:
            codes, scales = weights, np.ones((2, weights.shape[2]), np.float32)
            rounding = np.float32(1), np.float32(0)
        packed_scales = _pack(scales[:, None] / rounding[0], 1)[:, :, 0, :, 0]
        if precision == "int8" and INSTRUCTIONS.dot:
            packed = _pack(codes, 4)
            starts = -INSTRUCTIONS.zero * packed.sum((2, 4), dtype=np.int32)
        else:
            packed = _pack(codes.astype(np.float32), 1)
            starts = np.zeros((*packed.shape[:2], COLUMNS), np.float32)
        self._arguments = packed, starts, packed_scales, *rounding

    def __call__(
        self,
        projected: _Items,
        rows: Ids,
        offsets: Ids,
        states: _Array,
    ) -> None:
        """Write the states of all tokens (tokens, 2 · width).

        ``projected`` is what a form adds to the gates of both directions (forms, 8 · width), in
        float32 or float16, ``rows`` the row in it per token (tokens,). Sentences begin and end at
        ``offsets`` (sentences + 1,), the longest first, none empty.
        """
        items = projected.view(np.int16) if projected.dtype == np.float16 else projected
        _run(items, rows, offsets, states, *self._arguments)


def _pack(weights: npt.NDArray[Any], group: int) -> npt.NDArray[Any]:
    """Arrange weights (2, inputs, gates) as they are read (2, blocks, inputs / group, 64, group).

    Missing units and inputs are zero.
    """
    n_inputs, width = weights.shape[1], weights.shape[2] // 4
    padding = (0, 0), (0, -n_inputs % group), (0, 0), (0, -width % UNITS)
    padded = np.pad(weights.reshape(2, n_inputs, 4, width), padding)
    split = padded.reshape(2, padded.shape[1] // group, group, 4, -1, UNITS)
    blocks = split.transpose(0, 4, 1, 3, 5, 2)
    return np.ascontiguousarray(blocks).reshape(*blocks.shape[:3], COLUMNS, group)
