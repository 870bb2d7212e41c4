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
        bfloat16: Whether it has AVX512-BF16, which adds to each lane the products of two pairs.
    """

    name: str
    lanes: int
    n_registers: int
    dot: str = ""
    zero: int = 0
    bfloat16: bool = False


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
        return AVX512_VNNI._replace(bfloat16="avx512bf16" in features)
    if "avxvnni" in features:
        return AVX_VNNI
    if "avx512f" in features:
        return Instructions("AVX-512", 16, 32)
    return Instructions("AVX2", 8, 16) if "avx2" in features else Instructions("SIMD", 4, 16)


class Bfloat(ir.types.Type):  # type: ignore[misc]
    """LLVM's type of 16 bits that llvmlite lacks."""

    def __str__(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bfloat)

    def __hash__(self) -> int:
        return hash(Bfloat)


_I8, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
_PAIRS = ir.VectorType(Bfloat(), 32)  # of a register of AVX512-BF16
_Value = Any  # llvmlite has no types


def call(b: ir.IRBuilder, name: str, result: ir.Type, *args: _Value) -> _Value:
    """Call an instruction by LLVM's name."""
    function = b.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(result, [each.type for each in args])
        function = ir.Function(b.module, kind, name)
    return b.call(function, args)


def fma(b: ir.IRBuilder, x: _Value, y: _Value, added: _Value) -> _Value:
    """Compute x · y + added, rounded once."""
    return call(b, f"llvm.fma.v{x.type.count}f32", x.type, x, y, added)


class At:
    """Memory from an address on, as values of one type in a row, aligned to 4 bytes at least."""

    def __init__(self, b: ir.IRBuilder, address: _Value, kind: ir.Type) -> None:
        self._b, self._pointer = b, b.inttoptr(address, kind.as_pointer())

    def load(self, place: int | _Value = 0) -> _Value:
        """Read the value of a place."""
        loaded = self._b.load(self._place(place))
        loaded.align = 4
        return loaded

    def store(self, value: _Value, place: int = 0) -> None:
        """Write the value of a place."""
        self._b.store(value, self._place(place)).align = 4

    def _place(self, place: int | _Value) -> _Value:
        index = ir.Constant(_I64, place) if isinstance(place, int) else place
        return self._b.gep(self._pointer, [index])


def build_product(
    b: ir.IRBuilder, cpu: Instructions, n_rows: int, kind: str, addresses: list[_Value]
) -> None:
    """Multiply rows of states with the weights of a block, into sums (rows, 64).

    Addresses are those of the sums, of where they start from (64,), of the weights (inputs, 64) and
    of the states (rows, inputs), and then the bytes from a row of states to the next, and the
    number of inputs. An input is a float, four bytes, or two numbers of 16 bits, by the ``kind``:
    ``float32``, ``int8``, ``bfloat16``. Bytes are summed in whole numbers.
    """
    sums, start, weights, states, stride, n_inputs = addresses
    total = ir.VectorType(_I32 if kind == "int8" else _F32, cpu.lanes)
    factor = total if kind == "float32" else ir.VectorType(_I32, cpu.lanes)
    per_block = COLUMNS // cpu.lanes
    most = 3 * cpu.n_registers // 4 // n_rows
    n_vectors = next(n for n in (16, 8, 4, 2, 1) if n <= min(most, per_block))
    rows = [
        At(b, b.add(states, b.mul(stride, ir.Constant(_I64, row))), factor.element)
        for row in range(n_rows)
    ]
    starts, columns, into = At(b, start, total), At(b, weights, factor), At(b, sums, total)
    for first in range(0, per_block, n_vectors):
        entry, loop = b.block, b.append_basic_block()
        started = [starts.load(first + j) for j in range(n_vectors)]
        b.branch(loop)
        b.position_at_end(loop)
        k = b.phi(_I64)
        k.add_incoming(ir.Constant(_I64, 0), entry)
        added = [[b.phi(total) for _ in range(n_vectors)] for _ in range(n_rows)]
        place = b.mul(k, ir.Constant(_I64, per_block))
        column = [
            columns.load(b.add(place, ir.Constant(_I64, first + j))) for j in range(n_vectors)
        ]
        following = b.add(k, ir.Constant(_I64, 1))
        k.add_incoming(following, loop)
        for row, sums_of_row in zip(rows, added, strict=True):
            state = _spread(b, row.load(k), cpu.lanes)
            for j, before in enumerate(sums_of_row):
                after = _add_product(b, kind, cpu.dot, before, state, column[j])
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
    b: ir.IRBuilder, kind: str, dot: str, sums: _Value, states: _Value, weights: _Value
) -> _Value:
    if kind == "float32":
        return fma(b, states, weights, sums)
    if kind == "bfloat16":
        pairs = [b.bitcast(each, _PAIRS) for each in (states, weights)]
        return call(b, "llvm.x86.avx512bf16.dpbf16ps.512", sums.type, sums, *pairs)
    if "x86" in dot:
        return call(b, dot, sums.type, sums, states, weights)
    bytes_ = ir.VectorType(_I8, 4 * sums.type.count)
    return call(b, dot, sums.type, sums, b.bitcast(states, bytes_), b.bitcast(weights, bytes_))


