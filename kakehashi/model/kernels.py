"""The element-wise part of LSTM steps as machine code, one pass over memory instead of a dozen.

Imported only where numba is installed (the extra ``fast``); `kakehashi.model.lstm_steps` does
the same with torch.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float32]

# All liberties that help vectorising, except to take it that no number is infinite or undefined.
_FAST = {"contract", "reassoc", "arcp", "nsz", "afn"}
_float = np.float32


def _machine_code(function: Callable[..., None]) -> Callable[..., None]:
    """Compile, and keep the result on disk where a folder for it can be written to."""
    try:
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
def open_gates(
    gates: _Array, cells: _Array, states: _Array, rows: tuple[int, int], before: int
) -> None:
    """Do `kakehashi.model.lstm_steps.open_gates` on arrays."""
    width = states.shape[2]
    first = before < 0
    for direction in range(len(gates)):
        for row in range(rows[0], rows[1]):
            gate, state = gates[direction, row], states[direction, row]
            cell = cells[direction, row]
            old = cells[direction, row - rows[0] + max(before, 0)]
            for i in range(width):
                enter, forget = _sigmoid(gate[i]), _sigmoid(gate[width + i])
                candidate, leave = _tanh(gate[2 * width + i]), _sigmoid(gate[3 * width + i])
                kept = _float(0) if first else forget * old[i]
                cell[i] = kept + enter * candidate
                state[i] = leave * _tanh(cell[i])
                gate[i], gate[width + i] = enter, forget
                gate[2 * width + i], gate[3 * width + i] = candidate, leave


@_machine_code
def open_projected(
    product: _Array,
    projected: _Array,
    column: int,
    rows: npt.NDArray[np.int64],
    cells: _Array,
    states: _Array,
    step: tuple[int, int],
    before: int,
) -> None:
    """Do what `open_gates` does to gates that are added up on the way and not kept.

    Args:
        product: What the last states contribute (items of the step, 4 · width).
        projected: What distinct items add (distinct items, any).
        column: Where that of this direction begins.
        rows: Row in ``projected`` per item (items,).
        cells: Take the cells (items, width).
        states: Take the states (items, width).
        step: The step's first item and the end of its items.
        before: Where the items of the step before begin; negative if there was none, and then no
            product either.
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
                enter = added[at] + gate[i]
                forget = added[at + width] + gate[i + width]
                candidate = added[at + 2 * width] + gate[i + 2 * width]
                leave = added[at + 3 * width] + gate[i + 3 * width]
                cell[i] = _sigmoid(forget) * old[i] + _sigmoid(enter) * _tanh(candidate)
                state[i] = _sigmoid(leave) * _tanh(cell[i])


@_machine_code
def close_gates(
    gates: _Array,
    cells: _Array,
    of_states: _Array,
    of_cells: _Array,
    of_gates: _Array,
    rows: tuple[int, int],
    before: int,
) -> None:
    """Do `kakehashi.model.lstm_steps.close_gates` on arrays."""
    width, one = of_states.shape[2], _float(1)
    first = before < 0
    for direction in range(len(gates)):
        for row in range(rows[0], rows[1]):
            gate, cell, into = (
                gates[direction, row],
                cells[direction, row],
                of_gates[direction, row],
            )
            old = cells[direction, row - rows[0] + max(before, 0)]
            of_state, of_cell = of_states[direction, row], of_cells[direction, row - rows[0]]
            for i in range(width):
                enter, forget = gate[i], gate[width + i]
                candidate, leave = gate[2 * width + i], gate[3 * width + i]
                squashed = _tanh(cell[i])
                change = of_cell[i] + of_state[i] * leave * (one - squashed * squashed)
                kept = _float(0) if first else old[i]
                into[i] = change * candidate * enter * (one - enter)
                into[width + i] = change * kept * forget * (one - forget)
                into[2 * width + i] = change * enter * (one - candidate * candidate)
                into[3 * width + i] = of_state[i] * squashed * leave * (one - leave)
                of_cell[i] = change * forget


@numba.njit(fastmath=_FAST, error_model="numpy")
def _add_product(gate: _Array, states: _Array, side: int, weight: _Array) -> None:
    """Add a row times a weight, four rows of the weight at a time."""
    width = len(weight)
    for k in range(0, width - 3, 4):
        a, b, c, d = (
            states[side + k],
            states[side + k + 1],
            states[side + k + 2],
            states[side + k + 3],
        )
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

    With one row a product only reads its weight once, as fast as the cache gives it.

    Args:
        projected: What distinct items add to the gates (distinct items, 2 · 4 · width).
        rows: Row in ``projected`` per item (items,).
        steps: From the last state to the gates (2, width, 4 · width).
        states: Takes forward and backward state per item (items, 2 · width).
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
