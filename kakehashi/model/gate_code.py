"""The gates of 16 units of one item in training, instruction by instruction.

`kakehashi.runtime.vector_code` says why they are built so, and has the pieces. Gates stand side by
side: 16 of the input gate, forget gate, cell, output gate. Arguments are addresses. With
``is_rough`` what goes to a product, or comes from one of torch's, is in bfloat16.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from kakehashi.runtime.vector_code import (
    FLOATS,
    INTS,
    UNITS,
    At,
    Bfloat,
    build_exp,
    call,
    constant,
    fma,
)

_Value = Any  # llvmlite has no types

_HALVES = ir.VectorType(ir.IntType(16), UNITS)


def build_forward(b: ir.IRBuilder, arguments: list[_Value], *, is_rough: bool) -> None:
    """Write the gates, the cells and the states of an item, from sums (64,) and its own part.

    Arguments: the sums, what the item adds to them, its cells a step before, its gates, its cells,
    its states, and its states as the next product takes them.
    """
    sums, items, before, gates, cells, states, inputs = arguments
    one = constant(1)

    def total(gate: int) -> _Value:
        return b.fadd(At(b, sums, FLOATS).load(gate), _load(b, items, gate, is_rough=is_rough))

    def sigmoid(gate: int) -> _Value:
        return b.fdiv(one, b.fadd(one, build_exp(b, -1, total(gate))))

    def tanh(x: _Value) -> _Value:
        power = build_exp(b, 2, x)
        return b.fdiv(b.fsub(power, one), b.fadd(power, one))

    values = input_, forget, new, output = [sigmoid(0), sigmoid(1), tanh(total(2)), sigmoid(3)]
    cell = fma(b, forget, At(b, before, FLOATS).load(), b.fmul(input_, new))
    state = b.fmul(output, tanh(cell))
    for gate, value in enumerate(values):
        At(b, gates, FLOATS).store(value, gate)
    At(b, cells, FLOATS).store(cell)
    At(b, states, FLOATS).store(state)
    if is_rough:
        _store(b, state, inputs, 0, is_rough=True)


def build_backward(b: ir.IRBuilder, arguments: list[_Value], *, is_rough: bool) -> None:
    """Write the gradient of an item's gates, before sigmoid and tanh, and add it to that of biases.

    Arguments: the gradient of its states, and what a product adds to it; its gates, its states, its
    cells a step before; the gradient of its cells, which becomes that of those before; the gradient
    of its gates, and of the biases.
    """
    outside, sums, gates, states, before, grad_cells, grad_gates, grad_bias = arguments
    one = constant(1)
    grad_state = b.fadd(At(b, outside, FLOATS).load(), At(b, sums, FLOATS).load())
    input_, forget, new, output = (At(b, gates, FLOATS).load(gate) for gate in range(4))
    squashed = b.fdiv(At(b, states, FLOATS).load(), output)  # the tanh of the cell
    grad_output = b.fmul(grad_state, squashed)
    grad_squashed = b.fmul(grad_state, output)
    change = b.fsub(grad_squashed, b.fmul(b.fmul(grad_squashed, squashed), squashed))
    change = b.fadd(change, At(b, grad_cells, FLOATS).load())
    kept = At(b, before, FLOATS).load()

    def through_sigmoid(grad: _Value, gate: _Value) -> _Value:
        return b.fmul(grad, b.fmul(gate, b.fsub(one, gate)))

    grads = [
        through_sigmoid(b.fmul(change, new), input_),
        through_sigmoid(b.fmul(change, kept), forget),
        b.fmul(b.fmul(change, input_), b.fsub(one, b.fmul(new, new))),
        through_sigmoid(grad_output, output),
    ]
    At(b, grad_cells, FLOATS).store(b.fmul(change, forget))
    for gate, value in enumerate(grads):
        _store(b, value, grad_gates, gate, is_rough=is_rough)
        bias = At(b, grad_bias, FLOATS)
        bias.store(b.fadd(bias.load(gate), value), gate)


def _load(b: ir.IRBuilder, address: _Value, place: int, *, is_rough: bool) -> _Value:
    if not is_rough:
        return At(b, address, FLOATS).load(place)
    wide = b.zext(At(b, address, _HALVES).load(place), INTS)
    return b.bitcast(b.shl(wide, ir.Constant(INTS, [16] * UNITS)), FLOATS)


def _store(b: ir.IRBuilder, value: _Value, address: _Value, place: int, *, is_rough: bool) -> None:
    kind = FLOATS
    if is_rough:
        kind = ir.VectorType(Bfloat(), UNITS)
        value = call(b, "llvm.x86.avx512bf16.cvtneps2bf16.512", kind, value)
    At(b, address, kind).store(value, place)
