"""Named arrays in one Arrow file, which is mapped into memory when it is read.

The file holds one row, and each array is the list in its column of that row. So arrays of any
length stand side by side, each of them is one contiguous piece, as numpy needs it, and processes
that map the same file share its memory.

Corpora, forms and features as named arrays, and back.

What encoded corpora depend on, hashed: a store is written anew when that changes.

Encoded corpora in files: one shard per chunk, with forms of its own, then all of them as one.

The store: encoded corpora in a cache folder, written once and shared by all who train on them.

::

    CACHE/
      corpus-FINGERPRINT/        the same for all settings that read and segment alike
        train.arrow dev.arrow test.arrow
                                 form number and tag per token, sentence offsets
        forms.arrow              surface and reading of every form
        test.jsonl               the segmented test sentences, for the predictions
      features-FINGERPRINT/      the same for all settings that see its forms alike
        features.arrow           word and n-gram ids of every form, vocabularies, vectors
      NAME.partial/              being written; goes on after a kill with the shards that are done
      NAME.lock                  held by the process that writes

A folder gets its name when it is complete. Its files are mapped, so processes that train on the
same corpora share their memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kakehashi import __version__
from kakehashi.config.reading import data_path
from kakehashi.config.settings import RunSettings
from kakehashi.config.sources import AssistantSource, Source
from kakehashi.corpora.corpus import load_corpora, load_mapping, segmented
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.corpora.texts import Columnar
from kakehashi.data.dataset import Encoded, Features, Prepared, assembled, build_features
from kakehashi.data.encode import EncodedCorpus, Form, FormFeatures, Forms, encode, tag_renumbering
from kakehashi.data.texts import encode_texts
from kakehashi.data.vectors import Coverage, Share, Vectors
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.errors import CorpusError
from kakehashi.files import fill_atomically, lock, sha256_of, sweep
from kakehashi.parallel import map_in_order
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.text.segment import Segmenter, segmenter_of
from kakehashi.text.words import PatternSegmenter

Array = npt.NDArray[Any]
Columns = Mapping[str, Array | Sequence[str]]
"""Arrays of numbers, of one dimension and any type, or of strings; by name."""

_FINGERPRINT = b"kakehashi"


class Arrays:
    """The arrays of one file; those of numbers are views of the mapped file, never copies.

    Args:
        path: The file.
        fingerprint: What the file was made of.

    Raises:
        CorpusError: If the file is truncated, or none of ours, or was made of something else.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        try:
            with pa.memory_map(str(path)) as file:
                self._row = pa.ipc.open_file(file).get_batch(0)
        except (OSError, pa.ArrowInvalid) as error:
            raise _unusable(path, "is missing, truncated or no Arrow file") from error
        if (self._row.schema.metadata or {}).get(_FINGERPRINT) != fingerprint.encode():
            raise _unusable(path, "was not made of these corpora and settings")

    def numbers(self, name: str) -> Array:
        """View an array of numbers; it cannot be written to."""
        array: Array = self._values(name).to_numpy(zero_copy_only=True)
        return array

    def strings(self, name: str) -> list[str]:
        """Copy an array of strings."""
        strings: list[str] = self._values(name).to_pylist()
        return strings

    def __contains__(self, name: str) -> bool:
        """Say whether there is such an array."""
        return name in self._row.schema.names

    def _values(self, name: str) -> pa.Array:
        return self._row.column(name).values


def write_arrays(path: Path, arrays: Mapping[str, Array | Sequence[str]], fingerprint: str) -> None:
    """Write arrays atomically.

    Args:
        path: The file.
        arrays: What to write.
        fingerprint: What the arrays are made of; asked for when they are read.
    """
    columns = {name: _column(array) for name, array in arrays.items()}
    batch = pa.RecordBatch.from_pydict(columns).replace_schema_metadata(
        {_FINGERPRINT: fingerprint.encode()}
    )

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
            writer.write_batch(batch)

    fill_atomically(path, fill)


def _column(array: Array | Sequence[str]) -> pa.LargeListArray:
    if isinstance(array, np.ndarray):
        buffers = [None, pa.py_buffer(np.ascontiguousarray(array))]
        values = pa.Array.from_buffers(pa.from_numpy_dtype(array.dtype), len(array), buffers)
    else:
        values = pa.array(array, pa.large_string())
    return pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), values)


def _unusable(path: Path, problem: str) -> CorpusError:
    return CorpusError(path, f"{problem}; remove the folder {path.parent} to encode again")


def corpus_columns(corpus: EncodedCorpus) -> Columns:
    """Lay out a corpus as arrays; the mentions that are lost are so few that they lie apart."""
    lost = [(index, mention) for index, lost in corpus.missed.items() for mention in lost]
    return {
        "forms": corpus.forms,
        "offsets": corpus.offsets,
        "tags": corpus.tags,
        "types": corpus.types,
        "lost_sentences": np.array([index for index, _ in lost], dtype=np.int64),
        "lost_starts": np.array([mention.start for _, mention in lost], dtype=np.int32),
        "lost_types": [mention.type for _, mention in lost],
        "lost_texts": [mention.text for _, mention in lost],
    }


