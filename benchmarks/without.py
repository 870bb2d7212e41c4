"""Our recognizer with a part switched off, to measure what the part brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

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


PARTS: Mapping[str, Callable[[], None]] = {
    "distinct forms": _without_distinct_forms,
    "ragged batches": _without_batches,
    "machine code": _without_machine_code,
}
"""What replaces the part in this process, for good."""
