"""The tagger of the paper (section 2, figure 1), with the layer groups as its submodules."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kakehashi.config.architecture import CHAR_WINDOW, WORD_WIDTH, ModelSettings
from kakehashi.data.batches import Batch, Ids, gather_ngrams
from kakehashi.data.vectors import CompactRows, Vectors
from kakehashi.data.vocabulary import UNKNOWN, FormFeatures, Vocabulary
from kakehashi.model.char_cnn import CharCnn
from kakehashi.model.crf import Crf
from kakehashi.model.lstm import BiLstm
from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.model.sequence_tagger import ContextLayers, Dropout, SequenceTagger
from kakehashi.tags import Tagset


class _Embedding(nn.Embedding):
    def reset_parameters(self) -> None:
        if not self.weight.is_meta:  # where torch would load all of its compiler for it
            super().reset_parameters()


class CharLayers(nn.Module):
    """Character n-grams to one vector per form: embedding, and character BiLSTM or CNN."""

    lstm: BiLstm
    cnn: CharCnn  # one of them

    def __init__(self, n_ngrams: int, settings: ModelSettings) -> None:
        super().__init__()
        self.embedding = _Embedding(n_ngrams, settings.char_width, sparse=True)
        self._encoder = settings.char_encoder
        if settings.char_encoder == "cnn":
            self.cnn = CharCnn(settings.char_width, settings.char_filters, CHAR_WINDOW)
        else:
            self.lstm = BiLstm(settings.char_width, settings.char_lstm_width, kernel=settings.lstm)

    def forward(self, ngram_ids: Tensor, ngrams: Tensor, lengths: Ids) -> Tensor:
        """Encode the distinct forms of a batch: final states or maxima (forms, form width).

        ``ngram_ids`` are distinct, ``ngrams`` has the row in them per n-gram of the forms
        (n-grams,), ``lengths`` the n-grams per form (forms,).
        """
        embedded = self.embedding(ngram_ids)
        if self._encoder == "cnn":
            maxima: Tensor = self.cnn(embedded, ngrams, lengths)
            return maxima
        return self.lstm.final_states(embedded, RaggedOrder(lengths, ngrams.device), rows=ngrams)


class CompactEmbedding(nn.Module):
    """Rows of 8 bits per number that training does not change; see `CompactRows`."""

    codes: Tensor
    scales: Tensor

    def __init__(self, n_rows: int, width: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.zeros(n_rows, width, dtype=torch.int8))
        self.register_buffer("scales", torch.zeros(n_rows))

    def forward(self, rows: Tensor) -> Tensor:
        """Look up rows (any number, width)."""
        looked_up: Tensor = self.codes[rows] * self.scales[rows][:, None]
        return looked_up


class WordLayers(ContextLayers):
    """Words in context: embedding, dropout, and word BiLSTM over word and character part.

    Of the words the last ``n_compact`` have vectors and do not occur in training.
    """

    def __init__(self, n_words: int, n_compact: int, width: int, settings: ModelSettings) -> None:
        super().__init__()
        self.embedding = _Embedding(n_words - n_compact, width, sparse=True)
        self.vectors = CompactEmbedding(n_compact, width) if n_compact else None
        self.dropout = Dropout(settings.dropout)
        item_width = width + settings.form_width
        self.lstm = BiLstm(item_width, settings.word_lstm_width, kernel=settings.lstm)

    def forward(
        self, words: Tensor, chars: Tensor, lengths: Ids, rows: Tensor | None = None
    ) -> Tensor:
        """Encode tokens in their sentences: states (tokens, 2 · LSTM width).

        ``words`` are word ids (tokens,), or with ``rows``, a row per token, the distinct ones;
        ``chars`` the character part of each token; ``lengths`` the tokens per sentence.
        """
        items = self.dropout(self.embed(words, chars, rows))
        states: Tensor = self.lstm(items, RaggedOrder(lengths, items.device))
        return states

    def embed(self, words: Tensor, chars: Tensor, rows: Tensor | None = None) -> Tensor:
        """Join word embeddings and character parts (tokens, word and character width)."""
        embedded = self._embed(words)
        return torch.cat([embedded if rows is None else embedded[rows], chars], dim=1)

    def _embed(self, words: Tensor) -> Tensor:
        if self.vectors is None or self.training:
            embedded: Tensor = self.embedding(words)
            return embedded
        compact = words - self.embedding.num_embeddings
        ours = self.embedding(torch.where(compact < 0, words, UNKNOWN))
        return torch.where(compact[:, None] < 0, ours, self.vectors(compact.clamp(min=0)))


class Tagger(SequenceTagger):
    """Embeddings, character BiLSTM or CNN, word BiLSTM, dense layer, and softmax or a CRF.

    The layer groups are ``char``, ``word``, ``dense`` (the output layer), and ``crf`` (the
    transitions), which is None where the decoder is softmax. The word width of ``settings`` is
    resolved; ``words`` and ``ngrams`` are the vocabularies of the two channels. The vectors of the
    last ``n_compact`` words are kept in 8 bits and not trained.
    """

    char: CharLayers
    word: WordLayers

    def __init__(
        self,
        settings: ModelSettings,
        words: Vocabulary,
        ngrams: Vocabulary,
        tagset: Tagset,
        n_compact: int = 0,
    ) -> None:
        super().__init__()
        word_width = settings.word_width or WORD_WIDTH
        self.settings = settings.model_copy(update={"word_width": word_width})
        self.words, self.ngrams, self.tagset = words, ngrams, tagset
        self.char = CharLayers(len(ngrams), settings)
        self.word = WordLayers(len(words), n_compact, word_width, settings)
        self.dense = nn.Linear(2 * settings.word_lstm_width, len(tagset))
        self.crf = Crf(tagset.transitions()) if settings.decoder == "crf" else None
        # Uniformly with variance 1 / width (Lample et al., 2016); the unknown string is zero.
        for embedding in (self.char.embedding, self.word.embedding):
            bound = math.sqrt(3 / embedding.embedding_dim)
            with torch.no_grad():
                embedding.weight.uniform_(-bound, bound)[UNKNOWN] = 0

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

    @property
    def strings(self) -> dict[str, dict[str, int]]:
        """The strings that training has seen, and their rows, of each embedding."""
        return {
            "char.embedding.weight": self.ngrams.seen,
            "word.embedding.weight": self.words.seen,
        }

    def items(self, forms: npt.NDArray[np.integer], features: FormFeatures) -> Tensor:
        """Compute what the word LSTM gets of forms."""
        lengths, *ngrams = gather_ngrams(forms, features)
        rows, ids, words = self._tensors(*ngrams, features.words[forms])
        return self.word.embed(words, self.char(ids, rows, lengths))

    @torch.no_grad()
    def take_vectors(self, vectors: Vectors) -> None:
        """Start the embeddings of known words from pre-trained vectors."""
        rows, weight, compact = vectors.rows, self.word.embedding.weight, self.word.vectors
        pairs = [(row, rows[word]) for word, row in self.words.ids.items() if word in rows]
        trained = [pair for pair in pairs if pair[0] < len(weight)]
        if trained:
            ours, theirs = map(list, zip(*trained, strict=True))
            weight[ours] = torch.from_numpy(vectors.matrix[theirs])
        if compact is not None:
            codes, scales = CompactRows.of(
                vectors.matrix[[row for _, row in pairs[len(trained) :]]]
            )
            compact.codes.copy_(torch.from_numpy(codes))
            compact.scales.copy_(torch.from_numpy(scales))
