"""The recognizer on frozen states: a mix of layers, a BiLSTM, a dense layer, and a CRF.

Its layer groups are those of `kakehashi.model.tagger.Tagger` but for ``char``, which an encoder
does without. What is a word id there is a row of states here: a token in its sentence.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.config.settings import EncoderSettings
from kakehashi.data.batches import Batch, Ids
from kakehashi.model.crf import Crf
from kakehashi.model.device import to_device
from kakehashi.model.lstm import BiLstm
from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.model.tagger import Dropout
from kakehashi.tags import Tagset

States = npt.NDArray[np.float16]
"""States of tokens, layer beside layer (tokens, layers · width)."""


class StateLayers(nn.Module):
    """States in context: standardized, mixed over the layers, dropout, BiLSTM.

    Args:
        width: Numbers per token, over all layers.

    Attributes:
        mean: Of every number over the tokens of some sentences; not trained.
        deviation: Likewise.
        mix: A weight per layer, before a softmax over them; zero at first.
    """

    def __init__(self, width: int, settings: EncoderSettings) -> None:
        super().__init__()
        n_layers = len(settings.layers)
        self.mean = nn.Parameter(torch.zeros(width), requires_grad=False)
        self.deviation = nn.Parameter(torch.ones(width), requires_grad=False)
        self.mix = nn.Parameter(torch.zeros(n_layers))
        self.dropout = Dropout(settings.dropout)
        self.lstm = BiLstm(width // n_layers, settings.lstm_width)

    def standardize(self, states: States) -> None:
        """Take mean and deviation from the states of some tokens, at least one."""
        wide = torch.from_numpy(states.astype(np.float32))
        with torch.no_grad():
            self.mean.copy_(wide.mean(0))
            self.deviation.copy_(wide.std(0, correction=0).clamp(min=1e-4))

    def embed(self, states: Tensor) -> Tensor:
        """Standardize and mix float states (tokens, layers · width); (tokens, width)."""
        scaled = ((states - self.mean) / self.deviation).unflatten(1, (len(self.mix), -1))
        mixed: Tensor = torch.einsum("tlw,l->tw", scaled, self.mix.softmax(0))
        return mixed

    def forward(self, states: Tensor, lengths: Ids) -> Tensor:
        """Encode tokens in their sentences (tokens, 2 · LSTM width)."""
        items = self.dropout(self.embed(states))
        found: Tensor = self.lstm(items, RaggedOrder(lengths, items.device))
        return found
