"""The model folder: weights, settings, vocabularies, and a manifest of their sums.

::

    model/
      model.json            format version, architecture, text settings, tag set
      words.json            strings of the word vocabulary, in the order of their ids
      ngrams.json           the same for the n-grams
      weights.safetensors
      calibration.json      temperature of probabilities, see `kakehashi.runtime.calibration`
      SHA256SUMS            as sha256sum writes it; checked before anything is parsed
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

import kakehashi
from kakehashi.config.architecture import CHAR_WINDOW, WORD_WIDTH, ModelSettings
from kakehashi.config.segmenting import TextSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.files import replacing_folder, write_atomically, write_json
from kakehashi.runtime.checked_folder import (
    WEIGHTS,
    Calibration,
    Description,
    check_sums,
    check_weights,
    find_model,
    listed_files,
    malformed,
    misfit,
    parse_json,
    read_calibration,
    read_weights,
    seal,
)
from kakehashi.tags import Tagset
from kakehashi.text.edges import EdgeRules

FORMAT_VERSION = 3  # 1 had no vectors of 8 bits, 2 no edges of mentions
_CODES, _SCALES = "word.vectors.codes", "word.vectors.scales"
_EMBEDDINGS = ("word.embedding.weight", "char.embedding.weight")
_FILES = ("model.json", "ngrams.json", WEIGHTS, "words.json")
_LARGEST_DESCRIPTION = 1 << 20  # bytes
_LARGEST_STRING = 1 << 10  # bytes on average, beyond those of a description
_STRINGS = TypeAdapter(tuple[str, ...])


@dataclass(frozen=True)
class TrainedModel:
    """What a model folder holds: all that tagging, or going on from a model, needs.

    ``weights`` have the names and shapes of `weight_shapes`; they are float32, and the codes of
    vectors in 8 bits int8. ``segmenter`` is the signature, with the version of the dictionary, of
    the one whose tokens it was trained on; ``""`` where that is not known.
    """

    name: str
    settings: ModelSettings
    text: TextSettings
    words: Vocabulary
    ngrams: Vocabulary
    tagset: Tagset
    weights: Mapping[str, npt.NDArray[Any]]
    segmenter: str = ""
    edges: EdgeRules | None = None  # what mentions may begin and end with
    calibration: Calibration | None = None  # what its probabilities are true by


class ModelDescription(Description):
    """What ``model.json`` holds."""

    newest_format = FORMAT_VERSION

    model: ModelSettings
    n_seen_words: int = Field(ge=0)
    n_seen_ngrams: int = Field(ge=0)

    @classmethod
    def of(cls, model: TrainedModel, **more: object) -> Self:
        """Describe a model."""
        facts: dict[str, object] = {
            "format_version": cls.newest_format,
            "kakehashi": kakehashi.__version__,
            "name": model.name,
            "model": model.settings,
            "text": model.text,
            "segmenter": model.segmenter,
            "types": model.tagset.types,
            "n_seen_words": model.words.n_seen,
            "n_seen_ngrams": model.ngrams.n_seen,
            "edges": None if model.edges is None else model.edges.to_dict(),
        }
        return cls(**facts, **more)

    def tagset(self) -> Tagset:
        """The tags that the model chooses from."""
        return Tagset(self.types, self.model.scheme)

    def facts(self, n_words: int, n_ngrams: int, n_compact: int) -> dict[str, Any]:
        """Return what is told of a model: all but edges, and how large its vocabularies are.

        These are counted without the unknown; ``n_compact`` words have vectors of 8 bits.
        """
        facts = self.model_dump(mode="json", exclude={"n_seen_words", "n_seen_ngrams", "edges"})
        seen, precision = self.n_seen_words, "int8" if n_compact else "float32"
        words = {"seen": seen, "others": n_words - seen, "precision": precision}
        return {**facts, "words": words, "ngrams": n_ngrams}


def weight_shapes(
    settings: ModelSettings, n_words: int, n_ngrams: int, n_compact: int, n_tags: int
) -> dict[str, tuple[int, ...]]:
    """Compute the shape of every array of weights; names begin with the layer group.

    Of the ``n_words`` word ids the last ``n_compact`` have vectors in 8 bits. The arrays of an LSTM
    have torch's names and shapes.
    """
    width = settings.word_width or WORD_WIDTH
    shapes: dict[str, tuple[int, ...]] = {
        "char.embedding.weight": (n_ngrams, settings.char_width),
        "word.embedding.weight": (n_words - n_compact, width),
        "dense.weight": (n_tags, 2 * settings.word_lstm_width),
        "dense.bias": (n_tags,),
    }
    if n_compact:
        shapes |= {_CODES: (n_compact, width), _SCALES: (n_compact,)}
    if settings.decoder == "crf":
        shapes["crf.transitions"] = (n_tags + 1, n_tags + 1)
    lstms = [("word", width + settings.form_width, settings.word_lstm_width)]
    if settings.char_encoder == "cnn":
        shapes["char.cnn.weight"] = (settings.char_filters, settings.char_width, CHAR_WINDOW)
        shapes["char.cnn.bias"] = (settings.char_filters,)
    else:
        lstms.append(("char", settings.char_width, settings.char_lstm_width))
    for group, item_width, units in lstms:
        for end in ("l0", "l0_reverse"):
            shapes[f"{group}.lstm.weight_ih_{end}"] = (4 * units, item_width)
            shapes[f"{group}.lstm.weight_hh_{end}"] = (4 * units, units)
            shapes[f"{group}.lstm.bias_ih_{end}"] = (4 * units,)
            shapes[f"{group}.lstm.bias_hh_{end}"] = (4 * units,)
    return shapes


def write_model(folder: Path, model: TrainedModel) -> None:
    """Write a model folder, whole or not at all."""
    description = ModelDescription.of(model)
    weights = {name: np.ascontiguousarray(array) for name, array in model.weights.items()}
    with replacing_folder(folder) as temporary:
        write_json(temporary / "model.json", description.model_dump(mode="json"))
        write_json(temporary / "words.json", model.words.strings)
        write_json(temporary / "ngrams.json", model.ngrams.strings)
        write_atomically(temporary / WEIGHTS, save(weights))
        seal(temporary, _FILES, model.calibration)


def read_model(path: str | Path) -> TrainedModel:
    """Read a model folder, or the model of a run folder; nothing in it can run code.

    `ModelError` if it is missing, incomplete, damaged, or of a newer format; `OSError` if a file
    cannot be read.
    """
    folder, description = _read_description(path)
    settings, tagset = description.model, description.tagset()
    weights = read_weights(folder)
    n_words, n_ngrams, n_compact = (
        len(weights[name]) if name in weights and weights[name].ndim else 0
        for name in (*_EMBEDDINGS, _SCALES)
    )
    # What is claimed is held against the weights before any memory is taken for it.
    shapes = weight_shapes(settings, n_words + n_compact, n_ngrams, n_compact, len(tagset))
    check_weights(folder, weights, shapes)
    if description.n_seen_words >= n_words:
        raise malformed(folder / "model.json", f"n_seen_words: expected at most {n_words - 1:,}")
    words = _read_strings(folder / "words.json", n_words - 1 + n_compact)
    ngrams = _read_strings(folder / "ngrams.json", n_ngrams - 1)
    return TrainedModel(
        description.name,
        settings,
        description.text,
        Vocabulary(words, description.n_seen_words),
        Vocabulary(ngrams, description.n_seen_ngrams),
        tagset,
        weights,
        description.segmenter,
        description.edge_rules(),
        read_calibration(folder),
    )


def describe_model(path: str | Path) -> dict[str, Any]:
    """Describe a model, without loading its weights; raises what `read_model` does.

    Returns what ``model.json`` holds, and counts: ``words`` seen in training, or with vectors only
    (and how these are kept), ``ngrams``, ``weights``, and the bytes of each of the ``files``.
    """
    folder, description = _read_description(path)
    try:
        with safe_open(folder / WEIGHTS, framework="numpy") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise misfit(folder, str(error)) from None
    for name in _EMBEDDINGS:
        if len(shapes.get(name, ())) != 2:
            raise misfit(folder, f"{name}: expected a row per string, got none")
    n_words, n_ngrams = (shapes[name][0] - 1 for name in _EMBEDDINGS)  # without the unknown
    n_compact = next(iter(shapes.get(_SCALES, ())), 0)
    calibration = read_calibration(folder)
    return {
        **description.facts(n_words + n_compact, n_ngrams, n_compact),
        "weights": sum(map(math.prod, shapes.values())),
        "calibration": None if calibration is None else calibration.model_dump(mode="json"),
        "files": {name: (folder / name).stat().st_size for name in listed_files(folder)},
    }


def _read_description(path: str | Path) -> tuple[Path, ModelDescription]:
    folder = find_model(path)
    check_sums(folder, _FILES)
    expected = TypeAdapter(ModelDescription)
    return folder, parse_json(folder / "model.json", expected, _LARGEST_DESCRIPTION)


def _read_strings(path: Path, n_strings: int) -> tuple[str, ...]:
    """Read a vocabulary, which has a string for each row of its embedding but the unknown's."""
    strings = parse_json(path, _STRINGS, _LARGEST_DESCRIPTION + n_strings * _LARGEST_STRING)
    if len(strings) != n_strings or len(set(strings)) != len(strings):
        problem = f"expected {n_strings:,} strings, no two alike; got {len(strings):,}"
        raise malformed(path, problem)
    return strings
