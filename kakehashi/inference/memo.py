"""What a recognizer remembers of the forms that it has seen."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.data.forms import Channels, Form, featurize
from kakehashi.model.tagger import Tagger


class FormMemo:
    """Rows of forms as `Tagger.project` computes them, each computed once.

    When more than ``capacity`` are remembered, all are forgotten before the next look-up, so a memo
    never holds more than ``capacity`` forms and those of one look-up.

    Args:
        tagger: In evaluation mode; its weights must not change.
        channels: What its channels see of a form.
        capacity: Forms; a form takes 9.6 KB with the word LSTM of the paper.

    Attributes:
        projected: A row per remembered form (at least as many rows as forms, any width).
    """

    def __init__(self, tagger: Tagger, channels: Channels, capacity: int) -> None:
        self._tagger, self._channels, self._capacity = tagger, channels, capacity
        self._rows: dict[Form, int] = {}
        self.projected = torch.empty(0, 0)

    def look_up(self, forms: Iterable[Form]) -> npt.NDArray[np.int64]:
        """Return the row in ``projected`` of every form.

        A look-up may be interrupted at any place: a form is known only once its row is there.
        """
        if len(self._rows) > self._capacity:
            self.forget()
        rows, new = self._rows, dict[Form, int]()
        begin, known = len(rows), rows.get
        found = [
            row if (row := known(form)) is not None else new.setdefault(form, begin + len(new))
            for form in forms
        ]
        if new:
            self._write(self._project(list(new)), begin)
            rows.update(new)
        return np.array(found, dtype=np.int64)

    def forget(self) -> None:
        """Forget all forms; the memory for them is used again."""
        self._rows.clear()

    def _project(self, forms: list[Form]) -> Tensor:
        tagger = self._tagger
        features = featurize(forms, self._channels, tagger.words, tagger.ngrams)
        return tagger.project(np.arange(len(forms)), features)

    def _write(self, projected: Tensor, begin: int) -> None:
        end = begin + len(projected)
        if end > len(self.projected):
            grown = projected.new_empty(max(end, 2 * begin), projected.shape[1])
            if begin:
                grown[:begin] = self.projected[:begin]
            self.projected = grown
        self.projected[begin:end] = projected
