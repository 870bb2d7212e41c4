"""The model folder of a recognizer on an encoder: its own weights, and which encoder they need.

::

    model/
      encoder.json          format version, encoder, text settings, entity types
      weights.safetensors
      calibration.json      see `kakehashi.runtime.calibration`
      SHA256SUMS            see `kakehashi.runtime.checked_folder`
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, TypeAdapter
from safetensors.numpy import save

import kakehashi
from kakehashi.config.segmenting import TextSettings
from kakehashi.config.settings import EncoderSettings
from kakehashi.encoders.encoder_tagger import EncoderTagger
from kakehashi.errors import ModelError
from kakehashi.files import read_json, replacing_folder, write_atomically, write_json
from kakehashi.runtime.checked_folder import (
    CALIBRATION,
    ENCODER,
    WEIGHTS,
    Calibration,
    Description,
    check_sums,
    check_weights,
    find_model,
    listed_files,
    malformed,
    parse_json,
    read_calibration,
    read_weights,
    seal,
)
from kakehashi.tags import Tagset
from kakehashi.text.edges import EdgeRules

FORMAT_VERSION = 1
_FILES = (ENCODER, WEIGHTS)
_LARGEST_DESCRIPTION = 1 << 20  # bytes


class _Description(Description):
    """What ``encoder.json`` holds."""

    newest_format = FORMAT_VERSION

    encoder: EncoderSettings
    fingerprint: str
    width: int = Field(gt=0, le=1 << 20)


@dataclass(frozen=True)
class EncoderModel:
    """A tagger on states, with the text settings and the encoder that it was trained under."""

    name: str
    tagger: EncoderTagger
    text: TextSettings
    fingerprint: str  # of the encoder's files
    segmenter: str  # and its version, in training
    edges: EdgeRules | None = None  # what mentions may begin and end with
    calibration: Calibration | None = None  # what its probabilities are true by

    @property
    def tagset(self) -> Tagset:
        """The tags that it chooses from."""
        return self.tagger.tagset


def save_encoder_model(folder: Path, model: EncoderModel) -> None:
    """Write a model folder, whole or not at all."""
    tagger = model.tagger
    description = _Description(
        format_version=FORMAT_VERSION,
        kakehashi=kakehashi.__version__,
        name=model.name,
        encoder=tagger.settings,
        fingerprint=model.fingerprint,
        width=tagger.width,
        text=model.text,
        segmenter=model.segmenter,
        types=tagger.tagset.types,
        edges=None if model.edges is None else model.edges.to_dict(),
    )
    weights = {name: value.cpu().numpy() for name, value in tagger.state_dict().items()}
    with replacing_folder(folder) as temporary:
        write_json(temporary / ENCODER, description.model_dump(mode="json"))
        write_atomically(temporary / WEIGHTS, save(weights))
        seal(temporary, _FILES, model.calibration)


def describe_encoder_model(path: str | Path) -> dict[str, Any]:
    """Describe a model: what ``encoder.json`` holds, how many ``weights``, the bytes of ``files``.

    Raises what `load_encoder_model` does.
    """
    folder, tagger = find_model(path), load_encoder_model(path).tagger
    facts = {name: each for name, each in read_json(folder / ENCODER).items() if name != "edges"}
    return {
        **facts,
        "weights": sum(weight.numel() for weight in tagger.state_dict().values()),
        "calibration": read_json(folder / CALIBRATION) or None,
        "files": {name: (folder / name).stat().st_size for name in listed_files(folder)},
    }


def load_encoder_model(path: str | Path) -> EncoderModel:
    """Load a model folder, or the model of a run folder; nothing in it can run code.

    `ModelError` if it is missing, damaged, of a newer format, or the model of another system.
    """
    folder = find_model(path)
    if not (folder / ENCODER).is_file():
        problem = f"is no model on an encoder: it has no {ENCODER}"
        raise ModelError(folder, f'{problem}; train one with system = "encoder"')
    check_sums(folder, _FILES)
    found = parse_json(folder / ENCODER, TypeAdapter(_Description), _LARGEST_DESCRIPTION)
    if found.width % len(found.encoder.layers):
        layers = len(found.encoder.layers)
        raise malformed(folder / ENCODER, f"width: {found.width} is not that of {layers} layers")
    weights = read_weights(folder)
    with torch.device("meta"):
        tagger = EncoderTagger(found.encoder, found.width, Tagset(found.types))
    shapes = {name: tuple(value.shape) for name, value in tagger.state_dict().items()}
    check_weights(folder, weights, shapes)
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    tagger.load_state_dict(tensors, assign=True)
    facts = found.text, found.fingerprint, found.segmenter, found.edge_rules()
    return EncoderModel(found.name, tagger.eval(), *facts, read_calibration(folder))
