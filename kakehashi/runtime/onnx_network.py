"""The network of an ONNX file, run by ONNX Runtime on one thread of the CPU."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kakehashi.config.architecture import WORD_WIDTH
from kakehashi.data.batches import Ids, plan_batches, ranges
from kakehashi.data.vocabulary import UNKNOWN, FormFeatures
from kakehashi.errors import ModelError
from kakehashi.extras import require
from kakehashi.runtime.onnx_file import OnnxModel
from kakehashi.runtime.steps import FloatArray

_NGRAMS_AT_ONCE = 2048
_ERRORS_ONLY = 3  # of what ONNX Runtime would print


class OnnxNetwork:
    """A `Network`; what it computes of forms is what the word LSTM gets of them.

    `ModelError` if ONNX Runtime cannot open it; `MissingExtraError` without the extra ``onnx``.
    """

    exact = None  # a file has one precision

    def __init__(self, model: OnnxModel) -> None:
        runtime = require("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = runtime.InferenceSession(
                model.content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its own have no other class in common
            problem = " ".join(str(error).split())[:200]
            raise ModelError(model.name, f"ONNX Runtime cannot open it ({problem})") from None
        settings = model.settings
        self._width = (settings.word_width or WORD_WIDTH) + settings.form_width

    def project(self, forms: npt.NDArray[np.integer], features: FormFeatures) -> FloatArray:
        """Compute what the word LSTM gets of forms (forms, item width)."""
        starts = features.offsets[forms]
        lengths = features.offsets[forms + 1] - starts
        items = np.empty((len(forms), self._width), np.float32)
        for batch in plan_batches(lengths, _NGRAMS_AT_ONCE):
            ngrams = _padded(features.ngrams[ranges(starts[batch], lengths[batch])], lengths[batch])
            inputs = {
                "words": features.words[forms[batch]],
                "ngrams": ngrams,
                "ngram_lengths": lengths[batch].astype(np.int32),
                "known": items[:0],
                "tokens": np.zeros((1, 1), np.int64),
                "lengths": np.ones(1, np.int32),
            }
            (items[batch],) = self._session.run(["forms"], inputs)
        return items

    def emit(self, projected: FloatArray, rows: Ids, offsets: Ids) -> FloatArray:
        """Compute the emissions of sentences, longest first (tokens, tags)."""
        lengths = np.diff(offsets)
        tokens = _padded(np.arange(len(rows)), lengths)
        (emissions,) = self._session.run(
            ["emissions"],
            {
                # One, since ONNX Runtime ends the process where an LSTM has no sequence at all.
                "words": np.full(1, UNKNOWN, np.int64),
                "ngrams": np.full((1, 1), UNKNOWN, np.int64),
                "ngram_lengths": np.ones(1, np.int32),
                "known": projected[rows],
                "tokens": tokens,
                "lengths": lengths.astype(np.int32),
            },
        )
        found: FloatArray = emissions[np.arange(tokens.shape[1]) < lengths[:, None]]
        return found


def _padded(flat: Ids, lengths: Ids) -> Ids:
    """Arrange sequences as rows of one length, filled up with zeros (sequences, longest)."""
    rows = np.zeros((len(lengths), int(lengths.max())), np.int64)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = flat
    return rows
