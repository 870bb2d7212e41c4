"""The steps of a bidirectional LSTM over sequences, in numpy or machine code.

Sequences lie one after the other, longest first, so that those still running at a step are the
first ones. Gates lie side by side: input, forget, cell, output.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from types import ModuleType
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from kakehashi.data.batches import Ids
from kakehashi.runtime.quantized import round_states, rounded_weights

FloatArray = npt.NDArray[np.float32]

Projected = npt.NDArray[np.floating[Any]]
"""What items add to gates: in float32, or with products of ``int8`` in float16."""

Precision = Literal["float32", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

DEFAULT_PRECISION: Precision = "int8"
"""Of tagging on a CPU."""

Steps: TypeAlias = Callable[[Projected, Ids, Ids, FloatArray], None]
"""What an `LstmSteps` does, with its weights; several threads may call it at a time."""

_WORTH_LOADING = 2000  # items: loading machine code takes as long as tagging these in numpy
_n_tagged = 0  # by the process


@cache
def _kernels() -> tuple[ModuleType | None, str]:
    """Load the machine code; None where that is impossible, and what is not as it should be."""
    try:
        from kakehashi.runtime import kernels
    except ImportError as error:  # numba refuses a numpy that is too new for it
        return None, " ".join(str(error).split())
    problem = "no folder to keep it in can be written; set NUMBA_CACHE_DIR"
    return kernels, "" if kernels.is_cached() else problem


def is_compiled() -> bool:
    """Whether steps can run as machine code; see the extra ``fast``."""
    return _kernels()[0] is not None


def multiplies_bfloat16() -> bool:
    """Whether machine code can multiply bfloat16 here."""
    if not is_compiled():
        return False
    from kakehashi.runtime.lstm_kernels import INSTRUCTIONS

    return INSTRUCTIONS.bfloat16


def describe_kernels() -> str:
    """Describe how steps are computed here, and why not as fast as could be."""
    kernels, problem = _kernels()
    if kernels is None:
        return (
            f"{DEFAULT_PRECISION} in numpy, slowly: {problem}; the extra fast brings machine code"
        )
    from kakehashi.runtime.lstm_kernels import INSTRUCTIONS

    how = f"{DEFAULT_PRECISION} in machine code, {INSTRUCTIONS.name}"
    return f"{how}, compiled by each process: {problem}" if problem else how


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


def rounded_to_half(numbers: FloatArray) -> Projected:
    """Round numbers to float16; what is beyond its range to its largest."""
    kernels = machine_code(0)
    if kernels is None:
        return numbers.clip(-65504, 65504).astype(np.float16)
    halves = np.empty(numbers.shape, np.int16)
    kernels.round_to_half(numbers.ravel(), halves.ravel())
    return halves.view(np.float16)


class LstmSteps:
    """The steps of both directions of an LSTM; threads may share one.

    Args:
        weights: From states to gates, input, forget, cell, output (2, width, 4 · width).
        precision: Of the products with them; for ``int8`` see `kakehashi.runtime.quantized`.
    """

    def __init__(self, weights: FloatArray, precision: Precision = "float32") -> None:
        self._weights, self._precision = weights, precision
        rounded = rounded_weights(weights) if precision == "int8" else weights
        self._run: Steps = partial(run_sequences, rounded, precision)
        self._is_compiled = False

    def exact(self) -> LstmSteps:
        """Return those of the same weights in ``float32``."""
        return LstmSteps(self._weights)

    def __call__(self, projected: Projected, rows: Ids, offsets: Ids, states: FloatArray) -> None:
        """Write the states of some sequences, forward and backward (items, 2 · width).

        ``projected`` is what distinct items add to the gates of both directions, bias included
        (distinct items, 2 · 4 · width), ``rows`` has the row in it per item (items,), ``offsets``
        where each sequence begins, and the end (sequences + 1,).
        """
        if not self._is_compiled and machine_code(len(rows)) is not None:
            from kakehashi.runtime.lstm_kernels import MachineSteps

            self._run, self._is_compiled = MachineSteps(self._weights, self._precision), True
        self._run(projected, rows, offsets, states)


def run_sequences(
    weights: FloatArray,
    precision: Precision,
    projected: Projected,
    rows: Ids,
    offsets: Ids,
    states: FloatArray,
) -> None:
    """Do the steps of an `LstmSteps` in numpy; in ``int8`` weights are `rounded_weights`."""
    width, n_sequences = weights.shape[1], len(offsets) - 1
    hidden, cells = np.zeros((2, 2, n_sequences, width), np.float32)
    product = np.zeros((2, n_sequences, 4 * width), np.float32)
    running = n_sequences - np.cumsum(np.bincount(np.diff(offsets)))[:-1]
    for step, n_running in enumerate(running.tolist()):
        product = product[:, :n_running]
        if step:
            last = hidden[:, :n_running]
            np.matmul(round_states(last) if precision == "int8" else last, weights, out=product)
        apply_gates(product, projected, rows, offsets, step, hidden, cells, states)


def apply_gates(
    product: FloatArray,
    projected: Projected,
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
    gates = projected.reshape(-1, 2, 4 * width)[rows[items], sides] + product
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
