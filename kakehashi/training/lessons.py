"""What a tagger learns from: gold sentences, those that teachers have labeled, another corpus."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kakehashi.config.settings import RunSettings
from kakehashi.data.batches import Batch, Ids, ranges
from kakehashi.data.dataset import Dataset
from kakehashi.data.encode import EncodedCorpus, join
from kakehashi.errors import ConfigError
from kakehashi.training.labeling import Labeled
from kakehashi.training.soft_labels import SoftLabels

_HELD_OUT = 10  # of so many labeled sentences one is kept out to select by
_MOST_HELD_OUT = 1000


@dataclass(frozen=True)
class SoftSentences:
    """Soft labels of some of the sentences to learn from."""

    labels: SoftLabels
    weight: float  # of their sentences in the loss
    firsts: Ids  # of each sentence to learn from: its first token there; -1 if it has none
    ids: Ids  # the tags of the tagset that the labels name

    def of(self, batch: Batch) -> Batch:
        """Add the soft labels of a batch, whose sentences that have some weigh 0 otherwise."""
        firsts = self.firsts[batch.sentences]
        is_soft = np.repeat(firsts >= 0, batch.lengths)
        rows = ranges(np.maximum(firsts, 0), np.where(firsts >= 0, batch.lengths, 0))
        ids = np.zeros((len(is_soft), self.labels.ids.shape[1]), np.int64)
        weights = np.zeros(ids.shape, np.float32)
        ids[is_soft] = self.ids[self.labels.ids[rows]]
        weights[is_soft] = self.weight * self.labels.shares[rows].astype(np.float32)
        return replace(batch, soft_ids=ids, soft_weights=weights)


@dataclass(frozen=True)
class Lessons:
    """The sentences to learn from, gold ones first."""

    corpus: EncodedCorpus
    weights: npt.NDArray[np.float32] | None = None  # of each in the loss; None if all weigh 1
    held_out: EncodedCorpus | None = None  # labeled sentences to select by
    soft: SoftSentences | None = None

    def weigh(self, batch: Batch) -> Batch:
        """Add to a batch what its sentences weigh, and the soft labels of those that have some."""
        if self.weights is not None:
            batch = replace(batch, weights=self.weights[batch.sentences])
        return batch if self.soft is None else self.soft.of(batch)


def lessons_of(
    data: Dataset,
    settings: RunSettings | None = None,
    labeled: Labeled | None = None,
    soft: SoftLabels | None = None,
) -> Lessons:
    """Join gold and other sentences, without those with a mention that no tokens express.

    They weigh in the loss what the settings say. Where teachers select the epoch, a tenth of what
    they have labeled, at most 1,000 sentences, is kept out of training; `ConfigError` if that has
    no entity.
    """
    if data.labeled is None:
        return Lessons(data.train)
    fitting = np.setdiff1d(np.arange(len(data.labeled)), np.array([*data.labeled.missed], int))
    held, weights, held_out = fitting[:0], np.ones(len(data.labeled), np.float32), None
    if settings is not None and labeled is not None:
        parts = (
            (settings.teach, labeled.sentences),
            (settings.joint, labeled.joint),
            (settings.contexts, labeled.made),
        )
        each = [np.full(n, part.weight, np.float32) for part, n in parts if part is not None]
        weights = np.concatenate(each)
        if settings.training.select == "teacher":
            held = fitting[fitting < labeled.sentences][::_HELD_OUT][:_MOST_HELD_OUT]
            held_out = data.labeled.take(held)
            if not held_out.tags.any():
                problem = f"teachers found no entity in the {len(held):,} sentences to select by"
                raise ConfigError("training.select", f"{problem}; label more, or select by dev")
    learned = np.setdiff1d(fitting, held)
    corpus = join([data.train, data.labeled.take(learned)])
    weights = np.append(np.ones(len(data.train), np.float32), weights[learned])
    sentences = None
    if soft is not None and labeled is not None and settings is not None and settings.teach:
        n_taught = labeled.sentences
        if len(soft.ids) != data.labeled.offsets[n_taught]:
            raise ValueError("the soft labels are not of these tokens")
        firsts = np.where(learned < n_taught, data.labeled.offsets[learned], -1)
        firsts = np.append(np.full(len(data.train), -1), firsts)
        ids = soft.ids_in(data.tagset.types)
        sentences = SoftSentences(soft, settings.teach.weight, firsts, ids)
        weights[firsts >= 0] = 0  # of the tags that the most probable mentions have
    return Lessons(corpus, weights if (weights != 1).any() else None, held_out, sentences)
