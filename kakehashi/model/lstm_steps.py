"""One step of an LSTM cell without its products: what happens to every gate of every sequence.

Machine code does it where it can, torch where numba is missing or numbers are not float32.

The steps of an LSTM through time, forward and back, over ragged sequences in steps order.

Directions (d) may go together; `kakehashi.model.ragged` explains the order.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from importlib.util import find_spec
from itertools import accumulate
from types import ModuleType

import torch
from torch import Tensor

from kakehashi.model.products import Product
from kakehashi.model.ragged import Layout

_COMPILED = "kakehashi.model.kernels"
_PATIENCE = 2000
"""Items tagged by torch before machine code is loaded: that takes as long as tagging these."""

_tagged = 0


@cache
def is_compiled() -> bool:
    """Tell whether the extra ``fast`` is installed, so that steps can run as machine code."""
    return find_spec("numba") is not None


def machine_code(n_items: int) -> ModuleType | None:
    """Give `kakehashi.model.kernels` when so much is tagged that it pays to load it.

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


_FEW = 20
"""Rows up to which a product of bfloat16 is slower than one of float32, packing included."""


def run_steps(
    gates: Tensor,
    add_product: Callable[[Tensor, Tensor], object],
    sizes: list[int],
) -> tuple[Tensor, Tensor]:
    """Go through the steps; overwrite what the items add to the gates with the open gates.

    Args:
        gates: In steps order (d, items, 4 · width).
        add_product: Adds to the gates of a step what the last states contribute.
        sizes: Sequences running at each step.

    Returns:
        States and cells (d, items, width).
    """
    directions, n_items, width = gates.shape[0], gates.shape[1], gates.shape[2] // 4
    states = gates.new_empty(directions, n_items, width)
    cells = torch.empty_like(states)
    open_gates = opener(gates, cells, states)
    before, begin = -1, 0
    for size in _stepping(sizes):
        end = begin + size
        if begin:
            add_product(gates[:, begin:end], states[:, before : before + size])
        open_gates((begin, end), before)
        before, begin = begin, end
    return states, cells


def run_projected(
    projected: Tensor, columns: slice, rows: Tensor, product: Product, sizes: list[int]
) -> Tensor:
    """Go through the steps of one direction without gradients, and keep no gates.

    Args:
        projected: What distinct items add to the gates of all directions (distinct items, any).
        columns: Those of this direction.
        rows: Row in ``projected`` per item, in steps order (items,).
        product: With the last states.
        sizes: Sequences running at each step.

    Returns:
        States (items, width).
    """
    compiled = machine_code(len(rows)) if projected.dtype is torch.float32 else None
    if compiled is None:
        gates = projected[:, columns].index_select(0, rows)[None]
        return run_steps(gates, lambda gate, state: gate[0].add_(product(state[0])), sizes)[0][0]
    states = projected.new_empty(len(rows), (columns.stop - columns.start) // 4)
    cells = torch.empty_like(states)
    arrays = projected.numpy(), columns.start, rows.numpy(), cells.numpy(), states.numpy()
    none = states.new_empty(0, 4 * states.shape[1])
    before, begin = -1, 0
    for size in sizes:
        added = product(states[before : before + size]) if begin else none
        compiled.open_projected(added.numpy(), *arrays, (begin, begin + size), before)
        before, begin = begin, begin + size
    return states


def recur(gates: Tensor, weight: Tensor, transposed: Tensor, layout: Layout) -> Tensor:
    """Go through the steps so that gradients can come back.

    Args:
        gates: What the items add (d, items, 4 · width); given away.
        weight: From states to gates (d, 4 · width, width).
        transposed: The same, detached (d, width, 4 · width).
        layout: The order.

    Returns:
        States (d, items, width).
    """
    load_machine_code()
    return _apply(gates, weight, transposed, layout)


class _Recurrence(torch.autograd.Function):
    """The steps of `run_steps` with their gradients."""

    layout: Layout

    @staticmethod
    def forward(
        ctx: _Recurrence, gates: Tensor, weight: Tensor, transposed: Tensor, layout: Layout
    ) -> Tensor:
        """Run the steps; ``gates`` holds the open gates afterwards."""

        def add_product(gate: Tensor, state: Tensor) -> None:
            gate.baddbmm_(state, transposed)

        states, cells = run_steps(gates, add_product, layout.sizes)
        ctx.save_for_backward(gates, cells, states, weight)
        ctx.layout = layout
        return states

    @staticmethod
    def backward(ctx: _Recurrence, of_states: Tensor) -> tuple[Tensor | None, ...]:
        """Go back through the steps, then multiply once for the weights."""
        saved: Sequence[Tensor] = ctx.saved_tensors
        gates, cells, states, weight = saved
        of_gates = _run_back(of_states, gates, cells, weight, ctx.layout.sizes)
        later = of_gates[:, ctx.layout.n_sequences :].transpose(1, 2)
        before = states.index_select(1, ctx.layout.previous)
        return of_gates, torch.bmm(later, before), None, None


_apply: Callable[[Tensor, Tensor, Tensor, Layout], Tensor] = _Recurrence.apply


def _run_back(
    outer: Tensor, gates: Tensor, cells: Tensor, weight: Tensor, sizes: list[int]
) -> Tensor:
    """Compute the gradient of every gate before its sigmoid or tanh (d, items, 4 · width).

    Args:
        outer: Gradient of the states, from outside (d, items, width).
        gates: Open gates (d, items, 4 · width).
        cells: Of all steps (d, items, width).
        weight: From the last state to the gates (d, 4 · width, width).
        sizes: Sequences running at each step.
    """
    of_gates = torch.empty_like(gates)
    of_states = outer.clone(memory_format=torch.contiguous_format)
    of_cells = cells.new_zeros(cells.shape[0], sizes[0], cells.shape[2])
    close_gates = closer(gates, cells, of_states, of_cells, of_gates)
    begins = [0, *accumulate(sizes)]
    later = 0
    for step, size in zip(reversed(range(len(sizes))), _stepping(sizes[::-1]), strict=True):
        begin, end = begins[step], begins[step + 1]
        if later:
            of_state = of_states[:, begin : begin + later]
            of_state.baddbmm_(of_gates[:, end : end + later], weight)
        close_gates((begin, end), begins[step - 1] if step else -1)
        later = size
    return of_gates


def _stepping(sizes: Sequence[int]) -> Iterator[int]:
    """Pass the sizes of steps on; products of few rows are in float32 meanwhile, whatever is set.

    In bfloat16 they are slower, since oneDNN packs the weights anew for every product.
    """
    precision = torch.get_float32_matmul_precision()
    if precision == "highest":
        yield from sizes
        return
    try:
        for size in sizes:
            torch.set_float32_matmul_precision(precision if size > _FEW else "highest")
            yield size
    finally:
        torch.set_float32_matmul_precision(precision)
