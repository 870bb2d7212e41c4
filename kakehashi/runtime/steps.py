"""The steps of a bidirectional LSTM over sequences, in numpy or machine code.

Sequences lie one after the other, longest first, so that those still running at a step are the
first ones. Gates lie side by side: input, forget, cell, output.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from types import ModuleType
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from kakehashi.data.batches import Ids

FloatArray = npt.NDArray[np.float32]

Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

Steps: TypeAlias = Callable[[FloatArray, Ids, Ids, FloatArray], None]
"""`run_sequences` with weights of its own; several threads may call it at a time."""

_WORTH_LOADING = 2000  # items: loading machine code takes as long as tagging these in numpy
_n_tagged = 0  # by the process


@cache
def _kernels() -> tuple[ModuleType | None, str]:
    """Load the machine code; None where there is none, and how steps are computed."""
    try:
        from kakehashi.runtime import kernels
    except ImportError as error:  # numba refuses a numpy that is too new for it
        return None, f"numpy ({' '.join(str(error).split())})"
    return kernels, "machine code" if kernels.is_cached() else "machine code, compiled each time"


def is_compiled() -> bool:
    """Whether steps can run as machine code; see the extra ``fast``."""
    return _kernels()[0] is not None


def describe_kernels() -> str:
    """Describe how steps are computed here, and why not as machine code."""
    return _kernels()[1]


def machine_code(n_items: int | None = None) -> ModuleType | None:
    """Load `kakehashi.runtime.kernels` once so much is tagged that it pays; None before.

    With ``n_items``, the items to be tagged now, they count; without, it is loaded at once: where
    a training is to be resumed, or a file written again, every step must be computed alike. None
    where it cannot be loaded.
    """
    global _n_tagged
    if n_items is not None and _n_tagged < _WORTH_LOADING:
        _n_tagged += n_items
        if _n_tagged < _WORTH_LOADING and not _kernels.cache_info().currsize:
            return None
    return _kernels()[0]


def make_steps(weights: FloatArray) -> Steps:
    """Prepare steps with the weights from states to gates (2, width, 4 · width)."""
    return partial(run_sequences, weights)


def run_sequences(
    weights: FloatArray, projected: FloatArray, rows: Ids, offsets: Ids, states: FloatArray
) -> None:
    """Compute the states of some sequences, forward and backward (items, 2 · width).

    ``projected`` is what distinct items add to the gates of both directions, bias included
    (distinct items, 2 · 4 · width), ``rows`` has the row in it per item (items,), ``offsets`` where
    each sequence begins, and the end (sequences + 1,).
    """
    kernels, width, n_sequences = machine_code(len(rows)), weights.shape[1], len(offsets) - 1
    if kernels is not None and n_sequences == 1:
        kernels.run_sequence(projected, rows, weights, states)
        return
    gate = kernels.apply_gates if kernels is not None else apply_gates
    hidden, cells = np.zeros((2, 2, n_sequences, width), np.float32)
    product = np.zeros((2, n_sequences, 4 * width), np.float32)
    running = n_sequences - np.cumsum(np.bincount(np.diff(offsets)))[:-1]
    for step, n_running in enumerate(running.tolist()):
        product = product[:, :n_running]
        if step:
            np.matmul(hidden[:, :n_running], weights, out=product)
        gate(product, projected, rows, offsets, step, hidden, cells, states)


def apply_gates(
    product: FloatArray,
    projected: FloatArray,
    rows: Ids,
    offsets: Ids,
    step: int,
    hidden: FloatArray,
    cells: FloatArray,
    states: FloatArray,
) -> None:
    """Do the rest of a step of both directions.

    ``product`` is that of the running sequences' last states with the weights (2, running,
    4 · width). ``hidden`` and ``cells`` (2, sequences, width) are overwritten, and the ``states``
    of the step's items (items, 2 · width) written.
    """
    n_running, width = product.shape[1], hidden.shape[2]
    items = np.stack([offsets[:n_running] + step, offsets[1 : n_running + 1] - 1 - step])
    sides = np.array([[0], [1]])
    gates = projected.reshape(-1, 2, 4 * width)[rows[items], sides]
    gates += product
    input_, forget, new, output = np.split(gates, 4, axis=2)
    cell = cells[:, :n_running]
    cell *= _sigmoid(forget)
    cell += _sigmoid(input_) * np.tanh(new)
    hidden[:, :n_running] = _sigmoid(output) * np.tanh(cell)
    states.reshape(-1, 2, width)[items, sides] = hidden[:, :n_running]


def _sigmoid(x: FloatArray) -> FloatArray:
    half = np.float32(0.5)
    squashed: FloatArray = np.tanh(half * x) * half + half
    return squashed