def read_corpus(file: Arrays) -> EncodedCorpus:
    """View a file as a corpus."""
    missed: dict[int, tuple[Mention, ...]] = {}
    for index, start, kind, text in zip(
        file.numbers("lost_sentences").tolist(),
        file.numbers("lost_starts").tolist(),
        file.strings("lost_types"),
        file.strings("lost_texts"),
        strict=True,
    ):
        mention = Mention(start, start + len(text), kind, text)
        missed[index] = (*missed.get(index, ()), mention)
    return EncodedCorpus(
        file.numbers("forms"),
        file.numbers("offsets"),
        file.numbers("tags"),
        tuple(file.strings("types")),
        missed,
    )


def form_columns(forms: Forms) -> Columns:
    """Lay out forms as arrays."""
    return {
        "surfaces": [surface for surface, _ in forms.ids],
        "readings": [reading for _, reading in forms.ids],
    }


def read_forms(file: Arrays) -> Iterator[Form]:
    """Give the forms of a file in the order of their numbers."""
    return zip(file.strings("surfaces"), file.strings("readings"), strict=True)


def feature_columns(features: Features) -> Columns:
    """Lay out features as arrays."""
    columns: dict[str, Array | Sequence[str]] = {
        "form_words": features.features.words,
        "form_ngrams": features.features.ngrams,
        "form_offsets": features.features.offsets,
        "words": features.words.strings,
        "seen_words": np.array([features.words.n_seen]),
        "ngrams": features.ngrams.strings,
        "once": features.once.view(np.uint8),
    }
    vectors, coverage = features.vectors, features.coverage
    if vectors is not None and coverage is not None and coverage.tokens is not None:
        columns |= {
            "vector_words": vectors.words,
            "vector_rows": np.array(list(vectors.rows.values()), dtype=np.int64),
            "vector_lowered": sorted(vectors.lowered),
            "vector_shape": np.array(vectors.matrix.shape),
            "vectors": vectors.matrix.ravel(),
            "coverage": np.array([*coverage.types, *coverage.tokens, coverage.n_skipped]),
        }
    return columns


def read_features(file: Arrays) -> Features:
    """View a file as features."""
    vectors = coverage = None
    if "vectors" in file:
        words, rows = file.strings("vector_words"), file.numbers("vector_rows").tolist()
        matrix = file.numbers("vectors").reshape(file.numbers("vector_shape"))
        lowered = frozenset(file.strings("vector_lowered"))
        vectors = Vectors(dict(zip(words, rows, strict=True)), matrix, lowered)
        counts = file.numbers("coverage").tolist()
        coverage = Coverage(Share(*counts[:3]), Share(*counts[3:6]), counts[6])
    return Features(
        FormFeatures(*(file.numbers(f"form_{name}") for name in ("words", "ngrams", "offsets"))),
        Vocabulary(file.strings("words"), int(file.numbers("seen_words")[0])),
        Vocabulary(file.strings("ngrams")),
        vectors,
        coverage,
        file.numbers("once").view(np.bool_),
    )


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


def write_shard(
    segmenter: Segmenter,
    keep_tokens: bool,
    fingerprint: str,
    job: tuple[Path, Iterable[Sentence]],
) -> None:
    """Read, segment and encode a chunk of a corpus."""
    path, chunk = job
    forms = Forms()
    corpus = _encoded_texts(segmenter, chunk, forms)
    if corpus is None:
        corpus = encode(segmented(chunk, segmenter, keep_tokens), forms)
    write_arrays(path, {**corpus_columns(corpus), **form_columns(forms)}, fingerprint)


def _encoded_texts(
    segmenter: Segmenter, chunk: Iterable[Sentence], forms: Forms
) -> EncodedCorpus | None:
    """Encode a chunk by its columns, if it has some and its words can be cut one by one."""
    if not (isinstance(chunk, Columnar) and isinstance(segmenter, PatternSegmenter)):
        return None
    texts = chunk.texts()
    return None if texts is None else encode_texts(texts, segmenter, forms)


def join_shards(shards: Sequence[Path], path: Path, forms: Forms, fingerprint: str) -> None:
    """Write shards as one corpus, as if it had been encoded in one go.

    Args:
        shards: Their files, in the order of the corpus.
        path: The file to write.
        forms: Those known from corpora before this one; those of the shards are added.
        fingerprint: What all is made of.

    Raises:
        CorpusError: If a shard is damaged.
    """
    files = [Arrays(shard, fingerprint) for shard in shards]
    parts = [read_corpus(file) for file in files]
    types = sorted({kind for part in parts for kind in part.types})
    n_tokens = sum(len(part.forms) for part in parts)
    numbers, tags = (_scratch(path.parent, kind, n_tokens) for kind in ("i4", "i2"))
    offsets = _scratch(path.parent, "i8", 1 + sum(map(len, parts)))
    missed: dict[int, tuple[Mention, ...]] = {}
    ids, sentence, token = forms.ids, 0, 0
    for file, part in zip(files, parts, strict=True):
        known = np.array([ids.setdefault(form, len(ids)) for form in read_forms(file)], np.int32)
        tokens = slice(token, token + len(part.forms))
        numbers[tokens] = known[part.forms]
        tags[tokens] = tag_renumbering(part.types, types)[part.tags]
        offsets[sentence : sentence + len(part) + 1] = part.offsets + token
        missed |= {sentence + index: lost for index, lost in part.missed.items()}
        sentence, token = sentence + len(part), tokens.stop
    corpus = EncodedCorpus(numbers, offsets, tags, tuple(types), missed)
    write_arrays(path, corpus_columns(corpus), fingerprint)


