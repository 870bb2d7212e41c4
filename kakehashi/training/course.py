"""How far an epoch is that is under way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Course:
    """What the next batch of an epoch depends on, beside weights, moments and torch's random state.

    Which batch that is needs no more than their number: their order is a function of (seed, epoch).

    Args:
        order: (seed, epoch).
        device: Where losses are computed.

    Attributes:
        batches: How many are done.
        random: Draws which rare words are hidden.
    """

    def __init__(self, order: tuple[int, int], device: torch.device) -> None:
        self.batches = 0
        self.random = np.random.default_rng((*order, 1))
        # Summed where it is computed: to look at it would be to wait for the GPU.
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._began = time.perf_counter()

    @property
    def loss(self) -> float:
        """The sum of the losses of the tokens so far."""
        return self._loss.item()

    @property
    def seconds(self) -> float:
        """Wall-clock time in it so far, over all interruptions."""
        return time.perf_counter() - self._began

    def add(self, loss: Tensor, n_tokens: int) -> None:
        """Count a batch, with its mean loss per token."""
        self.batches += 1
        self._loss += loss.detach().double() * n_tokens

    def state(self) -> dict[str, Any]:
        """Describe it as JSON takes it, to the bit."""
        return {
            "batches": self.batches,
            "loss": self.loss,
            "seconds": self.seconds,
            "random": self.random.bit_generator.state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where the epoch was that `state` described."""
        self.batches = state["batches"]
        self.random.bit_generator.state = state["random"]
        self._loss.fill_(state["loss"])
        self._began = time.perf_counter() - state["seconds"]
