"""The element-wise part of LSTM steps in training, as machine code: one pass over memory.

Imported only where numba is installed. Gates lie side by side: input, forget, cell, output.
``step`` is a step's first item and the end of its items, ``before`` where the items of the step
before begin, negative if there was none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kakehashi.runtime.kernels import machine_code, sigmoid, tanh

_Array = npt.NDArray[np.float32]
_float = np.float32


@machine_code
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
                input_, forget = sigmoid(gate[i]), sigmoid(gate[width + i])
                new, output = tanh(gate[2 * width + i]), sigmoid(gate[3 * width + i])
                kept = _float(0) if first else forget * old[i]
                cell[i] = kept + input_ * new
                state[i] = output * tanh(cell[i])
                gate[i], gate[width + i] = input_, forget
                gate[2 * width + i], gate[3 * width + i] = new, output


@machine_code
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
                squashed = tanh(cell[i])
                change = grad_cell[i] + grad_state[i] * output * (one - squashed * squashed)
                kept = _float(0) if first else old[i]
                into[i] = change * new * input_ * (one - input_)
                into[width + i] = change * kept * forget * (one - forget)
                into[2 * width + i] = change * input_ * (one - new * new)
                into[3 * width + i] = grad_state[i] * squashed * output * (one - output)
                grad_cell[i] = change * forget
