"""A recognizer as one ONNX file: its graph, and in the metadata all else that tagging needs.

::

    kakehashi     JSON: what model.json of a model folder holds, and the precision of the graph
    words         JSON: strings of the word vocabulary; the first has id 1, and 0 is the unknown
    ngrams        JSON: the same for the n-grams
    tags          JSON: tags in the order of the emissions
    transitions   JSON, of a CRF only: scores of column after row, null where that is not legal;
                  the last row is the sentence's start, the last column its end
    sha256        of all bytes before it; it comes last

The graph is the one that `kakehashi.runtime.onnx_graph` builds, and a file with another is refused.
So nothing in a file can run code, or read another file.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from kakehashi.data.vocabulary import Vocabulary
from kakehashi.errors import ModelError
from kakehashi.extras import require
from kakehashi.runtime.checked_folder import Calibration, malformed
from kakehashi.runtime.model_folder import ModelDescription, TrainedModel
from kakehashi.runtime.onnx_graph import build_graph, tensor_shapes, tensors_of
from kakehashi.runtime.steps import Precision

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR_VERSION = 17, 9
_BEGIN = b"\x08\x09\x12\x09kakehashi"  # of a file: the version of ONNX's format, and its producer
_LARGEST = (1 << 31) - 1  # bytes of a message of protobuf
_STRINGS, _SCORES = TypeAdapter(tuple[str, ...]), TypeAdapter(list[list[float | None]])
_Value = TypeVar("_Value")


class OnnxDescription(ModelDescription):
    """What the metadata say of the model."""

    newest_format = 1

    precision: Precision
    calibration: Calibration | None = None


@dataclass(frozen=True)
class OnnxModel(TrainedModel):
    """What an ONNX file holds: its bytes; of ``weights`` there are only the transitions."""

    content: bytes = b""
    precision: Precision = "float32"


def onnx_bytes(model: TrainedModel, precision: Precision) -> bytes:
    """Write a model as an ONNX file; `MissingExtraError` without the extra ``onnx``."""
    onnx = require("onnx", "onnx")
    n_compact = len(model.weights.get("word.vectors.scales", ()))
    graph = build_graph(model.settings, precision, len(model.words), n_compact)
    tensors = tensors_of(model.weights, precision)
    graph.initializer.extend(onnx.numpy_helper.from_array(a, name) for name, a in tensors.items())
    opsets = [onnx.helper.make_opsetid(*each) for each in (("", OPSET), ("com.microsoft", 1))]
    content: ModelProto = onnx.helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="kakehashi"
    )
    description = OnnxDescription.of(model, precision=precision, calibration=model.calibration)
    metadata: dict[str, object] = {
        "kakehashi": description.model_dump(mode="json"),
        "words": model.words.strings,
        "ngrams": model.ngrams.strings,
        "tags": model.tagset.tags,
    }
    if (scores := model.weights.get("crf.transitions")) is not None:
        legal = model.tagset.transitions()
        metadata["transitions"] = [
            [float(str(score)) if may else None for score, may in zip(*row, strict=True)]
            for row in zip(scores, legal, strict=True)
        ]
    onnx.helper.set_model_props(content, {name: _dumped(each) for name, each in metadata.items()})
    if content.ByteSize() > _LARGEST:
        problem = f"would be an ONNX file of {content.ByteSize():,} bytes"
        raise ModelError(model.name, f"{problem}, and these have at most {_LARGEST:,}; use --int8")
    body: bytes = content.SerializeToString()
    return body + _seal(body)


def read_onnx(path: str | Path) -> OnnxModel:
    """Read a file of `onnx_bytes`; nothing in it can run code.

    `ModelError` if it is another program's, damaged, or of a newer format; `MissingExtraError`
    without the extra ``onnx``.
    """
    path = Path(path)
    content = path.read_bytes()
    return parse_onnx(content, path)


def parse_onnx(content: bytes, path: Path) -> OnnxModel:
    """Do what `read_onnx` does, of the bytes of a file."""
    description, metadata, proto = _parse(content, path)
    words, ngrams = (_parsed(path, metadata, name, _STRINGS) for name in ("words", "ngrams"))
    for name, strings in (("words", words), ("ngrams", ngrams)):
        if len(set(strings)) != len(strings):
            raise malformed(path, f"{name}: expected strings, no two alike")
    tagset = description.tagset()
    if description.n_seen_words > len(words):
        raise malformed(path, f"n_seen_words: expected at most {len(words):,}")
    counts = len(words) + 1, len(ngrams) + 1
    _check_graph(path, proto, description, *counts, len(tagset))
    weights: dict[str, npt.NDArray[Any]] = {}
    if description.model.decoder == "crf":
        scores = _parsed(path, metadata, "transitions", _SCORES)
        size = len(tagset) + 1
        if len(scores) != size or {len(row) for row in scores} != {size}:
            raise malformed(path, f"transitions: expected {size} rows of {size} scores")
        numbers = [[0.0 if score is None else score for score in row] for row in scores]
        weights["crf.transitions"] = _finite(path, "transitions", np.array(numbers, np.float32))
    return OnnxModel(
        description.name,
        description.model,
        description.text,
        Vocabulary(words, description.n_seen_words),
        Vocabulary(ngrams, description.n_seen_ngrams),
        tagset,
        weights,
        description.segmenter,
        description.edge_rules(),
        description.calibration,
        content,
        description.precision,
    )


def describe_onnx(path: str | Path) -> dict[str, Any]:
    """Describe a file as `describe_model` does a folder; raises what `read_onnx` does."""
    path = Path(path)
    content = path.read_bytes()
    model = parse_onnx(content, path)
    description, _, proto = _parse(content, path)
    sizes = {each.name: math.prod(each.dims) for each in proto.graph.initializer}
    counts = len(model.words.strings), len(model.ngrams.strings), sizes.get("word.scales", 0)
    weights, files = sum(sizes.values()), {path.name: len(content)}
    return {**description.facts(*counts), "weights": weights, "files": files}


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _seal(body: bytes) -> bytes:
    """Return the last entry of the metadata, as protobuf has it in bytes."""
    digest = hashlib.sha256(body).hexdigest().encode()
    entry = b"\x0a\x06sha256\x12" + bytes([len(digest)]) + digest
    return b"\x72" + bytes([len(entry)]) + entry


def _parse(content: bytes, path: Path) -> tuple[OnnxDescription, Mapping[str, str], ModelProto]:
    if not content.startswith(_BEGIN):
        raise ModelError(path, "was not written by `kakehashi export`; export a model folder")
    seal = len(_seal(b""))
    if content[-seal:] != _seal(content[:-seal]):
        problem = "is cut or damaged: the SHA-256 is not the one recorded"
        raise ModelError(path, f"{problem}; copy or export it again")
    onnx = require("onnx", "onnx")
    try:
        proto: ModelProto = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's own, whose module differs between versions
        raise malformed(path, str(error)) from None
    metadata = {each.key: each.value for each in proto.metadata_props}
    return _parsed(path, metadata, "kakehashi", TypeAdapter(OnnxDescription)), metadata, proto


def _parsed(
    path: Path, metadata: Mapping[str, str], name: str, expected: TypeAdapter[_Value]
) -> _Value:
    try:
        return expected.validate_json(metadata.get(name, ""))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        keys = ".".join(map(str, (name, *first["loc"])))
        raise malformed(path, f"{keys}: {first['msg'].removeprefix('Value error, ')}") from None


def _check_graph(
    path: Path, proto: ModelProto, found: OnnxDescription, n_words: int, n_ngrams: int, n_tags: int
) -> None:
    """Check that the graph is ours, and its tensors are in the file, and finite."""
    onnx = require("onnx", "onnx")
    tensors = {each.name: each for each in proto.graph.initializer}
    if any(each.data_location == onnx.TensorProto.EXTERNAL for each in tensors.values()):
        raise ModelError(path, "has weights in other files; export it again, into one file")
    n_compact = 0
    if found.precision == "float32" and "word.scales" in tensors:
        n_compact = math.prod(tensors["word.scales"].dims)
    ours = build_graph(found.model, found.precision, n_words, n_compact)
    ours.initializer.extend(proto.graph.initializer)
    if ours != proto.graph or proto.functions or proto.training_info:
        raise malformed(path, "its graph is not that of its settings")
    shapes = tensor_shapes(found.model, found.precision, n_words, n_ngrams, n_compact, n_tags)
    if tensors.keys() != shapes.keys() or len(tensors) != len(proto.graph.initializer):
        raise malformed(path, "its tensors are not those of its settings")
    for name, (dtype, shape) in shapes.items():
        array = onnx.numpy_helper.to_array(tensors[name])
        if (str(array.dtype), array.shape) != (dtype, shape):
            problem = f"expected {dtype} {shape}, got {array.dtype} {array.shape}"
            raise malformed(path, f"{name}: {problem}")
        _finite(path, name, array)


def _finite(path: Path, name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.size and not np.isfinite([array.min(), array.max()]).all():
        problem = f"{name} has weights that are infinite or no number"
        raise ModelError(path, f"{problem}; train and export the model again")
    return array
