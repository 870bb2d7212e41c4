"""The tagger of the paper (section 2, figure 1), with the layer groups as its submodules."""

from __future__ import annotations


import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.config.settings import ModelSettings
from kakehashi.data.batches import Batch
from kakehashi.data.vectors import Vectors
from kakehashi.data.vocabulary import UNKNOWN, Vocabulary
from kakehashi.model.crf import Crf
from kakehashi.model.lstm import BiLstm, Layout
from kakehashi.tags import Tagset

_WORD_WIDTH = 50
_EMBEDDING_RANGE = 0.1


class CharLayers(nn.Module):
    """Character n-grams to one vector per form: embedding and character BiLSTM."""

    def __init__(self, n_ngrams: int, width: int, lstm_width: int, kernel: str) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_ngrams, width)
        self.lstm = BiLstm(width, lstm_width, kernel=kernel)

    def forward(self, ngram_ids: Tensor, ngrams: Tensor, lengths: npt.NDArray[np.int64]) -> Tensor:
        """Encode the distinct forms of a batch.

        Args:
            ngram_ids: The distinct n-grams of the batch (distinct n-grams,).
            ngrams: Row in ``ngram_ids`` per n-gram of the forms (n-grams,).
            lengths: N-grams per form (forms,).

        Returns:
            Final states of both directions (forms, 2 · LSTM width).
        """
        return self.lstm.final_states(self.embedding(ngram_ids), Layout(lengths), rows=ngrams)


class WordLayers(nn.Module):
    """Words in context: embedding and word BiLSTM over word and character part."""

    def __init__(
        self,
        n_words: int,
        width: int,
        char_width: int,
        lstm_width: int,
        dropout: float,
        kernel: str,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_words, width)
        self.dropout = nn.Dropout(dropout)
        self.lstm = BiLstm(width + char_width, lstm_width, kernel=kernel)

    def forward(self, words: Tensor, chars: Tensor, lengths: npt.NDArray[np.int64]) -> Tensor:
        """Encode tokens in their sentences.

        Args:
            words: Word ids (tokens,).
            chars: The character part of each token (tokens, character width).
            lengths: Tokens per sentence (sentences,).

        Returns:
            States of both directions (tokens, 2 · LSTM width).
        """
        inputs = torch.cat([self.embedding(words), chars], dim=1)
        return self.lstm(self.dropout(inputs), Layout(lengths))


class Tagger(nn.Module):
    """Embeddings, character BiLSTM, word BiLSTM, dense layer, and softmax or a CRF.

    Attributes:
        char: Layer group ``char``.
        word: Layer group ``word``.
        dense: Layer group ``dense``, the output layer.
        crf: Layer group ``crf``, the transitions; only where the decoder is a CRF.
        settings: The architecture; its word width is resolved.
        words: Vocabulary of the word channel.
        ngrams: Vocabulary of the character channel.
        tagset: What the output stands for.
    """

    def __init__(
        self, settings: ModelSettings, words: Vocabulary, ngrams: Vocabulary, tagset: Tagset
    ) -> None:
        super().__init__()
        word_width = settings.word_width or _WORD_WIDTH
        self.settings = settings.model_copy(update={"word_width": word_width})
        self.words, self.ngrams, self.tagset = words, ngrams, tagset
        self.char = CharLayers(
            len(ngrams), settings.char_width, settings.char_lstm_width, settings.lstm
        )
        self.word = WordLayers(
            len(words),
            word_width,
            2 * settings.char_lstm_width,
            settings.word_lstm_width,
            settings.dropout,
            settings.lstm,
        )
        self.dense = nn.Linear(2 * settings.word_lstm_width, len(tagset))
        if settings.decoder == "crf":
            self.crf = Crf(tagset.transitions())
        with torch.no_grad():
            for embedding in (self.char.embedding, self.word.embedding):
                embedding.weight.uniform_(-_EMBEDDING_RANGE, _EMBEDDING_RANGE)
                embedding.weight[UNKNOWN] = 0

    def forward(self, batch: Batch) -> Tensor:
        """Compute the emissions of every token (tokens, tags)."""
        forms = self.char(_tensor(batch.ngram_ids), _tensor(batch.ngrams), batch.form_lengths)
        chars = forms[_tensor(batch.forms)]
        return self.dense(self.word(_tensor(batch.words), chars, batch.lengths))


def _tensor(array: npt.NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(array)
