"""The model folder: weights, settings, vocabularies, and a manifest that vouches for them.

::

    model/
      model.json            format version, architecture, text settings, tag set
      words.json            strings of the word vocabulary, in the order of their ids
      ngrams.json           the same for the n-grams
      weights.safetensors
      SHA256SUMS            as sha256sum writes it; checked before anything is parsed
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save

import kakehashi
from kakehashi.config.settings import ModelSettings, TextSettings
from kakehashi.config.sources import Settings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.errors import ModelError
from kakehashi.files import sha256_of, write_atomically, write_folder, write_json
from kakehashi.model.tagger import Tagger
from kakehashi.tags import Tagset

FORMAT_VERSION = 1
_FILES = ("model.json", "ngrams.json", "weights.safetensors", "words.json")
MANIFEST = "SHA256SUMS"
_Parsed = TypeVar("_Parsed")


class _Description(Settings):
    """What ``model.json`` holds."""

    format_version: Literal[1]
    kakehashi: str
    name: str
    model: ModelSettings
    text: TextSettings
    types: tuple[str, ...]
    n_seen_words: int
    n_seen_ngrams: int


@dataclass(frozen=True)
class Model:
    """A tagger with the text settings it was trained under."""

    name: str
    tagger: Tagger
    text: TextSettings


def save_model(folder: Path, model: Model) -> None:
    """Write a model folder, whole or not at all."""
    tagger = model.tagger
    description = _Description(
        format_version=FORMAT_VERSION,
        kakehashi=kakehashi.__version__,
        name=model.name,
        model=tagger.settings,
        text=model.text,
        types=tagger.tagset.types,
        n_seen_words=tagger.words.n_seen,
        n_seen_ngrams=tagger.ngrams.n_seen,
    )
    weights = {name: value.contiguous() for name, value in tagger.state_dict().items()}

    def fill(temporary: Path) -> None:
        write_json(temporary / "model.json", description.model_dump(mode="json"))
        write_json(temporary / "words.json", tagger.words.strings)
        write_json(temporary / "ngrams.json", tagger.ngrams.strings)
        write_atomically(temporary / "weights.safetensors", save(weights))
        write_atomically(temporary / MANIFEST, _manifest(temporary))

    write_folder(folder, fill)


def load_model(path: str | Path) -> Model:
    """Read a model folder; nothing in it can run code.

    Args:
        path: A model folder, or a run folder that has one.

    Raises:
        ModelError: If it is missing, incomplete, damaged, or of a newer format.
    """
    folder = find_model(path)
    _check_manifest(folder)
    description = _parse_description(folder)
    strings = TypeAdapter(tuple[str, ...])
    words = _parse(folder / "words.json", strings)
    ngrams = _parse(folder / "ngrams.json", strings)
    tagger = Tagger(
        description.model,
        Vocabulary(words, description.n_seen_words),
        Vocabulary(ngrams, description.n_seen_ngrams),
        Tagset(description.types, description.model.scheme),
    )
    try:
        tagger.load_state_dict(load((folder / "weights.safetensors").read_bytes()))
    except (RuntimeError, SafetensorError) as error:
        problem = " ".join(str(error).split())
        raise ModelError(
            folder, f"the weights do not fit the model's settings ({problem})"
        ) from None
    return Model(description.name, tagger.eval(), description.text)


def find_model(path: str | Path) -> Path:
    """Find the model folder: the path itself, or the model of a run folder.

    Raises:
        ModelError: If there is none.
    """
    path = Path(path)
    for folder in (path, path / "model"):
        if (folder / MANIFEST).is_file():
            return folder
    if not path.exists():
        raise ModelError(path, "there is no such model or run folder")
    raise ModelError(path, f"is no model folder: it has no {MANIFEST}; an unfinished run has none")


def _manifest(folder: Path) -> str:
    return "".join(f"{sha256_of(folder / name)}  {name}\n" for name in _FILES)


def _check_manifest(folder: Path) -> None:
    for name in _FILES:
        if not (folder / name).is_file():
            raise ModelError(folder, f"{name} is missing; copy or train the model again")
    found = (folder / MANIFEST).read_bytes()
    expected = _manifest(folder)
    if found == expected.encode():
        return
    damaged = [line[66:] for line in expected.splitlines() if line.encode() not in found]
    raise ModelError(
        folder,
        f"{', '.join(damaged) or MANIFEST} is damaged: the SHA-256 is not the one recorded;"
        " copy or train the model again",
    )


def _parse_description(folder: Path) -> _Description:
    path = folder / "model.json"
    version = _parse(path, TypeAdapter(dict[str, object])).get("format_version")
    if version != FORMAT_VERSION:
        raise ModelError(
            folder,
            f"has model format {version!r}; this kakehashi reads {FORMAT_VERSION};"
            " use the version that wrote it, or upgrade",
        )
    return _parse(path, TypeAdapter(_Description))


def _parse(path: Path, adapter: TypeAdapter[_Parsed]) -> _Parsed:
    try:
        return adapter.validate_python(json.loads(path.read_bytes()), strict=False)
    except (ValueError, ValidationError) as error:
        problem = " ".join(str(error).split())
        raise ModelError(path, f"does not hold what a model folder should ({problem})") from None
