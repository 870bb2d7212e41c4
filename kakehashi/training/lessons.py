"""What a tagger learns from: gold sentences, those that teachers have labeled, another corpus."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kakehashi.config.settings import RunSettings
from kakehashi.data.batches import Batch
from kakehashi.data.dataset import Dataset
from kakehashi.data.encode import EncodedCorpus, join
from kakehashi.errors import ConfigError
from kakehashi.training.labeling import Labeled

_HELD_OUT = 10  # of so many labeled sentences one is kept out to select by
_MOST_HELD_OUT = 1000


@dataclass(frozen=True)
class Lessons:
    """The sentences to learn from, gold ones first."""

    corpus: EncodedCorpus
    weights: npt.NDArray[np.float32] | None = None  # of each in the loss; None if all weigh 1
    held_out: EncodedCorpus | None = None  # labeled sentences to select by

    def weigh(self, batch: Batch) -> Batch:
        """Add to a batch what its sentences weigh."""
        return (
            batch if self.weights is None else replace(batch, weights=self.weights[batch.sentences])
        )


def lessons_of(
    data: Dataset, settings: RunSettings | None = None, labeled: Labeled | None = None
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
        parts = (settings.teach, labeled.sentences), (settings.joint, labeled.joint)
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
    return Lessons(corpus, weights if (weights != 1).any() else None, held_out)