def _spread(b: ir.IRBuilder, value: _Value, lanes: int) -> _Value:
    undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    one = b.insert_element(undefined, value, ir.Constant(_I32, 0))
    return b.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes))


FLOATS, INTS = ir.VectorType(_F32, UNITS), ir.VectorType(_I32, UNITS)


def constant(value: float) -> ir.Constant:
    """Repeat a number for 16 units."""
    return ir.Constant(FLOATS, [float(np.float32(value))] * UNITS)


def build_exp(b: ir.IRBuilder, factor: float, x: _Value) -> _Value:
    """Compute e^(factor · x) to 2 units in the last place, as 2^n · 2^f with |f| <= 1/2.

    The polynomial is that of Cephes' exp2f. The exponent stays between -29 and 29, where sigmoid
    and tanh are 0 and 1 already, so that the product of three results is finite.
    """
    bound = 29 / abs(factor)
    x = b.select(b.fcmp_ordered(">", x, constant(-bound)), x, constant(-bound))
    x = b.select(b.fcmp_ordered("<", x, constant(bound)), x, constant(bound))
    to_binary, shift = constant(factor * math.log2(math.e)), constant(TO_WHOLE)
    shifted = fma(b, x, to_binary, shift)  # n is in its last bits
    f = fma(b, x, to_binary, b.fneg(b.fsub(shifted, shift)))
    power = constant(1.535336188319500e-4)
    for coefficient in (
        1.339887440266574e-3, 9.618437357674640e-3, 5.550332471162809e-2,
        2.402264791363012e-1, 6.931472028550421e-1, 1.0,
    ):  # fmt: skip
        power = fma(b, power, f, constant(coefficient))
    n = b.shl(b.bitcast(shifted, INTS), ir.Constant(INTS, [23] * UNITS))
    return b.bitcast(b.add(b.bitcast(power, INTS), n), FLOATS)


def _load_halves(b: ir.IRBuilder, address: _Value) -> _Value:
    """Read 16 numbers of float16, on any processor: moved into place, exponents are 112 less."""
    bits = b.zext(At(b, address, ir.VectorType(ir.IntType(16), UNITS)).load(), INTS)

    def whole(number: int) -> ir.Constant:
        return ir.Constant(INTS, [number] * UNITS)

    number = b.bitcast(b.shl(b.and_(bits, whole(0x7FFF)), whole(13)), FLOATS)
    sign = b.shl(b.and_(bits, whole(0x8000)), whole(16))
    return b.bitcast(b.or_(b.bitcast(b.fmul(number, constant(2**112)), INTS), sign), FLOATS)


def build_gates(
    b: ir.IRBuilder, zero: int, is_float: bool, is_half: bool, arguments: list[_Value]
) -> None:
    """Apply the gates of 16 units of one item: write their cells and states.

    Arguments are the addresses of the sums (64,) and their scales (64,), and of what the item adds
    (4, 16), in float16 if ``is_half``, the bytes from a gate to the next there, the addresses of
    the cells (16,), which are read before, of the states, and of the states as `build_product`
    takes them; then by what these are multiplied, and the number that rounds them when it is added
    and taken away again.

    Sigmoid and tanh are fractions of powers of e. Multiplied out, a cell needs one division, and a
    state a second one, instead of five.
    """
    sums, scales, items, stride, upcoming, cells, states, inputs, steps, rounding = arguments
    one = constant(1)
    byte = _I8.as_pointer()
    for number in range(4):
        ahead = b.inttoptr(b.add(upcoming, b.mul(stride, ir.Constant(_I64, number))), byte)
        hints = [ir.Constant(_I32, value) for value in (0, 2, 1)]  # read, into L2, data
        call(b, "llvm.prefetch.p0", ir.VoidType(), ahead, *hints)

    def gate(number: int) -> _Value:
        total = At(b, sums, FLOATS if is_float else INTS).load(number)
        total = total if is_float else b.sitofp(total, FLOATS)
        item = b.add(items, b.mul(stride, ir.Constant(_I64, number)))
        added = _load_halves(b, item) if is_half else At(b, item, FLOATS).load()
        return fma(b, total, At(b, scales, FLOATS).load(number), added)

    input_, forget, output = (b.fadd(one, build_exp(b, -1, gate(n))) for n in (0, 1, 3))
    new = build_exp(b, 2, gate(2))
    both = b.fmul(input_, b.fadd(one, new))
    cell_at = At(b, cells, FLOATS)
    kept = fma(b, cell_at.load(), both, b.fmul(b.fsub(new, one), forget))
    cell = b.fdiv(kept, b.fmul(forget, both))
    cell_at.store(cell)
    squashed = build_exp(b, 2, cell)
    state = b.fdiv(b.fsub(squashed, one), b.fmul(output, b.fadd(one, squashed)))
    At(b, states, FLOATS).store(state)
    shift = _spread(b, rounding, UNITS)
    rounded = b.fsub(fma(b, state, _spread(b, steps, UNITS), shift), shift)
    if is_float:
        At(b, inputs, FLOATS).store(rounded)
    else:
        whole = b.add(b.fptosi(rounded, INTS), ir.Constant(INTS, [zero] * UNITS))
        kind = ir.VectorType(_I8, UNITS)
        At(b, inputs, kind).store(b.trunc(whole, kind))
