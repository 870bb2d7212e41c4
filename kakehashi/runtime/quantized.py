"""What ``int8`` means: the same whole numbers on every processor, whatever multiplies them.

States of an LSTM lie between -1 and 1, and are rounded to whole 127ths. The weights of a gate are
rounded to a scale of its own, of which they are -127 to 127 times. A product of both is then a sum
of whole numbers, which float32 holds exactly up to a width of 1,040, as 32 bits do to 130,000.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

STATE_STEPS = 127
"""Steps from a state of 0 to one of 1."""


def quantize(
    weights: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Round weights (d, width, gates) to the nearest multiples of a scale per gate.

    Returns the multiples (d, width, gates) and the scales (d, gates).

    Example:
        >>> weights = np.array([[[0.5, 2.54], [-1.27, 0]]], np.float32)
        >>> quantize(weights)[0].tolist()
        [[[50, 127], [-127, 0]]]
    """
    scales = np.maximum(np.abs(weights).max(1), 1e-12) / 127
    return np.rint(weights / scales[:, None]).astype(np.int8), scales


def round_states(states: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Round states to whole 127ths, and return how many: whole numbers from -127 to 127."""
    rounded: npt.NDArray[np.float32] = np.rint(states * np.float32(STATE_STEPS))
    return rounded


def rounded_weights(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return what `round_states` are multiplied with, in float32 (d, width, gates)."""
    codes, scales = quantize(weights)
    return codes * (scales / np.float32(STATE_STEPS))[:, None]
