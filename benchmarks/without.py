"""Our recognizer with a part switched off, to measure what the part brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace

import numpy as np

from kakehashi.data.batches import Ids
from kakehashi.data.vocabulary import Form
from kakehashi.runtime import prediction, recognizer, steps
from kakehashi.runtime.form_cache import FormCache
from kakehashi.runtime.steps import FloatArray


def _without_distinct_forms() -> None:
    """Compute the form of every token anew."""

    def look_up(self: FormCache, forms: Sequence[Form]) -> tuple[FloatArray, Ids]:
        return self._project(forms), np.arange(len(forms))

    FormCache.look_up = look_up  # type: ignore[method-assign]


def _without_batches() -> None:
    """Tag each sentence alone."""
    vars(recognizer)["predict"] = partial(prediction.predict, batch_tokens=1)


def _without_machine_code() -> None:
    """Tag in numpy."""
    steps._kernels = lambda: (None, "numpy")  # type: ignore[assignment]
    steps._n_tagged = steps._WORTH_LOADING


def _without_row_adam() -> None:
    """Update all rows of the embeddings, as `torch.optim.Adam` does."""
    from torch import nn

    from kakehashi.model import tagger
    from kakehashi.training import optimizer

    class Dense(nn.Embedding):
        def __init__(self, n_rows: int, width: int, **_: bool) -> None:
            super().__init__(n_rows, width)

    vars(tagger)["_Embedding"] = Dense
    # So that the optimizer finds no embeddings, and takes them for other weights.
    vars(optimizer)["nn"] = SimpleNamespace(Embedding=())


def _trained_without_machine_code() -> None:
    """Train by torch's own LSTM."""
    from kakehashi.model import lstm

    vars(lstm)["is_compiled"] = lambda: False


OF_TAGGING: Mapping[str, Callable[[], None]] = {
    "distinct forms": _without_distinct_forms,
    "ragged batches": _without_batches,
    "machine code": _without_machine_code,
}
"""What replaces the part in this process, for good."""

OF_TRAINING: Mapping[str, Callable[[], None]] = {
    "row-wise Adam": _without_row_adam,
    "machine code": _trained_without_machine_code,
}
