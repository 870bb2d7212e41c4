"""One step of an LSTM cell without its products: what happens to every gate of every sequence.

Machine code does it where it can, torch where numba is missing or numbers are not float32.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor

_COMPILED = "kakehashi.model.compiled"
_PATIENCE = 2000
"""Items tagged by torch before machine code is loaded: that takes as long as tagging these."""

_tagged = 0


@cache
def is_compiled() -> bool:
    """Tell whether the extra ``fast`` is installed, so that steps can run as machine code."""
    return find_spec("numba") is not None


def machine_code(n_items: int) -> ModuleType | None:
    """Give `kakehashi.model.compiled` when so much is tagged that it pays to load it.

    Args:
        n_items: Items that there are to work on.
    """
    global _tagged  # one count for the process, as there is one module
    if not is_compiled():
        return None
    if _COMPILED not in sys.modules:
        _tagged += n_items
        if _tagged < _PATIENCE:
            return None
    return importlib.import_module(_COMPILED)


def load_machine_code() -> None:
    """Load it now: in training every step must be computed alike, that a run can be resumed."""
    if is_compiled():
        importlib.import_module(_COMPILED)


def opener(gates: Tensor, cells: Tensor, states: Tensor) -> Callable[[tuple[int, int], int], None]:
    """Prepare `open_gates` for many steps on the same memory."""
    compiled = machine_code(gates.shape[1]) if gates.dtype is torch.float32 else None
    if compiled is not None:
        return partial(compiled.open_gates, gates.numpy(), cells.numpy(), states.numpy())
    return partial(open_gates, gates, cells, states)


def closer(
    gates: Tensor, cells: Tensor, of_states: Tensor, of_cells: Tensor, of_gates: Tensor
) -> Callable[[tuple[int, int], int], None]:
    """Prepare `close_gates` for many steps on the same memory."""
    compiled = machine_code(gates.shape[1]) if gates.dtype is torch.float32 else None
    if compiled is not None:
        return partial(
            compiled.close_gates,
            gates.numpy(),
            cells.numpy(),
            of_states.numpy(),
            of_cells.numpy(),
            of_gates.numpy(),
        )
    return partial(close_gates, gates, cells, of_states, of_cells, of_gates)


def open_gates(
    gates: Tensor, cells: Tensor, states: Tensor, rows: tuple[int, int], before: int
) -> None:
    """Compute cells and states of a step from its gates.

    Args:
        gates: Enter, forget, candidate and leave side by side, before their sigmoid or tanh; open
            afterwards (d, items, 4 · width).
        cells: Take the cells (d, items, width).
        states: Take the states (d, items, width).
        rows: The step's first item and the end of its items.
        before: Where the items of the step before begin; negative if there was none.
    """
    begin, end = rows
    gate, cell = gates[:, begin:end], cells[:, begin:end]
    enter, forget, candidate, leave = gate.chunk(4, 2)
    candidate.tanh_()
    for part in (enter, forget, leave):
        part.sigmoid_()
    if before < 0:
        torch.mul(enter, candidate, out=cell)
    else:
        torch.mul(forget, cells[:, before : before + end - begin], out=cell)
        cell.addcmul_(enter, candidate)
    states[:, begin:end] = torch.tanh(cell).mul_(leave)


def close_gates(
    gates: Tensor,
    cells: Tensor,
    of_states: Tensor,
    of_cells: Tensor,
    of_gates: Tensor,
    rows: tuple[int, int],
    before: int,
) -> None:
    """Compute the gradient of a step's gates from that of its states.

    Args:
        gates: Open gates (d, items, 4 · width).
        cells: Of all steps (d, items, width).
        of_states: Gradient of the states, whole (d, items, width).
        of_cells: Gradient of this step's cells from the step after; from this step afterwards
            (d, sequences, width).
        of_gates: Takes the gradient of the gates before their sigmoid or tanh.
        rows: The step's first item and the end of its items.
        before: Where the items of the step before begin; negative if there was none.
    """
    begin, end = rows
    enter, forget, candidate, leave = gates[:, begin:end].chunk(4, 2)
    into = of_gates[:, begin:end].chunk(4, 2)
    of_state, of_cell = of_states[:, begin:end], of_cells[:, : end - begin]
    squashed = torch.tanh(cells[:, begin:end])
    of_cell += of_state * leave * (1 - squashed * squashed)
    into[0][:] = of_cell * candidate * enter * (1 - enter)
    if before < 0:
        into[1].zero_()
    else:
        old = cells[:, before : before + end - begin]
        into[1][:] = of_cell * old * forget * (1 - forget)
    into[2][:] = of_cell * enter * (1 - candidate * candidate)
    into[3][:] = of_state * squashed * leave * (1 - leave)
    of_cell *= forget
