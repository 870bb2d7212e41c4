"""The network of a trained model in numpy: from forms to the emissions of their tags."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kakehashi.data.batches import Ids, gather_ngrams, ranges, window_places
from kakehashi.data.vocabulary import UNKNOWN, FormFeatures
from kakehashi.errors import ConfigError
from kakehashi.extras import require
from kakehashi.runtime.model_folder import TrainedModel
from kakehashi.runtime.onnx_file import OnnxModel
from kakehashi.runtime.steps import (
    DEFAULT_PRECISION,
    FloatArray,
    LstmSteps,
    Precision,
    Projected,
    rounded_to_half,
)

Weights = Mapping[str, npt.NDArray[Any]]


class Network(Protocol):
    """What computes emissions; several threads may share one."""

    @property
    def exact(self) -> Network | None:
        """What computes the same without rounding the last states; None if this one does."""

    def project(self, forms: npt.NDArray[np.integer], features: FormFeatures) -> Projected:
        """Compute of forms (their numbers) what does not depend on context, for `emit`.

        ``features`` has those of every form number. Returns a row per form (forms, any width).
        """

    def emit(self, projected: Projected, rows: Ids, offsets: Ids) -> FloatArray:
        """Compute the emissions of sentences, longest first (tokens, tags).

        ``projected`` has rows of forms, see `project`, ``rows`` the row in it per token (tokens,),
        ``offsets`` where each sentence begins, and the end (sentences + 1,).
        """


def default_precision(model: TrainedModel, device: str) -> Precision:
    """Return the precision of a model that is opened without one; an ONNX file has its own."""
    if isinstance(model, OnnxModel):
        return model.precision
    return DEFAULT_PRECISION if device == "cpu" else "float32"


def open_network(model: TrainedModel, precision: Precision, device: str) -> Network:
    """Make the network of a model; on a GPU it is computed by torch, in float32.

    `ConfigError` if an ONNX file is to be run on a GPU, or in another precision than its own.
    """
    if isinstance(model, OnnxModel):
        if device != "cpu":
            raise ConfigError("device", "ONNX files run on the cpu; tag with the model folder")
        if precision != model.precision:
            problem = f"the ONNX file computes in {model.precision}, not in {precision}"
            raise ConfigError("precision", f"{problem}; export the model again")
        from kakehashi.runtime.onnx_network import OnnxNetwork

        return OnnxNetwork(model)
    if device == "cpu":
        return NumpyNetwork(model.weights, precision)
    require("torch", "train")
    # By its name, since nothing here may depend on torch.
    in_torch = import_module("kakehashi.model.torch_network")
    network: Network = in_torch.open_network(model, device)
    return network


class NumpyNetwork:
    """Embeddings, character LSTM or CNN, word LSTM and dense layer, by a `TrainedModel`'s weights.

    The precision is that of the word LSTM.
    """

    def __init__(self, weights: Weights, precision: Precision = "float32") -> None:
        self._ngrams, self._words = (
            weights["char.embedding.weight"],
            weights["word.embedding.weight"],
        )
        self._codes, self._scales = (
            weights.get(f"word.vectors.{name}") for name in ("codes", "scales")
        )
        self._chars = (_CharCnn if "char.cnn.weight" in weights else _CharLstm)(weights)
        self._word = _Lstm(weights, "word", precision)
        self._dense, self._bias = weights["dense.weight"].T, weights["dense.bias"]
        self.exact: Network | None = None
        if precision == "int8":
            exact = copy(self)
            exact._word = self._word.exact()
            self.exact = exact

    def project(self, forms: npt.NDArray[np.integer], features: FormFeatures) -> Projected:
        """Compute what forms add to the gates of the word LSTM (forms, 2 · 4 · width)."""
        lengths, ngrams, ngram_ids = gather_ngrams(forms, features)
        chars = self._chars(self._ngrams[ngram_ids], ngrams, lengths)
        words = self._embed(features.words[forms])
        return self._word.project(np.concatenate([words, chars], axis=1))

    def emit(self, projected: Projected, rows: Ids, offsets: Ids) -> FloatArray:
        """Compute the emissions of sentences, longest first (tokens, tags)."""
        emissions: FloatArray = self._word.run(projected, rows, offsets) @ self._dense
        emissions += self._bias
        return emissions

    def _embed(self, words: Ids) -> FloatArray:
        n_trained = len(self._words)
        embedded: FloatArray = self._words[np.where(words < n_trained, words, UNKNOWN)]
        if self._codes is not None and self._scales is not None:
            (compact,) = np.nonzero(words >= n_trained)
            rows = words[compact] - n_trained
            embedded[compact] = self._codes[rows] * self._scales[rows, None]
        return embedded


class _CharLstm:
    """The final states of both directions over the n-grams of forms."""

    def __init__(self, weights: Weights) -> None:
        self._lstm = _Lstm(weights, "char")

    def __call__(self, embedded: FloatArray, rows: Ids, lengths: Ids) -> FloatArray:
        """Encode forms of distinct n-grams and their rows, see `gather_ngrams` (forms, width)."""
        order = np.argsort(-lengths, kind="stable")
        rows = rows[ranges((np.cumsum(lengths) - lengths)[order], lengths[order])]
        offsets = np.append(0, np.cumsum(lengths[order]))
        states = self._lstm.run(self._lstm.project(embedded), rows, offsets)
        width = states.shape[1] // 2
        final = np.empty((len(lengths), 2 * width), np.float32)
        final[order, :width] = states[offsets[1:] - 1, :width]
        final[order, width:] = states[offsets[:-1], width:]
        return final


class _CharCnn:
    """The character CNN of `kakehashi.model.char_cnn`."""

    def __init__(self, weights: Weights) -> None:
        self._bias: FloatArray = weights["char.cnn.bias"]
        self._filters: FloatArray = weights["char.cnn.weight"].transpose(2, 1, 0).copy()

    def __call__(self, embedded: FloatArray, rows: Ids, lengths: Ids) -> FloatArray:
        """Encode forms of distinct n-grams and their rows, see `gather_ngrams` (forms, width)."""
        products = np.zeros((len(self._filters), len(embedded) + 1, len(self._bias)), np.float32)
        products[:, :-1] = embedded @ self._filters  # the last, beyond the ends, is zero
        places = np.append(rows, len(embedded))[window_places(lengths, len(self._filters))]
        sums = sum(each[column] for each, column in zip(products, places.T, strict=True))
        largest = np.maximum.reduceat(sums, np.cumsum(lengths) - lengths)
        return np.tanh(largest + self._bias)


class _Lstm:
    """A bidirectional LSTM of torch's weights."""

    def __init__(self, weights: Weights, group: str, precision: Precision = "float32") -> None:
        def both(name: str) -> list[npt.NDArray[Any]]:
            return [weights[f"{group}.lstm.{name}_{end}"] for end in ("l0", "l0_reverse")]

        self._inputs: FloatArray = np.concatenate(both("weight_ih")).T.copy()
        self._bias: FloatArray = np.concatenate(both("bias_ih")) + np.concatenate(both("bias_hh"))
        states: FloatArray = np.stack(both("weight_hh")).transpose(0, 2, 1).copy()
        self._width, self._steps = states.shape[1], LstmSteps(states, precision)
        self._is_rounded = precision == "int8"

    def exact(self) -> _Lstm:
        """Return the same LSTM with products in float32."""
        exact = copy(self)
        exact._steps = self._steps.exact()
        return exact

    def project(self, items: FloatArray) -> Projected:
        """Compute what items (items, width) add to the gates (items, 2 · 4 · width).

        For products of ``int8`` it is rounded to float16, of which twice as much can be cached.
        """
        projected: FloatArray = items @ self._inputs
        projected += self._bias
        return rounded_to_half(projected) if self._is_rounded else projected

    def run(self, projected: Projected, rows: Ids, offsets: Ids) -> FloatArray:
        """Compute the states of sequences (items, 2 · width); see `LstmSteps`."""
        states = np.empty((len(rows), 2 * self._width), np.float32)
        self._steps(projected, rows, offsets, states)
        return states
