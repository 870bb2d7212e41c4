"""Teachers: what finds entities in text for another recognizer to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from kakehashi.corpora.checks import excerpt
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.extras import require
from kakehashi.files import sha256_of
from kakehashi.runtime.checked_folder import model_fingerprint
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.sentence import Mention, Sentence
from kakehashi.training.soft_labels import Shares

Annotate = Callable[[Iterable[Sentence]], Iterator[Sentence]]
"""Yields sentences with the mentions that it finds, instead of those they have."""


class Teacher(NamedTuple):
    """What finds entities, and perhaps knows how probable each of its tags is at each token."""

    annotate: Annotate
    tags: tuple[str, ...] = ()  # in the order of the columns of marginals
    marginals: Callable[[Iterable[Sentence]], Iterator[tuple[Sentence, Shares]]] | None = None


def load_teacher(name: str) -> Teacher:
    """Load a teacher: a run or model folder, a file of labels, or a spaCy pipeline by its name.

    `ConfigError` if it is none of the three; what `Recognizer.load` and `read_source` raise.
    """
    path = Path(name)
    if path.is_dir():
        recognizer = Recognizer.load(path)
        tags = recognizer.model.tagset.tags
        return Teacher(recognizer.annotate, tags, recognizer.marginals)
    if path.is_file():
        return Teacher(partial(_labels_of, name, {each.text: each for each in _read(path)}))
    _spacy_version(name)
    return Teacher(partial(_entities_of, require("spacy", "spacy").load(name)))


def teacher_fingerprint(name: str) -> str:
    """Hash what a teacher's labels depend on beside the text; raises what `load_teacher` does."""
    path = Path(name)
    if path.is_dir():
        return model_fingerprint(path)
    return sha256_of(path) if path.is_file() else _spacy_version(name)


def _spacy_version(name: str) -> str:
    with suppress(PackageNotFoundError, ValueError):
        if version("spacy") and require("spacy.util", "spacy").is_package(name):
            return f"{name} {version(name)} spacy {version('spacy')}"
    problem = f"{name!r} is no run, no file, and no spaCy pipeline that is installed here"
    raise ConfigError("teach.teachers", problem)


def _read(path: Path) -> Iterator[Sentence]:
    return read_source(guess_source(path))


def _labels_of(
    name: str, labels: dict[str, Sentence], sentences: Iterable[Sentence]
) -> Iterator[Sentence]:
    for sentence in sentences:
        if sentence.text not in labels:
            problem = f"has no labels of the sentence {excerpt(sentence.text)}"
            raise CorpusError(name, f"{problem}; a file must label every unlabeled text")
        yield replace(sentence, mentions=labels[sentence.text].mentions)


def _entities_of(nlp: Callable[..., object], sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    for sentence in sentences:
        entities = nlp(sentence.text).ents  # type: ignore[attr-defined]
        found = [(e.start_char, e.end_char, e.label_, e.text) for e in entities]
        yield replace(sentence, mentions=tuple(Mention(*each) for each in found))
