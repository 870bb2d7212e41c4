"""The paper's model as a good engineer would first write it in PyTorch.

`torch.nn.LSTM` on packed sequences, a character LSTM over every token of the batch, padded batches
of shuffled sentences, Adam on everything. It reads the same encoded corpora as our engine, and has
its vocabularies, widths, initial weights, dropout, hidden rare words and bounded gradients, so that
only the engine and the way of batching differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from kakehashi.config.settings import TrainingSettings
from kakehashi.data.dataset import Dataset
from kakehashi.data.vocabulary import UNKNOWN, FormFeatures
from kakehashi.model.tagger import Tagger
from kakehashi.scoring.score import score_spans
from kakehashi.sentence import Span
from kakehashi.tags import Tagset

BATCH_SENTENCES = 32
LEARNING_RATE = 0.001
_NO_TAG = -100


class Item(NamedTuple):
    """One sentence: word ids, n-gram ids of each word, gold tag ids."""

    words: Tensor
    ngrams: list[Tensor]
    tags: Tensor


class Items(TorchDataset[Item]):
    """The sentences of an encoded corpus.

    Args:
        forms: Form number per token (tokens,).
        offsets: Where each sentence begins, and the end (sentences + 1,).
        features: Features per form number.
        tags: Gold tag id per token (tokens,), in training.
    """

    def __init__(
        self,
        forms: npt.NDArray[np.integer],
        offsets: npt.NDArray[np.int64],
        features: FormFeatures,
        tags: npt.NDArray[np.int64] | None = None,
    ) -> None:
        tags = np.full(len(forms), _NO_TAG) if tags is None else tags
        ngrams = torch.from_numpy(features.ngrams).split(np.diff(features.offsets).tolist())
        self._items = [
            Item(
                torch.from_numpy(features.words[forms[begin:end]]),
                [ngrams[form] for form in forms[begin:end]],
                torch.from_numpy(tags[begin:end]),
            )
            for begin, end in pairwise(offsets.tolist())
            if end > begin
        ]

    def __len__(self) -> int:
        """Count the sentences that have tokens."""
        return len(self._items)

    def __getitem__(self, number: int) -> Item:
        """Give one sentence."""
        return self._items[number]


class PaddedBatch(NamedTuple):
    """Sentences side by side.

    Attributes:
        words: Word ids (sentences, longest sentence).
        lengths: Tokens per sentence (sentences,).
        ngrams: N-gram ids of every token of every sentence (tokens, longest word).
        ngram_lengths: N-grams per token (tokens,).
        tags: Gold tag ids (sentences, longest sentence).
    """

    words: Tensor
    lengths: Tensor
    ngrams: Tensor
    ngram_lengths: Tensor
    tags: Tensor


def collate(items: Sequence[Item]) -> PaddedBatch:
    """Pad sentences to the longest one, and words to the longest one."""
    ngrams = [word for item in items for word in item.ngrams]
    tags = [item.tags for item in items]
    return PaddedBatch(
        words=pad_sequence([item.words for item in items], batch_first=True),
        lengths=torch.tensor([len(item.words) for item in items]),
        ngrams=pad_sequence(ngrams, batch_first=True),
        ngram_lengths=torch.tensor([len(word) for word in ngrams]),
        tags=pad_sequence(tags, batch_first=True, padding_value=_NO_TAG),
    )


class BaselineModel(nn.Module):
    """Character BiLSTM, word BiLSTM, dense layer.

    Args:
        tagger: Its widths are taken; its decoder and its LSTM kernel are passed over. Of all words
            with vectors the baseline has weights, where ours keeps in 8 bits those not trained.
    """

    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        char, word = tagger.char, tagger.word
        self.char_embedding = nn.Embedding(*char.embedding.weight.shape)
        self.char_lstm = _lstm(char.lstm)
        self.word_embedding = nn.Embedding(len(tagger.words), word.embedding.embedding_dim)
        self.dropout = nn.Dropout(tagger.settings.dropout)
        self.word_lstm = _lstm(word.lstm)
        self.dense = nn.Linear(tagger.dense.in_features, tagger.dense.out_features)

    @classmethod
    def from_tagger(cls, tagger: Tagger) -> Self:
        """Take the weights of one of our taggers too."""
        model = cls(tagger)
        for ours, theirs in model._pairs(tagger):
            theirs.load_state_dict(ours.state_dict())
        with torch.no_grad():
            words = [tagger.word.embedding.weight]
            if tagger.word.vectors is not None:
                words.append(tagger.word.vectors(torch.arange(len(tagger.word.vectors.codes))))
            model.word_embedding.weight.copy_(torch.cat(words))
        return model.eval()

    def copy_to(self, tagger: Tagger) -> None:
        """Give one of our taggers the weights."""
        tagger.word.embedding.load_state_dict(self.word_embedding.state_dict())
        for ours, theirs in self._pairs(tagger):
            ours.load_state_dict(theirs.state_dict())

    def _pairs(self, tagger: Tagger) -> list[tuple[nn.Module, nn.Module]]:
        return [
            (tagger.char.embedding, self.char_embedding),
            (tagger.char.lstm, self.char_lstm),
            (tagger.word.lstm, self.word_lstm),
            (tagger.dense, self.dense),
        ]

    def forward(self, batch: PaddedBatch) -> Tensor:
        """Compute the emissions (sentences, longest sentence, tags)."""
        characters = self.char_embedding(batch.ngrams)
        _, (final, _) = self.char_lstm(_packed(characters, batch.ngram_lengths))
        chars = torch.cat([final[0], final[1]], dim=1).split(batch.lengths.tolist())
        words = self.word_embedding(batch.words)
        inputs = self.dropout(torch.cat([words, pad_sequence(chars, batch_first=True)], dim=2))
        outputs, _ = self.word_lstm(_packed(inputs, batch.lengths))
        states, _ = pad_packed_sequence(outputs, batch_first=True)
        emissions: Tensor = self.dense(states)
        return emissions

    def loss(self, batch: PaddedBatch) -> Tensor:
        """Compute the mean cross entropy per token."""
        emissions, tags = self(batch).flatten(0, 1), batch.tags.flatten()
        return nn.functional.cross_entropy(emissions, tags, ignore_index=_NO_TAG)


def _lstm(like: nn.RNNBase) -> nn.LSTM:
    return nn.LSTM(like.input_size, like.hidden_size, batch_first=True, bidirectional=True)


def _packed(inputs: Tensor, lengths: Tensor) -> nn.utils.rnn.PackedSequence:
    return pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)


class BaselineTraining:
    """One training.

    Args:
        tagger: Its weights are where the training starts.
        data: Corpora and vocabularies.
        settings: Seed, bound of the gradient, and how often rare words are hidden.
    """

    def __init__(self, tagger: Tagger, data: Dataset, settings: TrainingSettings) -> None:
        torch.manual_seed(settings.seed)
        self.model = BaselineModel.from_tagger(tagger)
        self.data, self.settings = data, settings
        self._once = torch.from_numpy(data.once)
        self._optimizer = torch.optim.Adam(self.model.parameters(), lr=LEARNING_RATE)
        train = data.train
        tags = train.tag_ids(data.tagset).astype(np.int64)
        items = Items(train.forms, train.offsets, data.features, tags)
        self._loader = DataLoader(items, BATCH_SENTENCES, shuffle=True, collate_fn=collate)

    def run_epoch(self) -> None:
        """Update the weights on every sentence."""
        self.model.train()
        for batch in self._loader:
            self._optimizer.zero_grad()
            self.model.loss(self._with_hidden_words(batch)).backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
            self._optimizer.step()
        self.model.eval()

    def run(self) -> BaselineModel:
        """Run all epochs; give the model of the one best on the development set."""
        best, state = -1.0, self.model.state_dict()
        for _ in range(self.settings.epochs or self.settings.max_epochs):
            self.run_epoch()
            f1 = self._dev_f1()
            if f1 > best:
                best = f1
                state = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(state)
        return self.model

    def _dev_f1(self) -> float:
        data, dev = self.data, self.data.dev
        found = tag(self.model, data.tagset, dev.forms, dev.offsets, data.features)
        return score_spans(dev.spans, found, lost=dev.lost).f1

    def _with_hidden_words(self, batch: PaddedBatch) -> PaddedBatch:
        drawn = torch.rand(batch.words.shape) < self.settings.unknown_rate
        hidden = drawn & self._once[batch.words]
        return batch._replace(words=batch.words.masked_fill(hidden, UNKNOWN))


@torch.inference_mode()
def tag(
    model: BaselineModel,
    tagset: Tagset,
    forms: npt.NDArray[np.integer],
    offsets: npt.NDArray[np.int64],
    features: FormFeatures,
) -> list[tuple[Span, ...]]:
    """Tag encoded sentences, sorted by length, 32 at a time; each must have tokens."""
    items = Items(forms, offsets, features)
    order = np.argsort(np.diff(offsets), kind="stable").tolist()
    found: list[tuple[Span, ...]] = [()] * len(items)
    for begin in range(0, len(order), BATCH_SENTENCES):
        part = order[begin : begin + BATCH_SENTENCES]
        batch = collate([items[number] for number in part])
        best = model(batch).argmax(2).tolist()
        for number, ids, length in zip(part, best, batch.lengths.tolist(), strict=True):
            found[number] = tuple(tagset.spans_from_ids(ids[:length]))
    return found
