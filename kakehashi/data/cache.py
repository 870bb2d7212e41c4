"""Encoded corpora in a cache folder, written once and shared by all who train on them.

::

    CACHE/
      corpus-FINGERPRINT/      the same for all settings that read and segment alike
        PART-forms.npy PART-offsets.npy PART-tags.npy     of train, dev and test
        forms.json             surface and reading of every form
        test.jsonl             the segmented test sentences, for the predictions
        facts.json             fingerprint, shapes of the arrays, and what is no array
      features-FINGERPRINT/    the same for all settings that see its forms alike
        words.npy ngrams.npy offsets.npy once.npy vectors.npy
        facts.json             likewise, with the vocabularies
      NAME.partial/            being written; goes on after a kill with the shards that are done
      NAME.lock                held by the process that writes

A folder gets its name when it is complete. Its arrays are mapped into memory, so processes that
train on the same corpora share it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi import __version__
from kakehashi.config.reading import data_path
from kakehashi.config.settings import ModelSettings, RunSettings
from kakehashi.config.sources import AssistantSource, Source
from kakehashi.corpora.corpus import load_corpora, load_mapping, segmented
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.data.dataset import Dataset, build_dataset, tagset_of
from kakehashi.data.encode import EncodedCorpus, encode_chunk, renumber, sorted_types
from kakehashi.data.forms import Form, FormFeatures
from kakehashi.data.vectors import Coverage, Share, Vectors
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.errors import CorpusError
from kakehashi.files import fill_atomically, lock, sha256_of, write_atomically
from kakehashi.parallel import map_in_order
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.text.segment import Segmenter, segmenter_of

Array = npt.NDArray[Any]

_FORMAT = 3
"""Of the files in the cache; raised when they change."""
_FOREIGN = "was not made of these corpora and settings"
_PARTS = ("train", "dev", "test")
_ARRAYS = {"forms": "<i4", "offsets": "<i8", "tags": "<i2"}  # of a corpus


def load_dataset(
    cache: Path, settings: RunSettings, progress: Progress, processes: int | None = None
) -> tuple[Dataset, Iterator[Sentence]]:
    """Load the encoded corpora of a run, and its segmented test sentences.

    What is not in the cache is written first, by one process at a time.

    Args:
        cache: The folder, shared by any number of runs; made if need be.
        settings: Of the run.
        progress: Is told how far it is.
        processes: How many encode; default as many as there are cores for us. The files do not
            depend on it.

    Raises:
        CorpusError: If a corpus is not what its format says, or a file of the cache is damaged.
        ConfigError: If the settings ask for what the corpora have not.
        OSError: If the cache cannot be written to.
    """
    segmenter = segmenter_of(settings.text)
    corpus_print = corpus_fingerprint(settings, segmenter.signature)
    features_print = features_fingerprint(settings, corpus_print)
    corpus = cache / f"corpus-{corpus_print[:16]}"
    features = cache / f"features-{features_print[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    encode = partial(_encode_corpora, settings, segmenter, corpus_print, progress, processes)
    _complete(corpus, encode, progress)
    featurize = partial(_write_features, settings, corpus, corpus_print, features_print)
    _complete(features, featurize, progress)
    corpora = _read_corpora(corpus, corpus_print)
    data = _read_dataset(features, features_print, corpora, settings.model)
    return data, read_jsonl(corpus / "test.jsonl")


def _complete(folder: Path, fill: Callable[[Path], None], progress: Progress) -> None:
    """Have a folder written unless it is there."""
    if folder.exists():
        return
    waiting = partial(progress.say, f"waiting for another process to write {folder.name}")
    with lock(folder.with_name(f"{folder.name}.lock"), waiting=waiting):
        if not folder.exists():
            unfinished = folder.with_name(f"{folder.name}.partial")
            unfinished.mkdir(exist_ok=True)
            fill(unfinished)
            for path in (*unfinished.iterdir(), unfinished):
                descriptor = os.open(path, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)
            unfinished.rename(folder)


def _encode_corpora(
    settings: RunSettings,
    segmenter: Segmenter,
    fingerprint: str,
    progress: Progress,
    processes: int | None,
    folder: Path,
) -> None:
    """Encode the chunks that a kill has left to do, over processes, and join them."""
    corpora, keep_tokens = load_corpora(settings.corpus), settings.text.keep_tokens
    shards = folder / "shards"
    shards.mkdir(exist_ok=True)
    jobs = (
        (path, chunk)
        for part in _PARTS
        for number, chunk in enumerate(getattr(corpora, part).chunks())
        if not (path := shards / f"{part}-{number:06}.npz").exists()
    )
    done = map_in_order(partial(write_shard, segmenter, keep_tokens), jobs, processes)
    for _ in progress.track(done, "encoding the corpora"):
        pass
    forms: dict[Form, int] = {}
    facts = {
        part: join_shards(sorted(shards.glob(f"{part}-*")), folder, part, forms) for part in _PARTS
    }
    _write_json(folder / "forms.json", fingerprint, forms=list(forms))
    write_jsonl(folder / "test.jsonl", segmented(corpora.test, segmenter, keep_tokens))
    _write(folder, fingerprint, facts)
    shutil.rmtree(shards)


def write_shard(
    segmenter: Segmenter, keep_tokens: bool, job: tuple[Path, Iterable[Sentence]]
) -> None:
    """Read, segment and encode a chunk of a corpus into one file, with forms of its own."""
    path, chunk = job
    forms: dict[Form, int] = {}
    corpus = encode_chunk(chunk, segmenter, forms, keep_tokens)
    facts = {
        "head": [len(corpus.forms), len(corpus), corpus.types],
        "strings": [list(forms), _rows(corpus.missed)],
    }

    def fill(temporary: Path) -> None:
        arrays = {name: getattr(corpus, name) for name in _ARRAYS}
        arrays |= {key: np.frombuffer(json.dumps(facts[key]).encode(), "u1") for key in facts}
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    fill_atomically(path, fill)


def join_shards(
    shards: Sequence[Path], folder: Path, part: str, forms: dict[Form, int]
) -> dict[str, object]:
    """Write the arrays of all shards as one corpus, as if it had been encoded in one go.

    One shard is in memory at a time.

    Args:
        shards: Their files, in the order of the corpus.
        folder: Where the arrays are written.
        part: The beginning of their names.
        forms: Those known from corpora before this one; those of the shards are added.

    Returns:
        The rest of the corpus, for JSON.

    Raises:
        CorpusError: If a shard is damaged.
    """
    heads = [json.loads(bytes(_read_shard(path, "head")[0])) for path in shards]
    n_tokens, n_sentences = (sum(head[column] for head in heads) for column in (0, 1))
    types = sorted_types(kind for *_, kinds in heads for kind in kinds)

    def corpora() -> Iterator[EncodedCorpus]:
        for path, (*_, kinds) in zip(shards, heads, strict=True):
            numbers, offsets, tags, strings = _read_shard(path, *_ARRAYS, "strings")
            own, missed = json.loads(bytes(strings))
            known = [forms.setdefault((form, reading), len(forms)) for form, reading in own]
            yield _corpus(np.array(known, np.int32)[numbers], offsets, tags, kinds, missed)

    missed: dict[int, tuple[Mention, ...]] = {}
    with ExitStack() as stack:
        paths = [folder / f"{part}-{name}.npy" for name in _ARRAYS]
        files = [stack.enter_context(path.open("wb")) for path in paths]
        sizes = (n_tokens, n_sentences + 1, n_tokens)
        for file, kind, size in zip(files, _ARRAYS.values(), sizes, strict=True):
            header = {"descr": kind, "fortran_order": False, "shape": (size,)}
            np.lib.format.write_array_header_1_0(file, header)
        files[1].write(np.zeros(1, np.int64).data)
        for each in renumber(corpora(), types):
            files[0].write(each.forms.data)
            files[1].write(each.offsets[1:].data)
            files[2].write(each.tags.data)
            missed |= each.missed
    return {"types": types, "missed": _rows(missed)}


def _read_shard(path: Path, *names: str) -> list[Array]:
    try:
        with np.load(path) as shard:
            return [shard[name] for name in names]
    except Exception as error:  # numpy and zipfile raise a dozen kinds
        raise _unusable(path) from error


def _rows(missed: Mapping[int, Sequence[Mention]]) -> list[tuple[int, int, str, str]]:
    return [
        (sentence, mention.start, mention.type, mention.text)
        for sentence, mentions in missed.items()
        for mention in mentions
    ]


def _corpus(
    forms: Array,
    offsets: Array,
    tags: Array,
    types: Iterable[str],
    rows: Iterable[tuple[int, int, str, str]],
) -> EncodedCorpus:
    missed: dict[int, tuple[Mention, ...]] = {}
    for sentence, start, kind, text in rows:
        mention = Mention(start, start + len(text), kind, text)
        missed[sentence] = (*missed.get(sentence, ()), mention)
    return EncodedCorpus(forms, offsets, tags, tuple(types), missed)


def _read_corpora(folder: Path, fingerprint: str) -> list[EncodedCorpus]:
    facts, arrays = _read(folder, fingerprint)
    return [
        _corpus(
            arrays[f"{part}-forms"],
            arrays[f"{part}-offsets"],
            arrays[f"{part}-tags"],
            facts[part]["types"],
            facts[part]["missed"],
        )
        for part in _PARTS
    ]


def _write_features(
    settings: RunSettings, corpus: Path, corpus_print: str, fingerprint: str, folder: Path
) -> None:
    """Build the vocabularies, and write all of the dataset but the corpora."""
    forms = _read_json(corpus / "forms.json", corpus_print)["forms"]
    corpora = _read_corpora(corpus, corpus_print)
    data = build_dataset(corpora, list(map(tuple, forms)), settings.model, settings.vectors)
    arrays = {**data.features._asdict(), "once": data.once}
    words, ngrams, vectors = data.words, data.ngrams, data.vectors
    facts: dict[str, object] = {"words": [words.strings, words.n_seen], "ngrams": ngrams.strings}
    if vectors is not None:
        arrays["vectors"] = vectors.matrix
        facts["vectors"] = [vectors.rows, sorted(vectors.lowered), data.coverage]
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    _write(folder, fingerprint, facts)


def _read_dataset(
    folder: Path, fingerprint: str, corpora: Sequence[EncodedCorpus], model: ModelSettings
) -> Dataset:
    facts, arrays = _read(folder, fingerprint)
    vectors = coverage = None
    if "vectors" in facts:
        rows, lowered, (types, tokens, n_skipped) = facts["vectors"]
        vectors = Vectors(rows, arrays["vectors"], frozenset(lowered))
        coverage = Coverage(Share(*types), Share(*tokens), n_skipped)
    train, dev, test = corpora
    return Dataset(
        train,
        dev,
        test,
        FormFeatures(arrays["words"], arrays["ngrams"], arrays["offsets"]),
        Vocabulary(*facts["words"]),
        Vocabulary(facts["ngrams"]),
        tagset_of(train, model, vectors),
        vectors,
        coverage,
        arrays["once"],
    )


def _write(folder: Path, fingerprint: str, facts: Mapping[str, object]) -> None:
    """Finish a folder whose arrays have been written."""
    arrays = {path.stem: _map(path) for path in sorted(folder.glob("*.npy"))}
    shapes = {name: [array.dtype.str, *array.shape] for name, array in arrays.items()}
    _write_json(folder / "facts.json", fingerprint, arrays=shapes, **facts)


def _read(folder: Path, fingerprint: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read the facts of a folder, and map its arrays."""
    facts = _read_json(folder / "facts.json", fingerprint)
    arrays = {name: _map(folder / f"{name}.npy") for name in facts["arrays"]}
    for name, array in arrays.items():
        if [array.dtype.str, *array.shape] != facts["arrays"][name]:
            raise _unusable(folder / f"{name}.npy", _FOREIGN)
    return facts, arrays


