"""The inner parts of an LSTM step, instruction by instruction, for the processor at hand.

numba compiles loops over arrays, but makes none of them a dot product of bytes, keeps no tile of a
product in registers, and cannot tell that arrays do not overlap. So `build_product`, of a few rows
of states with the weights of 16 units, and `build_gates`, of these units in one row, are built with
llvmlite; `kakehashi.runtime.lstm_kernels` has the loops around them. (numba's cache on disk cannot
see a change of this file alone: then remove ``__pycache__``.)

The gates of 16 units stand side by side in a *block* of 64 columns: 16 of the input gate, forget
gate, cell, output gate.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir

UNITS = 16
COLUMNS = 4 * UNITS  # of a block

TO_WHOLE = 1.5 * 2**23
"""Rounds a float32 to a whole number when it is added, and taken away again."""


class Instructions(NamedTuple):
    """What a processor multiplies with.

    Attributes:
        name: As its maker has it.
        lanes: Numbers of 32 bits in a register.
        n_registers: Registers for them.
        dot: LLVM's name of the instruction that adds to each lane a dot product of four pairs of
            bytes; empty where whole numbers are added up in float32, which is as exact.
        zero: The byte of a state of 0. x86 takes states without a sign, ARM with one.
    """

    name: str
    lanes: int
    n_registers: int
    dot: str = ""
    zero: int = 0


AVX512_VNNI = Instructions("AVX512-VNNI", 16, 32, "llvm.x86.avx512.vpdpbusd.512", 128)
AVX_VNNI = Instructions("AVX-VNNI", 8, 16, "llvm.x86.avx512.vpdpbusd.256", 128)
ARM_DOT = Instructions("ARM dot product", 4, 32, "llvm.aarch64.neon.sdot.v4i32.v16i8")


def choose(architecture: str, features: frozenset[str]) -> Instructions:
    """Choose the fastest that a processor has, by LLVM's names of its features.

    Example:
        >>> choose("x86_64", frozenset({"avx2", "avxvnni"})).name
        'AVX-VNNI'
    """
    if architecture in ("aarch64", "arm64"):
        return ARM_DOT if "dotprod" in features else Instructions("NEON", 4, 32)
    if "avx512vnni" in features:
        return AVX512_VNNI
    if "avxvnni" in features:
        return AVX_VNNI
    if "avx512f" in features:
        return Instructions("AVX-512", 16, 32)
    return Instructions("AVX2", 8, 16) if "avx2" in features else Instructions("SIMD", 4, 16)


_I8, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
_Value = Any  # llvmlite has no types


def _call(b: ir.IRBuilder, name: str, result: ir.Type, *args: _Value) -> _Value:
    function = b.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(result, [each.type for each in args])
        function = ir.Function(b.module, kind, name)
    return b.call(function, args)


def _fma(b: ir.IRBuilder, x: _Value, y: _Value, added: _Value) -> _Value:
    return _call(b, f"llvm.fma.v{x.type.count}f32", x.type, x, y, added)


class _At:
    """Memory from an address on, as values of one type in a row, aligned to 4 bytes at least."""

    def __init__(self, b: ir.IRBuilder, address: _Value, kind: ir.Type) -> None:
        self._b, self._pointer = b, b.inttoptr(address, kind.as_pointer())

    def load(self, place: int | _Value = 0) -> _Value:
        loaded = self._b.load(self._place(place))
        loaded.align = 4
        return loaded

    def store(self, value: _Value, place: int = 0) -> None:
        self._b.store(value, self._place(place)).align = 4

    def _place(self, place: int | _Value) -> _Value:
        index = ir.Constant(_I64, place) if isinstance(place, int) else place
        return self._b.gep(self._pointer, [index])


def build_product(
    b: ir.IRBuilder, cpu: Instructions, n_rows: int, is_float: bool, addresses: list[_Value]
) -> None:
    """Multiply rows of states with the weights of a block, into sums (rows, 64).

    Addresses are those of the sums, of where they start from (64,), of the weights (inputs, 64) and
    of the states (rows, inputs), and then the bytes from a row of states to the next, and the
    number of inputs. An input is a float, or four bytes.
    """
    sums, start, weights, states, stride, n_inputs = addresses
    kind = ir.VectorType(_F32 if is_float else _I32, cpu.lanes)
    per_block = COLUMNS // cpu.lanes
    most = 3 * cpu.n_registers // 4 // n_rows
    n_vectors = next(n for n in (16, 8, 4, 2, 1) if n <= min(most, per_block))
    rows = [
        _At(b, b.add(states, b.mul(stride, ir.Constant(_I64, row))), kind.element)
        for row in range(n_rows)
    ]
    starts, columns, into = (_At(b, each, kind) for each in (start, weights, sums))
    for first in range(0, per_block, n_vectors):
        entry, loop = b.block, b.append_basic_block()
        started = [starts.load(first + j) for j in range(n_vectors)]
        b.branch(loop)
        b.position_at_end(loop)
        k = b.phi(_I64)
        k.add_incoming(ir.Constant(_I64, 0), entry)
        added = [[b.phi(kind) for _ in range(n_vectors)] for _ in range(n_rows)]
        place = b.mul(k, ir.Constant(_I64, per_block))
        column = [
            columns.load(b.add(place, ir.Constant(_I64, first + j))) for j in range(n_vectors)
        ]
        following = b.add(k, ir.Constant(_I64, 1))
        k.add_incoming(following, loop)
        for row, sums_of_row in zip(rows, added, strict=True):
            state = _spread(b, row.load(k), cpu.lanes)
            for j, before in enumerate(sums_of_row):
                after = _add_product(b, cpu.dot, before, state, column[j])
                before.add_incoming(started[j], entry)
                before.add_incoming(after, loop)
                sums_of_row[j] = after
        done = b.append_basic_block()
        b.cbranch(b.icmp_signed("<", following, n_inputs), loop, done)
        b.position_at_end(done)
        for i, sums_of_row in enumerate(added):
            for j, value in enumerate(sums_of_row):
                into.store(value, i * per_block + first + j)


def _add_product(
    b: ir.IRBuilder, dot: str, sums: _Value, states: _Value, weights: _Value
) -> _Value:
    if sums.type.element == _F32:
        return _fma(b, states, weights, sums)
    if "x86" in dot:
        return _call(b, dot, sums.type, sums, states, weights)
    bytes_ = ir.VectorType(_I8, 4 * sums.type.count)
    return _call(b, dot, sums.type, sums, b.bitcast(states, bytes_), b.bitcast(weights, bytes_))


def _spread(b: ir.IRBuilder, value: _Value, lanes: int) -> _Value:
    undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    one = b.insert_element(undefined, value, ir.Constant(_I32, 0))
    return b.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes))


_FLOATS, _INTS = ir.VectorType(_F32, UNITS), ir.VectorType(_I32, UNITS)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_FLOATS, [float(np.float32(value))] * UNITS)


def _build_exp(b: ir.IRBuilder, factor: float, x: _Value) -> _Value:
    """Compute e^(factor · x) to 2 units in the last place, as 2^n · 2^f with |f| <= 1/2.

    The polynomial is that of Cephes' exp2f. The exponent stays between -29 and 29, where sigmoid
    and tanh are 0 and 1 already, so that the product of three results is finite.
    """
    bound = 29 / abs(factor)
    x = b.select(b.fcmp_ordered(">", x, _constant(-bound)), x, _constant(-bound))
    x = b.select(b.fcmp_ordered("<", x, _constant(bound)), x, _constant(bound))
    to_binary, shift = _constant(factor * math.log2(math.e)), _constant(TO_WHOLE)
    shifted = _fma(b, x, to_binary, shift)  # n is in its last bits
    f = _fma(b, x, to_binary, b.fneg(b.fsub(shifted, shift)))
    power = _constant(1.535336188319500e-4)
    for coefficient in (
        1.339887440266574e-3, 9.618437357674640e-3, 5.550332471162809e-2,
        2.402264791363012e-1, 6.931472028550421e-1, 1.0,
    ):  # fmt: skip
        power = _fma(b, power, f, _constant(coefficient))
    n = b.shl(b.bitcast(shifted, _INTS), ir.Constant(_INTS, [23] * UNITS))
    return b.bitcast(b.add(b.bitcast(power, _INTS), n), _FLOATS)


def build_gates(b: ir.IRBuilder, zero: int, is_float: bool, arguments: list[_Value]) -> None:
    """Apply the gates of 16 units of one item: write their cells and states.

    Arguments are the addresses of the sums (64,) and their scales (64,), and of what the item adds
    (4, 16), the bytes from a gate to the next there, the addresses of the cells (16,), which are
    read before, of the states, and of the states as `build_product` takes them; then by what these
    are multiplied, and the number that rounds them when it is added and taken away again.

    Sigmoid and tanh are fractions of powers of e. Multiplied out, a cell needs one division, and a
    state a second one, instead of five.
    """
    sums, scales, items, stride, upcoming, cells, states, inputs, steps, rounding = arguments
    one = _constant(1)
    byte = _I8.as_pointer()
    for number in range(4):
        ahead = b.inttoptr(b.add(upcoming, b.mul(stride, ir.Constant(_I64, number))), byte)
        hints = [ir.Constant(_I32, value) for value in (0, 2, 1)]  # read, into L2, data
        _call(b, "llvm.prefetch.p0", ir.VoidType(), ahead, *hints)

    def gate(number: int) -> _Value:
        total = _At(b, sums, _FLOATS if is_float else _INTS).load(number)
        total = total if is_float else b.sitofp(total, _FLOATS)
        item = _At(b, b.add(items, b.mul(stride, ir.Constant(_I64, number))), _FLOATS)
        return _fma(b, total, _At(b, scales, _FLOATS).load(number), item.load())

    input_, forget, output = (b.fadd(one, _build_exp(b, -1, gate(n))) for n in (0, 1, 3))
    new = _build_exp(b, 2, gate(2))
    both = b.fmul(input_, b.fadd(one, new))
    cell_at = _At(b, cells, _FLOATS)
    kept = _fma(b, cell_at.load(), both, b.fmul(b.fsub(new, one), forget))
    cell = b.fdiv(kept, b.fmul(forget, both))
    cell_at.store(cell)
    squashed = _build_exp(b, 2, cell)
    state = b.fdiv(b.fsub(squashed, one), b.fmul(output, b.fadd(one, squashed)))
    _At(b, states, _FLOATS).store(state)
    shift = _spread(b, rounding, UNITS)
    rounded = b.fsub(_fma(b, state, _spread(b, steps, UNITS), shift), shift)
    if is_float:
        _At(b, inputs, _FLOATS).store(rounded)
    else:
        whole = b.add(b.fptosi(rounded, _INTS), ir.Constant(_INTS, [zero] * UNITS))
        kind = ir.VectorType(_I8, UNITS)
        _At(b, inputs, kind).store(b.trunc(whole, kind))
