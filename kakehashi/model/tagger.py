"""Dropout with cheap masks.

The tagger of the paper (section 2, figure 1), with the layer groups as its submodules.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.config.settings import ModelSettings
from kakehashi.data.batches import Batch, Ids, gather_ngrams
from kakehashi.data.encode import FormFeatures
from kakehashi.data.vectors import Vectors
from kakehashi.data.vocabulary import UNKNOWN, Vocabulary
from kakehashi.model.crf import Crf
from kakehashi.model.device import to_device
from kakehashi.model.lstm import BiLstm
from kakehashi.model.ragged import Layout
from kakehashi.tags import Tagset


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


_WORD_WIDTH = 50


def weight_shapes(
    settings: ModelSettings, n_words: int, n_ngrams: int, n_tags: int
) -> dict[str, tuple[int, ...]]:
    """Compute the shapes of the weights of a `Tagger`, by name, without making any."""
    word_width, states = settings.word_width or _WORD_WIDTH, 2 * settings.word_lstm_width
    chars = 2 * settings.char_lstm_width
    shapes: dict[str, tuple[int, ...]] = {
        "char.embedding.weight": (n_ngrams, settings.char_width),
        "word.embedding.weight": (n_words, word_width),
        "dense.weight": (n_tags, states),
        "dense.bias": (n_tags,),
    }
    for lstm, inputs, outputs in (
        ("char.lstm", settings.char_width, chars),
        ("word.lstm", word_width + chars, states),
    ):
        for direction in ("l0", "l0_reverse"):
            shapes[f"{lstm}.weight_ih_{direction}"] = (2 * outputs, inputs)
            shapes[f"{lstm}.weight_hh_{direction}"] = (2 * outputs, outputs // 2)
            shapes[f"{lstm}.bias_ih_{direction}"] = (2 * outputs,)
            shapes[f"{lstm}.bias_hh_{direction}"] = (2 * outputs,)
    if settings.decoder == "crf":
        shapes["crf.transitions"] = (n_tags + 1, n_tags + 1)
    return shapes


class CharLayers(nn.Module):
    """Character n-grams to one vector per form: embedding and character BiLSTM."""

    def __init__(
        self, n_ngrams: int, width: int, lstm_width: int, kernel: Literal["fused", "torch"]
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_ngrams, width, sparse=True)
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
        layout = Layout(lengths, ngrams.device)
        return self.lstm.final_states(self.embedding(ngram_ids), layout, rows=ngrams)


class WordLayers(nn.Module):
    """Words in context: embedding and word BiLSTM over word and character part."""

    def __init__(
        self,
        n_words: int,
        width: int,
        char_width: int,
        lstm_width: int,
        dropout: float,
        kernel: Literal["fused", "torch"],
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_words, width, sparse=True)
        self.dropout = Dropout(dropout)
        self.lstm = BiLstm(width + char_width, lstm_width, kernel=kernel)

    def forward(
        self,
        words: Tensor,
        chars: Tensor,
        lengths: npt.NDArray[np.int64],
        rows: Tensor | None = None,
    ) -> Tensor:
        """Encode tokens in their sentences.

        Args:
            words: Word ids (tokens,); with ``rows`` the distinct ones (distinct words,).
            chars: The character part of each token (tokens, character width).
            lengths: Tokens per sentence (sentences,).
            rows: Row in ``words`` per token (tokens,).

        Returns:
            States of both directions (tokens, 2 · LSTM width).
        """
        items = self.dropout(self.embed(words, chars, rows))
        states: Tensor = self.lstm(items, Layout(lengths, items.device))
        return states

    def embed(self, words: Tensor, chars: Tensor, rows: Tensor | None = None) -> Tensor:
        """Join word embeddings and character parts (tokens, word and character width)."""
        embedded = self.embedding(words)
        return torch.cat([embedded if rows is None else embedded[rows], chars], dim=1)


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
        self.crf = Crf(tagset.transitions()) if settings.decoder == "crf" else None
        for embedding in (self.char.embedding, self.word.embedding):
            _initialise(embedding.weight)

    def forward(self, batch: Batch) -> Tensor:
        """Compute the emissions of every token (tokens, tags)."""
        ids: tuple[Ids, ...] = (batch.words,)
        if self.device.type != "cpu":
            # Each row of a gradient then comes once. To add rows up the optimization would have to
            # wait for the GPU, which alone could tell how many are distinct.
            ids = np.unique(batch.words, return_inverse=True)
        ngram_ids, ngrams, forms, words, *rows = self._tensors(
            batch.ngram_ids, batch.ngrams, batch.forms, *ids
        )
        chars = self.char(ngram_ids, ngrams, batch.form_lengths)[forms]
        emissions: Tensor = self.dense(self.word(words, chars, batch.lengths, *rows))
        return emissions

    @torch.no_grad()
    def project(self, forms: npt.NDArray[np.integer], features: FormFeatures) -> Tensor:
        """Compute of forms what does not depend on their context, for `emit`.

        Args:
            forms: Form numbers (forms,).
            features: Features per form number.

        Returns:
            A row per form (forms, any width).
        """
        lengths, *ngrams = gather_ngrams(forms, features)
        rows, ngram_ids, words = self._tensors(*ngrams, features.words[forms])
        return self.word.lstm.project(self.word.embed(words, self.char(ngram_ids, rows, lengths)))

    @torch.no_grad()
    def emit(self, projected: Tensor, rows: Ids, lengths: Ids) -> Tensor:
        """Compute the emissions of sentences, without dropout and without gradients.

        Args:
            projected: Rows of forms, as `project` gives them.
            rows: Row in ``projected`` per token (tokens,).
            lengths: Tokens per sentence (sentences,).

        Returns:
            Emissions (tokens, tags).
        """
        (places,) = self._tensors(rows)
        emissions: Tensor = self.dense(self.word.lstm.states_of(projected, places, lengths))
        return emissions

    def loss(self, batch: Batch) -> Tensor:
        """Compute the mean cross entropy per token, or the CRF's negative log-likelihood."""
        if batch.tags is None:
            raise ValueError("a batch without tags has no loss")
        emissions, (tags,) = self(batch), self._tensors(batch.tags)
        if self.crf is not None:
            return self.crf.loss(emissions, tags, Layout(batch.lengths, self.device))
        return nn.functional.cross_entropy(emissions, tags)

    def decode(self, emissions: Tensor, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Choose the tags: the best of each token, or the CRF's best legal sequence (tokens,)."""
        if self.crf is not None:
            best = self.crf.decode(emissions, Layout(lengths, self.device))
        else:
            best = emissions.argmax(1)
        return np.asarray(best.cpu())

    def probabilities(
        self,
        emissions: Tensor,
        lengths: npt.NDArray[np.int64],
        tags: npt.NDArray[np.int64],
        edges: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.float64]:
        """Compute how probable the tags of some spans are, given the text.

        Args:
            emissions: Of the tokens of a batch (tokens, tags).
            lengths: Tokens per sentence (sentences,).
            tags: The chosen tags (tokens,).
            edges: First token and one past the last of each span (spans, 2).

        Returns:
            The joint probability of the tags in each span (spans,).
        """
        ids, ends = self._tensors(tags, edges)
        if self.crf is not None:
            layout = Layout(lengths, self.device)
            return np.asarray(self.crf.probabilities(emissions, ids, ends, layout).cpu())
        chosen = emissions.log_softmax(1).gather(1, ids[:, None])
        sums = np.concatenate([[0.0], chosen[:, 0].double().cumsum(0).cpu()])
        joint: npt.NDArray[np.float64] = np.exp(sums[edges[:, 1]] - sums[edges[:, 0]])
        return joint

    @property
    def device(self) -> torch.device:
        """Where the weights are, and all that is computed with them."""
        return self.dense.weight.device

    def _tensors(self, *arrays: Ids) -> tuple[Tensor, ...]:
        return to_device(arrays, self.device)

    @torch.no_grad()
    def take_vectors(self, vectors: Vectors) -> None:
        """Start the embeddings of known words from pre-trained vectors."""
        pairs = [
            (row, vectors.rows[word]) for word, row in self.words.ids.items() if word in vectors
        ]
        if pairs:
            ours, theirs = map(list, zip(*pairs, strict=True))
            self.word.embedding.weight[ours] = torch.from_numpy(vectors.matrix[theirs])


@torch.no_grad()
def _initialise(embedding: Tensor) -> None:
    """Draw uniformly with variance 1 / width (Lample et al., 2016); the unknown string is zero."""
    bound = math.sqrt(3 / embedding.shape[1])
    embedding.uniform_(-bound, bound)
    embedding[UNKNOWN] = 0