def _map(path: Path) -> Array:
    """Map an array into memory, read-only."""
    try:
        return np.lib.format.open_memmap(path, mode="r").view(np.ndarray)
    except Exception as error:  # numpy raises half a dozen kinds
        raise _unusable(path) from error


def _write_json(path: Path, fingerprint: str, **facts: object) -> None:
    write_atomically(path, json.dumps({"fingerprint": fingerprint, **facts}))


def _read_json(path: Path, fingerprint: str) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(path.read_bytes())
        is_ours = facts["fingerprint"] == fingerprint
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise _unusable(path) from error
    if not is_ours:
        raise _unusable(path, _FOREIGN)
    return facts


def _unusable(path: Path, problem: str = "is missing, truncated or damaged") -> CorpusError:
    return CorpusError(path, f"{problem}; remove the folder {path.parent} to encode again")


def corpus_fingerprint(settings: RunSettings, segmenter: str) -> str:
    """Hash the corpora of a run and all that affects how they are read.

    Args:
        settings: Of the run.
        segmenter: Signature of the segmenter.

    Raises:
        ConfigError: If there is no such type mapping.
    """
    corpus = settings.corpus
    sources = [*corpus.train, *corpus.dev, *corpus.test, *corpus.all]
    return _hash(
        [_FORMAT, __version__, segmenter],
        corpus.model_dump(mode="json"),
        settings.text.model_dump(mode="json"),
        [_source_hashes(source) for source in sources],
        dict(load_mapping(corpus.mapping).types) if corpus.mapping is not None else None,
    )


def features_fingerprint(settings: RunSettings, corpus: str) -> str:
    """Hash what the model sees of encoded corpora, whose own fingerprint is given."""
    model, vectors = settings.model, settings.vectors
    return _hash(
        corpus,
        [model.word_view, model.char_view, model.ngram],
        vectors.model_dump(mode="json") if vectors is not None else None,
        _file_hashes(data_path(vectors.path)) if vectors is not None else None,
    )


def _hash(*facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _source_hashes(source: Source) -> list[list[str]]:
    """Hash the files of a source; of a generated one the grammars, and the code that draws."""
    if isinstance(source, AssistantSource):
        with resources.as_file(resources.files("kakehashi.corpora.assistant")) as folder:
            return [row for row in _file_hashes(folder) if not row[0].endswith(".pyc")]
    return _file_hashes(data_path(source.path))


def _file_hashes(path: Path) -> list[list[str]]:
    """Hash a file, or all files of a folder; a missing one is left for its reader to report."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [[str(file.relative_to(path)), sha256_of(file)] for file in files if file.is_file()]
