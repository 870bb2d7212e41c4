"""Export of a model folder to an ONNX file, which is checked before it is written."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from kakehashi.data.vocabulary import Channels, featurize
from kakehashi.errors import ModelError
from kakehashi.files import write_atomically
from kakehashi.runtime.checked_folder import ENCODER, find_model
from kakehashi.runtime.model_folder import TrainedModel, read_model
from kakehashi.runtime.network import NumpyNetwork
from kakehashi.runtime.onnx_file import onnx_bytes, parse_onnx
from kakehashi.runtime.onnx_network import OnnxNetwork
from kakehashi.runtime.steps import FloatArray, Precision

TOLERANCE = 1e-4
"""Of emissions in float32, from those of the recognizer."""

_AGREEING = 0.95  # of the best tags in int8, at least
_LENGTHS = (1, 2, 3, 5, 8, 13, 21, 40)


def export_onnx(model: str | Path, path: Path, precision: Precision) -> float:
    """Write a model folder as an ONNX file, whole or not at all.

    Returns by how much emissions differ at most from those of the recognizer in float32, on
    sentences of words that the model knows and others. `ModelError` if the model cannot be read,
    reads the states of an encoder, or its file would tag otherwise.
    """
    folder = find_model(model)
    if (folder / ENCODER).is_file():
        problem = "is a model on an encoder, which is not exported"
        raise ModelError(folder, f"{problem}; distill it into a model of its own (distill)")
    trained = read_model(folder)
    content = onnx_bytes(trained, precision)
    ours = _emissions(trained, NumpyNetwork(trained.weights))
    theirs = _emissions(trained, OnnxNetwork(parse_onnx(content, path)))
    difference = float(np.abs(ours - theirs).max())
    agreeing = float((ours.argmax(1) == theirs.argmax(1)).mean())
    if (difference > TOLERANCE) if precision == "float32" else (agreeing < _AGREEING):
        problem = f"would tag otherwise as an ONNX file in {precision}: emissions differ by"
        raise ModelError(folder, f"{problem} {difference:.2g}; nothing is written")
    write_atomically(path, content)
    return difference


def _emissions(model: TrainedModel, network: NumpyNetwork | OnnxNetwork) -> FloatArray:
    """Compute the emissions of sentences made of the model's words and n-grams (tokens, tags)."""
    random_, seen = random.Random(0), model.words.n_seen
    known = [*model.words.strings[:seen], *model.words.strings[seen:][:1000]]
    made = ["".join(random_.choices(model.ngrams.strings, k=k)) for k in (1, 2, 3, 5, 8, 30)]
    forms = [(form, "") for form in (*random_.choices(known, k=200), *made) if form]
    settings = model.settings
    channels = Channels(settings.word_view, settings.char_view, settings.ngram)
    features = featurize(forms, channels, model.words, model.ngrams)
    lengths = sorted(_LENGTHS, reverse=True)
    rows = np.array(random_.choices(range(len(forms)), k=sum(lengths)))
    projected = network.project(np.arange(len(forms)), features)
    return network.emit(projected, rows, np.append(0, np.cumsum(lengths)))