def _scratch(folder: Path, kind: str, size: int) -> Array:
    """Make an array whose memory is a file without a name, for one larger than we want to hold."""
    with TemporaryFile(dir=folder) as file:
        # A file of no bytes cannot be mapped; and without room for all of it a write would end us.
        os.posix_fallocate(file.fileno(), 0, np.dtype(kind).itemsize * max(1, size))
        array: Array = np.memmap(file, dtype=kind, mode="r+", shape=max(1, size))
    return array[:size]


_PARTS = ("train", "dev", "test")


class Store:
    """The encoded corpora of a run, written now or by an earlier run.

    Args:
        cache: The folder of all stores; made if need be.
        settings: Of the run.
        progress: Is told how far it is.
        processes: How many encode; default as many as there are cores for us. The files do not
            depend on it.

    Raises:
        CorpusError: If a corpus is not what its format says, or a file of the store is damaged.
        ConfigError: If the settings ask for what the corpora have not.
        OSError: If the cache cannot be written to.
    """

    def __init__(
        self, cache: Path, settings: RunSettings, progress: Progress, processes: int | None = None
    ) -> None:
        self._settings, self._progress, self._processes = settings, progress, processes
        self._segmenter = segmenter_of(settings.text)
        self._corpus_print = corpus_fingerprint(settings, self._segmenter.signature)
        self._features_print = features_fingerprint(settings, self._corpus_print)
        self.corpus = cache / f"corpus-{self._corpus_print[:16]}"
        self.features = cache / f"features-{self._features_print[:16]}"
        cache.mkdir(parents=True, exist_ok=True)
        self._complete(self.corpus, self._encode)
        self._complete(self.features, self._featurize)

    def prepared(self) -> Prepared:
        """Map the store into memory."""
        encoded = self._encoded(Forms())
        file = Arrays(self.features / "features.arrow", self._features_print)
        return assembled(encoded, read_features(file), self._settings.model)

    def test_sentences(self) -> Iterator[Sentence]:
        """Read the test sentences, segmented."""
        return read_jsonl(self.corpus / "test.jsonl")

    def _encoded(self, forms: Forms) -> Encoded:
        train, dev, test = (
            read_corpus(Arrays(self.corpus / f"{part}.arrow", self._corpus_print))
            for part in _PARTS
        )
        return Encoded(train, dev, test, forms)

    def _complete(self, folder: Path, fill: Callable[[Path], None]) -> None:
        """Have a folder written, unless it is there; by one process at a time."""
        if folder.exists():
            return
        waiting = partial(self._progress.say, f"waiting for another process to write {folder.name}")
        with lock(folder.with_name(f"{folder.name}.lock"), waiting=waiting):
            if not folder.exists():
                unfinished = folder.with_name(f"{folder.name}.partial")
                unfinished.mkdir(exist_ok=True)
                fill(unfinished)
                sweep(unfinished)
                unfinished.rename(folder)

    def _encode(self, folder: Path) -> None:
        """Encode what a kill has left to do, over processes, and join it."""
        corpora = load_corpora(self._settings.corpus)
        shards = folder / "shards"
        shards.mkdir(exist_ok=True)
        keep_tokens = self._settings.text.keep_tokens
        work = partial(write_shard, self._segmenter, keep_tokens, self._corpus_print)
        jobs = (
            (path, chunk)
            for part in _PARTS
            for number, chunk in enumerate(getattr(corpora, part).chunks())
            if not (path := shards / f"{part}-{number:06}.arrow").exists()
        )
        done = map_in_order(work, jobs, self._processes)
        for _ in self._progress.track(done, "encoding the corpora"):
            pass
        forms = Forms()
        for part in _PARTS:
            files = sorted(shards.glob(f"{part}-*.arrow"))
            join_shards(files, folder / f"{part}.arrow", forms, self._corpus_print)
        write_arrays(folder / "forms.arrow", form_columns(forms), self._corpus_print)
        test = segmented(corpora.test, self._segmenter, keep_tokens)
        write_jsonl(folder / "test.jsonl", test)
        shutil.rmtree(shards)

    def _featurize(self, folder: Path) -> None:
        """Build the vocabularies."""
        file = Arrays(self.corpus / "forms.arrow", self._corpus_print)
        forms = Forms({form: number for number, form in enumerate(read_forms(file))})
        features = build_features(
            self._encoded(forms), self._settings.model, self._settings.vectors
        )
        path = folder / "features.arrow"
        write_arrays(path, feature_columns(features), self._features_print)
