"""The element-wise part of LSTM steps as machine code, one pass over memory instead of a dozen.

Imported only where numba is installed. Gates lie side by side: input, forget, cell, output.
``step`` is a step's first item and the end of its items, ``before`` where the items of the step
before begin, negative if there was none.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float32]
_float = np.float32

# All liberties that help vectorising, except to take it that no number is infinite or undefined.
_FAST = {"contract", "reassoc", "arcp", "nsz", "afn"}


def _machine_code(function: Callable[..., None]) -> Callable[..., None]:
    try:  # with a cache on disk, where a folder for it can be written to
        return numba.njit(cache=True, fastmath=_FAST, error_model="numpy", nogil=True)(function)
    except RuntimeError:
        return numba.njit(fastmath=_FAST, error_model="numpy", nogil=True)(function)


@numba.njit(fastmath=_FAST, error_model="numpy")
def _exp(x: np.float32) -> np.float32:
    """Compute e^x to 2 units in the last place, as 2^n · e^r with |r| <= ln(2)/2 (Cephes, expf).

    Unlike a call of the library's, the compiler runs it on a whole register at once.
    """
    x = min(max(x, _float(-87)), _float(88))
    n = np.floor(x * _float(1.44269504) + _float(0.5))
    r = x - n * _float(0.693359375) + n * _float(2.12194440e-4)
    p = _float(1.9875691500e-4)
    for coefficient in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5):
        p = p * r + _float(coefficient)
    power = np.int32((np.int32(n) + 127) << 23).view(np.float32)
    result: np.float32 = (p * r * r + r + _float(1)) * power
    return result


@numba.njit(fastmath=_FAST, error_model="numpy")
def _sigmoid(x: np.float32) -> np.float32:
    return _float(1) / (_float(1) + _exp(-x))


@numba.njit(fastmath=_FAST, error_model="numpy")
def _tanh(x: np.float32) -> np.float32:
    return _float(1) - _float(2) / (_float(1) + _exp(_float(2) * x))


@_machine_code
def gates_forward(
    gates: _Array, cells: _Array, states: _Array, step: tuple[int, int], before: int
) -> None:
    """Apply sigmoid and tanh to a step's gates, and write its cells and states.

    Shapes: gates (d, items, 4 · width), cells and states (d, items, width), d directions.
    """
    width = states.shape[2]
    first = before < 0
    for direction in range(len(gates)):
        for item in range(step[0], step[1]):
            gate, state = gates[direction, item], states[direction, item]
            cell = cells[direction, item]
            old = cells[direction, item - step[0] + max(before, 0)]
            for i in range(width):
                input_, forget = _sigmoid(gate[i]), _sigmoid(gate[width + i])
                new, output = _tanh(gate[2 * width + i]), _sigmoid(gate[3 * width + i])
                kept = _float(0) if first else forget * old[i]
                cell[i] = kept + input_ * new
                state[i] = output * _tanh(cell[i])
                gate[i], gate[width + i] = input_, forget
                gate[2 * width + i], gate[3 * width + i] = new, output


@_machine_code
def gates_forward_projected(
    product: _Array,
    projected: _Array,
    column: int,
    rows: npt.NDArray[np.int64],
    cells: _Array,
    states: _Array,
    step: tuple[int, int],
    before: int,
) -> None:
    """Do `gates_forward` for one direction, with gates that are added up on the way and not kept.

    Item i has the product of the last states (items of the step, 4 · width), if there are any, and
    row ``rows[i]`` of ``projected`` (distinct items, any width) from ``column`` on. Cells and
    states are (items, width).
    """
    width = states.shape[1]
    for item in range(step[0], step[1]):
        added, cell, state = projected[rows[item]], cells[item], states[item]
        if before < 0:
            for i in range(width):
                at = column + i
                cell[i] = _sigmoid(added[at]) * _tanh(added[at + 2 * width])
                state[i] = _sigmoid(added[at + 3 * width]) * _tanh(cell[i])
        else:
            gate, old = product[item - step[0]], cells[before + item - step[0]]
            for i in range(width):
                at = column + i
                input_ = added[at] + gate[i]
                forget = added[at + width] + gate[i + width]
                new = added[at + 2 * width] + gate[i + 2 * width]
                output = added[at + 3 * width] + gate[i + 3 * width]
                cell[i] = _sigmoid(forget) * old[i] + _sigmoid(input_) * _tanh(new)
                state[i] = _sigmoid(output) * _tanh(cell[i])


@_machine_code
def gates_backward(
    gates: _Array,
    cells: _Array,
    grad_states: _Array,
    grad_cells: _Array,
    grad_gates: _Array,
    step: tuple[int, int],
    before: int,
) -> None:
    """Write the gradient of a step's gates, before sigmoid and tanh, into ``grad_gates``.

    ``grad_cells`` (d, sequences, width) is that of this step's cells from the step after, and
    becomes that of the cells before. Other shapes are those of `gates_forward`, which left the
    gates; ``grad_states`` is complete.
    """
    width, one = grad_states.shape[2], _float(1)
    first = before < 0
    for direction in range(len(gates)):
        for item in range(step[0], step[1]):
            gate, cell = gates[direction, item], cells[direction, item]
            into = grad_gates[direction, item]
            old = cells[direction, item - step[0] + max(before, 0)]
            grad_state = grad_states[direction, item]
            grad_cell = grad_cells[direction, item - step[0]]
            for i in range(width):
                input_, forget = gate[i], gate[width + i]
                new, output = gate[2 * width + i], gate[3 * width + i]
                squashed = _tanh(cell[i])
                change = grad_cell[i] + grad_state[i] * output * (one - squashed * squashed)
                kept = _float(0) if first else old[i]
                into[i] = change * new * input_ * (one - input_)
                into[width + i] = change * kept * forget * (one - forget)
                into[2 * width + i] = change * input_ * (one - new * new)
                into[3 * width + i] = grad_state[i] * squashed * output * (one - output)
                grad_cell[i] = change * forget


@numba.njit(fastmath=_FAST, error_model="numpy")
def _add_product(gate: _Array, states: _Array, side: int, weight: _Array) -> None:
    """Add a row times a weight, four rows of the weight at a time."""
    width = len(weight)
    for k in range(0, width - 3, 4):
        a, b = states[side + k], states[side + k + 1]
        c, d = states[side + k + 2], states[side + k + 3]
        row_a, row_b, row_c, row_d = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
        for i in range(4 * width):
            gate[i] += (a * row_a[i] + b * row_b[i]) + (c * row_c[i] + d * row_d[i])
    for k in range(width - width % 4, width):
        a, row_a = states[side + k], weight[k]
        for i in range(4 * width):
            gate[i] += a * row_a[i]


@_machine_code
def run_one_sequence(
    projected: _Array, rows: npt.NDArray[np.int64], steps: _Array, states: _Array
) -> None:
    """Run both directions over one sequence, products included, without leaving machine code.

    With one row a product only reads its weight once, as fast as the cache gives it. Item i has row
    ``rows[i]`` of ``projected`` (distinct items, 2 · 4 · width), states (items, 2 · width) are
    written, ``steps`` are the weights from states to gates (2, width, 4 · width).
    """
    width = steps.shape[1]
    gate, cell = np.empty(4 * width, np.float32), np.empty(width, np.float32)
    for direction in range(2):
        weight, side = steps[direction], direction * width
        for step in range(len(rows)):
            item = step if direction == 0 else len(rows) - 1 - step
            added = projected[rows[item]]
            for i in range(4 * width):
                gate[i] = added[4 * side + i]
            if step:
                _add_product(gate, states[item - 1 if direction == 0 else item + 1], side, weight)
            state = states[item]
            for i in range(width):
                kept = _sigmoid(gate[width + i]) * cell[i] if step else _float(0)
                cell[i] = kept + _sigmoid(gate[i]) * _tanh(gate[2 * width + i])
                state[side + i] = _sigmoid(gate[3 * width + i]) * _tanh(cell[i])
