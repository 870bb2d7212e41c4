"""The recognizer on frozen states: a mix of layers, a BiLSTM, a dense layer, and a CRF.

What are forms and words elsewhere are tokens here, each in its sentence: numbers into `States`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.config.settings import EncoderSettings
from kakehashi.data.batches import Batch, Ids
from kakehashi.data.vocabulary import FormFeatures
from kakehashi.model.crf import Crf
from kakehashi.model.lstm import BiLstm
from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.model.sequence_tagger import ContextLayers, Dropout, SequenceTagger
from kakehashi.tags import Tagset

_LEAST_DEVIATION = 1e-4


class States(NamedTuple):
    """States of numbered tokens."""

    matrix: npt.NDArray[np.float16]  # layer beside layer (any number, layers · width)
    rows: Ids  # row of each token (tokens,)

    def of(self, tokens: npt.NDArray[np.integer]) -> Tensor:
        """Look up tokens by their numbers: float32 (tokens, layers · width)."""
        return torch.from_numpy(self.matrix[self.rows[tokens]]).float()


class StateLayers(ContextLayers):
    """States in context: standardized, mixed over the layers, dropout, BiLSTM.

    Args:
        width: Numbers per token, over all layers.

    Attributes:
        mean: Of every number over the tokens of some text; neither trained nor transferred, since
            the states of each language lie elsewhere.
        deviation: Likewise.
        mix: A weight per layer, before a softmax over them; zero at first.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int, settings: EncoderSettings) -> None:
        super().__init__()
        n_layers = len(settings.layers)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        self.mix = nn.Parameter(torch.zeros(n_layers))
        self.dropout = Dropout(settings.dropout)
        self.lstm = BiLstm(width // n_layers, settings.lstm_width)

    @torch.no_grad()
    def standardize(self, states: Tensor) -> None:
        """Take mean and deviation of the states of tokens, at least one."""
        self.mean.copy_(states.mean(0))
        self.deviation.copy_(states.std(0, correction=0).clamp(min=_LEAST_DEVIATION))

    def embed(self, states: Tensor) -> Tensor:
        """Standardize and mix states (tokens, layers · width): (tokens, width)."""
        scaled = ((states - self.mean) / self.deviation).unflatten(1, (len(self.mix), -1))
        mixed: Tensor = torch.einsum("tlw,l->tw", scaled, self.mix.softmax(0))
        return mixed

    def forward(self, states: Tensor, lengths: Ids) -> Tensor:
        """Encode tokens in their sentences (tokens, 2 · LSTM width)."""
        items = self.dropout(self.embed(states))
        encoded: Tensor = self.lstm(items, RaggedOrder(lengths, items.device))
        return encoded


class EncoderTagger(SequenceTagger):
    """A tagger of tokens whose states an encoder has computed.

    Args:
        settings: Of the layers.
        width: Numbers per token, over all layers of the encoder.
        tagset: What it chooses from, in BIO.

    Attributes:
        states: Those of the tokens that batches and forms mean by their numbers.
    """

    word: StateLayers
    states: States

    def __init__(self, settings: EncoderSettings, width: int, tagset: Tagset) -> None:
        super().__init__()
        self.settings, self.width, self.tagset = settings, width, tagset
        self.word = StateLayers(width, settings)
        self.dense = nn.Linear(2 * settings.lstm_width, len(tagset))
        self.crf = Crf(tagset.transitions())

    def forward(self, batch: Batch) -> Tensor:
        """Compute the emissions of every token (tokens, tags)."""
        states = self.states.of(batch.words).to(self.device)
        emissions: Tensor = self.dense(self.word(states, batch.lengths))
        return emissions

    def items(self, forms: npt.NDArray[np.integer], features: FormFeatures) -> Tensor:
        """Compute what the LSTM gets of tokens: (tokens, width)."""
        items: Tensor = self.word.embed(self.states.of(features.words[forms]).to(self.device))
        return items
