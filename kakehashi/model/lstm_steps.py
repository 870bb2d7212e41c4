"""Ragged sequences without padding, and the steps of an LSTM over them.

Gates are side by side: input, forget, cell, output.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.model.device import CPU, to_device


class RaggedOrder:
    """Where the items of ragged sequences go; computed once per batch.

    Sequences are ranked longest first, so that those still running at a step are the first ones.
    *Steps order* has the items of step 0, of step 1, …, each by rank. The backward direction reads
    every sequence from its own end, so its steps are as large as those of the forward direction.
    Lengths are items per sequence (sequences,), each at least 1, else ValueError.

    Attributes:
        n_items: Items of all sequences.
        n_sequences: Sequences of the batch.
        sizes: Sequences running at each step, never growing.
        steps: Place of the first item of the step before, at first -1, of its own, and the end.
        order: Item per place in steps order, forward and backward (2, items).
        previous: Place of the same sequence one step earlier, from step 1 on (items - sequences,).
        items: Rows of flat states (2 · items,) in item order, the two directions side by side.
        final: Rows of flat states (2 · sequences,) after the last item and after the first.
        first: First item of each sequence (sequences,).
        last: Last item of each sequence (sequences,).
    """

    def __init__(
        self, lengths: Sequence[int] | npt.NDArray[np.integer], device: torch.device = CPU
    ) -> None:
        counts = np.asarray(lengths, dtype=np.int64)
        if not counts.size or counts.min() < 1:
            came = f"length {counts.min()}" if counts.size else "no sequence"
            problem = f"expected sequences of at least one item, got {came}"
            raise ValueError(f"{problem}; leave empty sequences out")
        self.n_items, self.n_sequences = int(counts.sum()), len(counts)
        first = np.cumsum(counts) - counts
        last = first + counts - 1
        ranked = np.argsort(-counts, kind="stable")
        sizes = len(counts) - np.cumsum(np.bincount(counts))[:-1]
        self.sizes: list[int] = sizes.tolist()
        edges = [0, *accumulate(self.sizes)]
        self.steps = list(zip([-1, *edges], edges, edges[1:], strict=False))

        places = np.arange(self.n_items)
        begins = np.cumsum(sizes) - sizes
        step = np.repeat(np.arange(len(sizes)), sizes)
        rank = places - begins[step]
        order = np.stack([first[ranked][rank] + step, last[ranked][rank] - step])
        items, final = np.empty_like(order), np.empty((len(counts), 2), dtype=np.int64)
        for direction in (0, 1):
            items[direction, order[direction]] = places + direction * self.n_items
            final[ranked, direction] = begins[counts[ranked] - 1] + np.arange(len(counts))
            final[:, direction] += direction * self.n_items
        previous = (begins[step - 1] + rank)[sizes[0] :]
        self.order, self.previous, self.items, self.final, self.first, self.last = to_device(
            [order, previous, items.T.reshape(-1), final.reshape(-1), first, last], device
        )


def run_steps(
    projected: Tensor, columns: slice, rows: Tensor, weight: Tensor, ragged: RaggedOrder
) -> Tensor:
    """Compute the states of one direction without gradients, in steps order (items, width).

    ``projected`` is what distinct items add to the gates of both directions (distinct items, any
    width), in ``columns`` to those of this one; ``rows`` has the row in it per item, in steps order
    (items,), ``weight`` is from states to gates (width, 4 · width).
    """
    states = projected.new_empty(len(rows), (columns.stop - columns.start) // 4)
    gates, cells = projected[:, columns].index_select(0, rows), states[:0]
    for before, begin, end in ragged.steps:
        gate = gates[begin:end]
        if begin:
            gate += states[before : before + end - begin] @ weight
        input_, forget, cell, output = gate.chunk(4, 1)
        for part in (input_, forget, output):
            part.sigmoid_()
        kept = forget * cells[: end - begin] if begin else torch.zeros_like(cell)
        cells = kept.addcmul_(input_, cell.tanh_())
        states[begin:end] = cells.tanh().mul_(output)
    return states
