"""What all trained taggers have in common: states of tokens, a dense layer, softmax or a CRF."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.data.batches import Batch, Ids
from kakehashi.data.vocabulary import FormFeatures
from kakehashi.model.crf import Crf, SoftTags
from kakehashi.model.device import to_device
from kakehashi.model.lstm import BiLstm
from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.tags import Tagset


class Dropout(nn.Module):
    """`torch.nn.Dropout`, five times as fast on CPU: one random word of 64 bits masks four numbers.

    Args:
        rate: How many numbers become zero, at least 0 and below 1; kept to the nearest 1/65536.

    Attributes:
        part: Where the inputs are some rows of a whole: (rows before them, rows of the whole).
            Their mask is then what the whole would have there, and as many random numbers are
            drawn as for the whole.
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


class ContextLayers(nn.Module):
    """States of tokens in their sentences: an LSTM over items that do not know their context."""

    dropout: Dropout  # of the items
    lstm: BiLstm


class SequenceTagger(nn.Module, ABC):
    """A tagger with the layer groups ``word``, ``dense`` (the output layer), and perhaps ``crf``.

    ``crf`` has the transitions, and is None where the decoder is softmax. Each parameter belongs to
    the layer group that its name begins with.
    """

    tagset: Tagset
    word: ContextLayers
    dense: nn.Linear
    crf: Crf | None

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """Compute the emissions of every token (tokens, tags)."""

    @abstractmethod
    def items(self, forms: npt.NDArray[np.integer], features: FormFeatures) -> Tensor:
        """Compute what the word LSTM gets of forms (their numbers): (forms, item width).

        ``features`` has those of every form number.
        """

    @property
    def strings(self) -> dict[str, dict[str, int]]:
        """The strings that training has seen, and their rows, of each embedding by its name."""
        return {}

    def loss(self, batch: Batch) -> Tensor:
        """Compute the mean cross entropy per token, or the CRF's negative log-likelihood.

        With ``weights`` in the batch those of sentences are weighted, and still divided by the
        number of tokens. The cross entropy to soft labels is added, if there are any.
        """
        if batch.tags is None:
            raise ValueError("a batch without tags has no loss")
        emissions, (tags,) = self(batch).float(), self._tensors(batch.tags)
        loss = self._gold_loss(emissions, tags, batch)
        if batch.soft_ids is None or batch.soft_weights is None:
            return loss
        (ids,) = self._tensors(batch.soft_ids)
        soft = SoftTags(ids, torch.from_numpy(batch.soft_weights).to(self.device))
        if self.crf is None:
            return loss + soft.cross_entropy(emissions.log_softmax(1))
        ragged = RaggedOrder(batch.lengths, self.device)
        return loss + self.crf.marginal_loss(emissions, ragged, soft)

    def _gold_loss(self, emissions: Tensor, tags: Tensor, batch: Batch) -> Tensor:
        weights = None if batch.weights is None else torch.from_numpy(batch.weights).to(self.device)
        if self.crf is not None:
            return self.crf.loss(emissions, tags, RaggedOrder(batch.lengths, self.device), weights)
        if weights is None:
            return nn.functional.cross_entropy(emissions, tags)
        (lengths,) = self._tensors(batch.lengths)
        losses = nn.functional.cross_entropy(emissions, tags, reduction="none")
        return (losses * weights.repeat_interleave(lengths)).mean()

    @property
    def device(self) -> torch.device:
        """Where the weights are, and all that is computed with them."""
        return self.dense.weight.device

    def _tensors(self, *arrays: Ids) -> tuple[Tensor, ...]:
        return to_device(arrays, self.device)
