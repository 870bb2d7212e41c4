"""Teachers: what finds entities in text for another recognizer to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import islice, tee
from pathlib import Path
from typing import NamedTuple

from kakehashi.baselines.crfsuite import CRFsuite
from kakehashi.config.reading import read_settings
from kakehashi.corpora.checks import excerpt
from kakehashi.corpora.corpus import segmented
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.data.cache import file_hashes
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.extras import require
from kakehashi.files import sha256_of
from kakehashi.runtime.checked_folder import model_fingerprint
from kakehashi.runtime.model_hub import is_address
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.sentence import Mention, Sentence, mentions_from_spans
from kakehashi.text.segment import segmenter_of
from kakehashi.training.soft_labels import Shares

CRFSUITE = "model.crfsuite"
_PIPELINE = "config.cfg"  # is in the folder of a spaCy pipeline
_AT_ONCE = 1000  # sentences

Annotate = Callable[[Iterable[Sentence]], Iterator[Sentence]]
"""Yields sentences with the mentions that it finds, instead of those they have."""


class Teacher(NamedTuple):
    """What finds entities, and perhaps knows how probable each of its tags is at each token."""

    annotate: Annotate
    tags: tuple[str, ...] = ()  # in the order of the columns of marginals
    marginals: Callable[[Iterable[Sentence]], Iterator[tuple[Sentence, Shares]]] | None = None


def load_teacher(name: str) -> Teacher:
    """Load a teacher: a run or model folder or ONNX file, a file of labels, or a spaCy pipeline.

    A pipeline is named as it is installed, or by its folder. `ConfigError` if it is none of these;
    what `Recognizer.load` and `read_source` raise.
    """
    path = Path(name)
    if (path / CRFSUITE).is_file():
        return _load_crfsuite(path)
    if _is_model(path):
        recognizer = Recognizer.load(path)
        # Votes are of probabilities as they are trained, calibrated or not: docs/decisions/031.
        recognizer.decoder = recognizer.decoder.scaled(1.0)
        tags = recognizer.model.tagset.tags
        return Teacher(recognizer.annotate, tags, recognizer.marginals)
    if path.is_file():
        return Teacher(partial(_labels_of, name, {each.text: each for each in _read(path)}))
    _pipeline_version(name)
    return Teacher(partial(_entities_of, require("spacy", "spacy").load(name)))


def teacher_fingerprint(name: str) -> str:
    """Hash what a teacher's labels depend on beside the text; raises what `load_teacher` does."""
    path = Path(name)
    if (path / CRFSUITE).is_file():
        return sha256_of(path / CRFSUITE)
    if _is_model(path):
        return model_fingerprint(path, calibrated=False)
    return sha256_of(path) if path.is_file() else _pipeline_version(name)


def _is_model(path: Path) -> bool:
    is_folder = path.is_dir() and not (path / _PIPELINE).is_file()
    return is_folder or is_address(path) or (path.suffix == ".onnx" and path.is_file())


def _pipeline_version(name: str) -> str:
    with suppress(PackageNotFoundError, ValueError):
        release = f"spacy {version('spacy')}"
        if (Path(name) / _PIPELINE).is_file():
            return f"{file_hashes(Path(name))} {release}"
        if require("spacy.util", "spacy").is_package(name):
            return f"{name} {version(name)} {release}"
    problem = f"{name!r} is no run, no file, and no spaCy pipeline that is installed here"
    raise ConfigError("teach.teachers", problem)


def _load_crfsuite(run: Path) -> Teacher:
    settings = read_settings(run / "config.json")
    segmenter, crfsuite = segmenter_of(settings.text), CRFsuite()
    crfsuite.model = (run / CRFSUITE).read_bytes()

    def annotate(sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        cut = segmented(sentences, segmenter, keep_tokens=True)
        while chunk := list(islice(cut, _AT_ONCE)):
            for sentence, spans in zip(chunk, crfsuite.tag(chunk), strict=True):
                found = mentions_from_spans(sentence.text, sentence.tokens or (), spans)
                yield replace(sentence, mentions=found)

    def marginals(sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, Shares]]:
        for_tags, for_shares = tee(annotate(sentences))
        yield from zip(for_tags, crfsuite.marginals(for_shares), strict=True)

    return Teacher(annotate, crfsuite.tags, marginals)


def _read(path: Path) -> Iterator[Sentence]:
    try:
        return read_source(guess_source(path))
    except ConfigError as error:
        if error.key != "format":
            raise
        problem = "its name says nothing of its format; expected a file of labels"
        raise ConfigError(
            str(path), f"{problem}: make JSON lines of it by `kakehashi corpus convert`"
        ) from None


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
