"""The character CNN of Ma and Hovy (2016): windows of n-grams, and the maximum over positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kakehashi.data.batches import Ids, window_places
from kakehashi.model.device import to_device


class CharCnn(nn.Conv1d):
    """`torch.nn.Conv1d` over ragged sequences with zeros at both ends; then maximum and tanh.

    Parameters have its names, shapes and initial distribution. Distinct items are multiplied once,
    however often and in whatever windows they occur.
    """

    bias: Tensor

    def __init__(self, input_width: int, n_filters: int, window: int) -> None:
        super().__init__(input_width, n_filters, window)

    def forward(self, items: Tensor, rows: Tensor, lengths: Ids) -> Tensor:  # type: ignore[override]
        """Encode sequences (sequences, filters).

        ``items`` are distinct ones (distinct items, input width), ``rows`` has the row in them per
        item (items,), ``lengths`` the items per sequence, each at least 1.
        """
        n_filters, _, window = self.weight.shape
        products = items @ self.weight.permute(1, 2, 0).flatten(1)
        products = torch.cat(
            [products, products.new_zeros(1, products.shape[1])]
        )  # beyond the ends
        places, counts = to_device([window_places(lengths, window), lengths], items.device)
        rows = torch.cat([rows, rows.new_full((1,), len(items))])[places]
        rows = rows * window + torch.arange(window, device=rows.device)
        sums = nn.functional.embedding_bag(rows, products.view(-1, n_filters), mode="sum")
        largest = torch.segment_reduce(sums.float(), "max", lengths=counts, unsafe=True)
        return torch.tanh(largest + self.bias)
