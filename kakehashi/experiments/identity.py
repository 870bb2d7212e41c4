"""What makes two cells the same: all that can change a score, and nothing else.

A new setting that leaves everything as it was at its default changes no identity. Whoever changes
a default, or anything else that moves scores, raises `SCORES`.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kakehashi.config.paths import data_path
from kakehashi.config.settings import RunSettings, TextSettings
from kakehashi.config.sources import AssistantSource, Settings
from kakehashi.corpora import assistant
from kakehashi.errors import MissingExtraError
from kakehashi.experiments.fingerprints import MISSING, Fingerprints
from kakehashi.text.segment import segmenter_of

SCORES = "1"

_NOT_TELLING = ("name", "preset")  # what a preset sets stands in the settings themselves
_LIBRARIES = {"crfsuite": "python-crfsuite", "spacy": "spacy"}
_GRAMMARS = Path(assistant.__file__).parent / "data"
_WIDTH = 16
_MANIFEST = "SHA256SUMS"  # kakehashi.model.storage.MANIFEST, which loads torch


@dataclass(frozen=True)
class Identity:
    """Who a cell is.

    Attributes:
        config: Hash of its settings, and of those of its source.
        facts: What else its scores hang on, and in which state that was: SHA-256 of every file,
            version of every program; those of its source too.
    """

    config: str
    facts: Mapping[str, str]

    @property
    def key(self) -> str:
        """Name it, in hexadecimal."""
        return _hash([self.config, sorted(self.facts.items())])

    @property
    def missing(self) -> list[str]:
        """The facts that cannot be told here, such as a corpus that is not on this machine."""
        return [name for name, state in self.facts.items() if state == MISSING]

    def changes(self, other: Identity) -> list[str]:
        """Name the facts that differ from those of an older cell."""
        names = sorted({*self.facts, *other.facts})
        return [name for name in names if self.facts.get(name) != other.facts.get(name)]

    def may_be(self, other: Identity) -> bool:
        """Say whether the other has the same settings, and differs in no fact known here."""
        return self.config == other.config and set(self.changes(other)) <= set(self.missing)


def identify(
    settings: RunSettings, fingerprints: Fingerprints, source: Identity | None = None
) -> Identity:
    """Tell who the cell of some settings is.

    Args:
        settings: Of the cell.
        fingerprints: Tells the state of files.
        source: Who the cell is that it transfers from; without one, ``transfer.source`` is the
            folder of a model, and its weights count, wherever they lie.
    """
    tree = {name: value for name, value in _telling(settings).items() if name not in _NOT_TELLING}
    facts = {"kakehashi's scores": SCORES, **_programs(settings)}
    for name, path in _files(settings):
        facts[name] = fingerprints.of(path)
    if settings.transfer is not None:
        tree["transfer"] = list(settings.transfer.groups)
        if source is None:
            facts["source model"] = fingerprints.of(_manifest(settings.transfer.source))
    if source is not None:
        tree["source"] = source.config
        facts = {**source.facts, **facts}
    return Identity(_hash(tree), facts)


def missing_files(settings: RunSettings) -> list[str]:
    """Name the files of a run that are not there, as its settings name them."""
    return [name for name, path in _files(settings) if not path.exists()]


def _manifest(source: str) -> Path:
    """Find the file that vouches for the weights of a model folder, or of a run folder's model."""
    inner = Path(source) / "model" / _MANIFEST
    return inner if inner.exists() else Path(source) / _MANIFEST


def _telling(settings: Settings) -> dict[str, object]:
    """Take what is not at its default; the format of a source always tells."""
    tree = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name == "format" or value != field.default:
            tree[name] = _plain(value)
    return tree


def _plain(value: object) -> object:
    if isinstance(value, Settings):
        return _telling(value)
    return [_plain(member) for member in value] if isinstance(value, tuple) else value


def _files(settings: RunSettings) -> Iterator[tuple[str, Path]]:
    corpus = settings.corpus
    for source in (*corpus.train, *corpus.dev, *corpus.test, *corpus.all):
        if isinstance(source, AssistantSource):
            yield "the built-in grammars", _GRAMMARS
        else:
            yield source.path, data_path(source.path)
    if settings.vectors is not None:
        yield settings.vectors.path, data_path(settings.vectors.path)
    if corpus.mapping is not None and corpus.mapping.endswith(".toml"):
        yield corpus.mapping, Path(corpus.mapping)


def _programs(settings: RunSettings) -> dict[str, str]:
    versions = {f"segmenter {settings.text.segmenter}": _segmenter(settings.text)}
    if settings.system in _LIBRARIES:
        versions[f"system {settings.system}"] = _library(_LIBRARIES[settings.system])
    return versions


@functools.cache
def _segmenter(text: TextSettings) -> str:
    try:
        return segmenter_of(text).signature
    except MissingExtraError:
        return MISSING


def _library(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return MISSING


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_WIDTH]
