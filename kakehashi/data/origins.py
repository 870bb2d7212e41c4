"""What encoded corpora depend on, hashed: a store is written anew when that changes."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from kakehashi import __version__
from kakehashi.config.paths import data_path
from kakehashi.config.settings import RunSettings
from kakehashi.config.sources import AssistantSource, Source
from kakehashi.corpora.mappings import load_mapping
from kakehashi.files import sha256_of

_FORMAT = 2
"""Of the store; counted up when its files change."""


def corpus_fingerprint(settings: RunSettings, segmenter: str) -> str:
    """Hash the corpora of a run and all that says how they are read.

    Args:
        settings: Of the run.
        segmenter: Signature of the segmenter.

    Raises:
        ConfigError: If there is no such type mapping.
    """
    corpus = settings.corpus
    sources = [*corpus.train, *corpus.dev, *corpus.test, *corpus.all]
    return _hashed(
        [
            [_FORMAT, __version__, segmenter],
            settings.corpus.model_dump(mode="json"),
            settings.text.model_dump(mode="json"),
            [_source_hashes(source) for source in sources],
            dict(load_mapping(corpus.mapping).types) if corpus.mapping is not None else None,
        ]
    )


def features_fingerprint(settings: RunSettings, corpus: str) -> str:
    """Hash what the model sees of encoded corpora, whose own hash is given."""
    model, vectors = settings.model, settings.vectors
    return _hashed(
        [
            corpus,
            [model.word_view, model.char_view, model.ngram],
            vectors.model_dump(mode="json") if vectors is not None else None,
            _file_hashes(data_path(vectors.path)) if vectors is not None else None,
        ]
    )


def _hashed(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _source_hashes(source: Source) -> list[list[str]]:
    if isinstance(source, AssistantSource):
        return _package_hashes(resources.files("kakehashi.corpora.assistant"))
    return _file_hashes(data_path(source.path))


def _file_hashes(path: Path) -> list[list[str]]:
    """Hash a file, or all files of a folder; a missing one is left for its reader to report."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [[str(file.relative_to(path)), sha256_of(file)] for file in files if file.is_file()]


def _package_hashes(folder: Traversable) -> list[list[str]]:
    """Hash the grammars of generated corpora, and the programs that draw from them."""
    hashes: list[list[str]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            hashes += _package_hashes(entry)
        elif entry.is_file():
            hashes.append([entry.name, hashlib.sha256(entry.read_bytes()).hexdigest()])
    return hashes
