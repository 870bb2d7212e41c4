"""Decoding as machine code, and what other machine code is compiled by.

Imported only where numba is installed; `kakehashi.runtime.decoder` has the same in numpy. All
release the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from kakehashi.data.batches import Ids

_Array = npt.NDArray[np.float32]
_float = np.float32

# All liberties that help vectorising, except to take it that no number is infinite or undefined.
_FAST = {"contract", "reassoc", "arcp", "nsz", "afn"}

inlined = numba.njit(fastmath=_FAST, error_model="numpy")
"""Compile a function that others call."""


def machine_code(function: Callable[..., None]) -> Any:  # noqa: ANN401
    """Compile a function, with a cache on disk where a folder for it can be written to."""
    compiled = partial(numba.njit, fastmath=_FAST, error_model="numpy", nogil=True)
    try:
        return compiled(cache=True)(function)
    except RuntimeError:
        return compiled()(function)


def is_cached() -> bool:
    """Whether machine code is kept on disk from one process to the next."""
    return type(best_sequences._cache).__name__ != "NullCache"


@inlined
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


@inlined
def sigmoid(x: np.float32) -> np.float32:
    """Compute 1 / (1 + e^-x)."""
    return _float(1) / (_float(1) + _exp(-x))


@inlined
def tanh(x: np.float32) -> np.float32:
    """Compute the hyperbolic tangent."""
    return _float(1) - _float(2) / (_float(1) + _exp(_float(2) * x))


@machine_code
def round_to_half(numbers: _Array, halves: npt.NDArray[np.int16]) -> None:
    """Round numbers (n,) to float16, as bits (n,), ties to even; for numpy each takes 3 ns.

    2^-112 times as large, they have its exponents, and its subnormal ones are subnormal.
    """
    for i in range(len(numbers)):
        number = min(max(numbers[i], _float(-65504)), _float(65504))
        bits = np.int32(np.float32(number * _float(2**-112)).view(np.int32))
        size = bits & np.int32(0x7FFFFFFF)
        rounded = (size + np.int32(0xFFF) + (size >> 13 & 1)) >> 13
        halves[i] = np.int16(rounded | (bits >> 16 & -0x8000))


@machine_code
def best_sequences(
    emissions: _Array, offsets: Ids, scores: _Array, tags: Ids, margins: _Array
) -> None:
    """Do `kakehashi.runtime.decoder.best_sequences`."""
    n_tags = emissions.shape[1]
    best = np.empty_like(emissions)
    for sequence in range(len(offsets) - 1):
        begin, end = offsets[sequence], offsets[sequence + 1]
        for token in range(begin, end):
            row, first = best[token], n_tags if token == begin else 0
            row[:] = -np.inf
            for before in range(first, n_tags + (token == begin)):
                score = _float(0) if token == begin else best[token - 1, before]
                for tag in range(n_tags):
                    way = score + scores[before, tag]
                    row[tag] = way if way > row[tag] else row[tag]
            for tag in range(n_tags):
                row[tag] += emissions[token, tag]
        after, margin = n_tags, _float(np.inf)  # after the last, the end of the sentence
        for token in range(end - 1, begin - 1, -1):
            chosen, first, second = 0, _float(-np.inf), _float(-np.inf)
            for tag in range(n_tags):
                score = best[token, tag] + scores[tag, after]
                if score > first:
                    chosen, first, second = tag, score, first
                elif score > second:
                    second = score
            tags[token], margin = chosen, min(margin, first - second)
            after = chosen
        margins[sequence] = margin


@machine_code
def sum_paths(
    emissions: npt.NDArray[np.float64],
    offsets: Ids,
    first: npt.NDArray[np.float64],
    factors: npt.NDArray[np.float64],
    least: float,
    backward: bool,
    sums: npt.NDArray[np.float64],
) -> None:
    """Do `kakehashi.runtime.decoder.sum_paths`."""
    n_tags = emissions.shape[1]
    ways = np.empty(n_tags)
    for sequence in range(len(offsets) - 1):
        begin, end = offsets[sequence], offsets[sequence + 1]
        for step in range(end - begin):
            token = end - 1 - step if backward else begin + step
            row = sums[token]
            if step == 0:
                for tag in range(n_tags):
                    row[tag] = first[tag] + emissions[token, tag]
                continue
            last = sums[token + 1 if backward else token - 1]
            peak = last.max()
            ways[:] = 0
            for before in range(n_tags):
                weight, into = np.exp(last[before] - peak), factors[before]
                for tag in range(n_tags):
                    ways[tag] += weight * into[tag]
            for tag in range(n_tags):
                row[tag] = np.log(max(ways[tag], least)) + peak + emissions[token, tag]
