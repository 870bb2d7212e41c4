"""Encoded corpora in a cache folder, written once and shared by all who train on them.

::

    CACHE/
      corpus-FINGERPRINT/      the same for all settings that read and segment alike
        PART-forms.npy PART-offsets.npy PART-tags.npy     of train, dev and test
        forms.json             surface and reading of every form
        test.jsonl             the segmented test sentences, for the predictions
        facts.json             fingerprint, shapes of the arrays, and what is no array
      features-FINGERPRINT/    the same for all settings that see its forms alike
        words.npy ngrams.npy offsets.npy once.npy vectors.npy facts.json
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
from kakehashi.files import lock, sha256_of, write_folder
from kakehashi.parallel import map_in_order
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.text.segment import Segmenter, segmenter_of

_FORMAT = 3
"""Of the files in the cache; raised when they change."""
_PARTS = ("train", "dev", "test")
_Arrays = dict[str, npt.NDArray[Any]]


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
    encode = partial(_write_corpora, settings, segmenter, corpus_print, progress, processes)
    _complete(corpus, encode, progress)
    facts, arrays = _read(corpus, corpus_print)
    corpora = [_corpus(facts[part], arrays, f"{part}-") for part in _PARTS]

    def featurize(folder: Path) -> None:
        forms = list(map(tuple, _read_json(corpus / "forms.json", corpus_print)["forms"]))
        data = build_dataset(corpora, forms, settings.model, settings.vectors)
        _write_features(data, folder, features_print)

    _complete(features, featurize, progress)
    data = _read_dataset(corpora, *_read(features, features_print), settings.model)
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


def _write_corpora(
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
        if not (path := shards / f"{part}-{number:06}").exists()
    )
    work = partial(write_shard, segmenter, keep_tokens, fingerprint)
    done = map_in_order(work, jobs, processes)
    for _ in progress.track(done, "encoding the corpora"):
        pass
    forms: dict[Form, int] = {}
    facts = {
        part: join_shards(sorted(shards.glob(f"{part}-*")), folder / part, forms, fingerprint)
        for part in _PARTS
    }
    _write_json(folder / "forms.json", fingerprint, {"forms": list(forms)})
    write_jsonl(folder / "test.jsonl", segmented(corpora.test, segmenter, keep_tokens))
    _write_facts(folder, fingerprint, facts)
    shutil.rmtree(shards)


def write_shard(
    segmenter: Segmenter,
    keep_tokens: bool,
    fingerprint: str,
    job: tuple[Path, Iterable[Sentence]],
) -> None:
    """Read, segment and encode a chunk of a corpus into a folder, with forms of its own."""
    path, chunk = job
    forms: dict[Form, int] = {}
    corpus = encode_chunk(chunk, segmenter, forms, keep_tokens)

    def fill(folder: Path) -> None:
        for name in ("forms", "offsets", "tags"):
            np.save(folder / f"{name}.npy", getattr(corpus, name))
        _write_json(folder / "forms.json", fingerprint, {"forms": list(forms)})
        _write_facts(folder, fingerprint, {"types": corpus.types, "missed": corpus.missed})

    write_folder(path, fill)


def join_shards(
    shards: Sequence[Path], stem: Path, forms: dict[Form, int], fingerprint: str
) -> dict[str, object]:
    """Write the arrays of all shards as one corpus, as if it had been encoded in one go.

    One shard is in memory at a time.

    Args:
        shards: Their folders, in the order of the corpus.
        stem: The files to write, without ``-forms.npy`` and so on.
        forms: Those known from corpora before this one; those of the shards are added.
        fingerprint: Of the corpora.

    Returns:
        The entity types, and the mentions that are missed.

    Raises:
        CorpusError: If a shard is damaged.
    """
    facts = [_read_json(path / "facts.json", fingerprint) for path in shards]
    types = sorted_types(kind for each in facts for kind in each["types"])
    n_tokens = sum(each["arrays"]["forms"][1] for each in facts)
    n_offsets = 1 + sum(each["arrays"]["offsets"][1] - 1 for each in facts)

    def corpora() -> Iterator[EncodedCorpus]:
        for path in shards:
            own = _read_json(path / "forms.json", fingerprint)["forms"]
            known = [forms.setdefault((form, reading), len(forms)) for form, reading in own]
            facts, arrays = _read(path, fingerprint)
            arrays["forms"] = np.array(known, np.int32)[arrays["forms"]]
            yield _corpus(facts, arrays)

    missed: dict[int, tuple[Mention, ...]] = {}
    with ExitStack() as stack:
        files = []
        for name, kind, size in (
            ("forms", "<i4", n_tokens),
            ("offsets", "<i8", n_offsets),
            ("tags", "<i2", n_tokens),
        ):
            path = stem.with_name(f"{stem.name}-{name}.npy")
            files.append(stack.enter_context(path.open("wb")))
            header = {"descr": kind, "fortran_order": False, "shape": (size,)}
            np.lib.format.write_array_header_1_0(files[-1], header)
        files[1].write(np.zeros(1, np.int64).data)
        for each in renumber(corpora(), types):
            files[0].write(each.forms.data)
            files[1].write(each.offsets[1:].data)
            files[2].write(each.tags.data)
            missed |= each.missed
    return {"types": types, "missed": missed}


def _corpus(facts: Mapping[str, Any], arrays: _Arrays, stem: str = "") -> EncodedCorpus:
    return EncodedCorpus(
        arrays[f"{stem}forms"],
        arrays[f"{stem}offsets"],
        arrays[f"{stem}tags"],
        tuple(facts["types"]),
        {int(row): tuple(Mention(*each) for each in lost) for row, lost in facts["missed"].items()},
    )


def _write_features(data: Dataset, folder: Path, fingerprint: str) -> None:
    """Write all of a dataset but the corpora."""
    words, ngrams, vectors = data.words, data.ngrams, data.vectors
    arrays = {**data.features._asdict(), "once": data.once}
    facts: dict[str, object] = {"words": [words.strings, words.n_seen], "ngrams": ngrams.strings}
    if vectors is not None:
        arrays["vectors"] = vectors.matrix
        facts["vectors"] = [vectors.rows, sorted(vectors.lowered), data.coverage]
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    _write_facts(folder, fingerprint, facts)


def _read_dataset(
    corpora: Sequence[EncodedCorpus],
    facts: Mapping[str, Any],
    arrays: _Arrays,
    model: ModelSettings,
) -> Dataset:
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


def _write_facts(folder: Path, fingerprint: str, facts: Mapping[str, object]) -> None:
    """Write what is no array, and the shapes of the arrays that have been written."""
    arrays = {path.stem: _map(path) for path in sorted(folder.glob("*.npy"))}
    shapes = {name: [array.dtype.str, *array.shape] for name, array in arrays.items()}
    _write_json(folder / "facts.json", fingerprint, {"arrays": shapes, **facts})


def _read(folder: Path, fingerprint: str) -> tuple[dict[str, Any], _Arrays]:
    """Read the facts of a folder, and map its arrays."""
    facts = _read_json(folder / "facts.json", fingerprint)
    arrays = {name: _map(folder / f"{name}.npy") for name in facts["arrays"]}
    for name, array in arrays.items():
        if [array.dtype.str, *array.shape] != facts["arrays"][name]:
            raise _unusable(folder / f"{name}.npy", "is of other corpora or settings")
    return facts, arrays


def _map(path: Path) -> npt.NDArray[Any]:
    """Map an array into memory, read-only."""
    try:
        return np.lib.format.open_memmap(path, mode="r").view(np.ndarray)
    except Exception as error:  # numpy raises half a dozen kinds
        raise _unusable(path) from error


def _write_json(path: Path, fingerprint: str, facts: Mapping[str, object]) -> None:
    path.write_text(json.dumps({"fingerprint": fingerprint, **facts}), encoding="ascii")


def _read_json(path: Path, fingerprint: str) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(path.read_bytes())
        same = facts["fingerprint"] == fingerprint
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise _unusable(path) from error
    if not same:
        raise _unusable(path, "is of other corpora or settings")
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
