"""Encoded corpora in a cache folder, written once and shared by all who train on them.

::

    CACHE/
      corpus-FINGERPRINT/      the same for all settings that read and segment alike
        PART-NAME.npy          forms, offsets, tags and word classes of train, dev, test, and what
                               teachers label
        forms.jsonl            all forms
        test.jsonl             the segmented test sentences
        facts.jsonl            checksum, shapes of the arrays, and what is no array
      features-FINGERPRINT/    the same for all settings that see its forms alike
      NAME.partial/            being written; resumed after a kill with the shards that are done

A folder gets its name when it is complete. Arrays are mapped, so that processes share their memory.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi import __version__
from kakehashi.config.architecture import ModelSettings
from kakehashi.config.reading import data_path
from kakehashi.config.settings import RunSettings
from kakehashi.config.sources import AssistantSource, JsonlSource, PluginSource
from kakehashi.corpora import assistant
from kakehashi.corpora.corpus import Corpus, load_corpora, load_mapping, segmented
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.corpora.plugin import find_reader
from kakehashi.data.dataset import Corpora, Dataset, build_dataset, tagset_of
from kakehashi.data.encode import EncodedCorpus, encode_chunk, renumber, sorted_types
from kakehashi.data.vectors import Coverage, Share, Vectors
from kakehashi.data.vocabulary import Form, FormFeatures, Vocabulary
from kakehashi.errors import CorpusError
from kakehashi.files import lock, replacing_folder, sha256_of, sync_to_disk
from kakehashi.parallel import map_in_order
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.text.segment import Segmenter, segmenter_of
from kakehashi.text.views import view_signature

_FORMAT = 4  # of the files in the cache; raised when they change
_PARTS, _LABELED = ("train", "dev", "test"), "labeled"
_ARRAYS = ("forms", "offsets", "tags", "classes")
_Arrays = dict[str, npt.NDArray[Any]]


def load_dataset(
    cache: Path,
    settings: RunSettings,
    progress: Progress,
    processes: int | None = None,
    labeled: Path | None = None,
) -> tuple[Dataset, Iterable[Sentence]]:
    """Load the encoded corpora of a run, and its segmented test sentences.

    ``labeled`` is a file of JSON lines with what teachers have labeled.
    What is not in the cache is written first: by one process at a time, which has the corpora
    encoded by ``processes``, by default as many as there are cores. The files do not depend on it.
    `CorpusError` if a file of the cache is damaged, OSError if the cache cannot be written to.
    """
    corpus_print = corpus_fingerprint(settings, segmenter_of(settings.text).signature)
    if labeled is not None:
        corpus_print = _hash(corpus_print, sha256_of(labeled))
    features_print = features_fingerprint(settings, corpus_print)
    corpus = cache / f"corpus-{corpus_print[:16]}"
    features = cache / f"features-{features_print[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    write_corpora = partial(_write_corpora, settings, labeled, corpus_print, progress, processes)
    _write_once(corpus, write_corpora, progress)
    facts, arrays = _read(corpus, corpus_print)
    train, dev, test = (_corpus(facts[part], arrays, f"{part}-") for part in _PARTS)
    corpora = (train, dev, test)
    taught = _corpus(facts[_LABELED], arrays, f"{_LABELED}-") if labeled is not None else None

    def write_features(folder: Path) -> None:
        forms = list(map(tuple, _read_json(corpus / "forms.jsonl", corpus_print)["forms"]))
        data = build_dataset(corpora, forms, settings.model, settings.vectors, taught)
        _write_features(data, folder, features_print)

    _write_once(features, write_features, progress)
    data = _read_dataset(corpora, taught, settings.model, *_read(features, features_print))
    source = JsonlSource(path=str((corpus / "test.jsonl").absolute()))
    return data, Corpus.from_sources([source]) if len(test) else ()


def _write_once(folder: Path, write: Callable[[Path], None], progress: Progress) -> None:
    """Write a folder that is not there under another name, and give it its own."""
    if folder.exists():
        return
    waiting = partial(progress.say, f"waiting for another process to write {folder.name}")
    with lock(folder.with_name(f"{folder.name}.lock"), waiting=waiting):
        if folder.exists():
            return
        unfinished = folder.with_name(f"{folder.name}.partial")
        unfinished.mkdir(exist_ok=True)
        write(unfinished)
        for path in (*unfinished.iterdir(), unfinished):
            sync_to_disk(path)
        unfinished.rename(folder)


def _write_corpora(
    settings: RunSettings,
    labeled: Path | None,
    fingerprint: str,
    progress: Progress,
    processes: int | None,
    folder: Path,
) -> None:
    """Encode the chunks that a kill has left to do, over processes, and join them."""
    segmenter, keep_tokens = segmenter_of(settings.text), settings.text.keep_tokens
    corpora = load_corpora(settings.corpus)._asdict()
    if labeled is not None:
        corpora[_LABELED] = Corpus.from_sources([JsonlSource(path=str(labeled.absolute()))])
    shards = folder / "shards"
    shards.mkdir(exist_ok=True)
    jobs = (
        (path, chunk)
        for part, corpus in corpora.items()
        for number, chunk in enumerate(corpus.chunks())
        if not (path := shards / f"{part}-{number:06}").exists()
    )
    work = partial(write_shard, segmenter, keep_tokens, fingerprint)
    list(progress.track(map_in_order(work, jobs, processes), "encoding the corpora"))
    forms: dict[Form, int] = {}
    facts = {
        part: join_shards(sorted(shards.glob(f"{part}-*")), folder / part, forms, fingerprint)
        for part in corpora
    }
    _write_json(folder / "forms.jsonl", fingerprint, {"forms": list(forms)})
    write_jsonl(folder / "test.jsonl", segmented(corpora["test"], segmenter, keep_tokens))
    _write_facts(folder, fingerprint, facts)
    shutil.rmtree(shards)


def write_shard(
    segmenter: Segmenter, keep_tokens: bool, fingerprint: str, job: tuple[Path, Iterable[Sentence]]
) -> None:
    """Read, segment and encode a chunk of a corpus into a folder, with forms of its own."""
    path, chunk = job
    forms: dict[Form, int] = {}
    corpus = encode_chunk(chunk, segmenter, forms, keep_tokens)
    with replacing_folder(path) as folder:
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(corpus, name))
        _write_json(folder / "forms.jsonl", fingerprint, {"forms": list(forms)})
        _write_facts(folder, fingerprint, {"types": corpus.types, "missed": corpus.missed})


def join_shards(
    shards: Sequence[Path], stem: Path, forms: dict[Form, int], fingerprint: str
) -> dict[str, object]:
    """Join shards to the corpus as it would have been encoded in one go, one at a time in memory.

    Writes ``stem-forms.npy`` etc., adds new forms, returns the entity types and missed mentions.
    """
    facts = [_read_json(path / "facts.jsonl", fingerprint) for path in shards]
    types = sorted_types(kind for each in facts for kind in each["types"])
    n_tokens = sum(each["arrays"]["forms"][1] for each in facts)
    n_offsets = sum(each["arrays"]["offsets"][1] - 1 for each in facts) + 1

    def corpora() -> Iterator[EncodedCorpus]:
        for path in shards:
            own = _read_json(path / "forms.jsonl", fingerprint)["forms"]
            known = [forms.setdefault((form, reading), len(forms)) for form, reading in own]
            facts, arrays = _read(path, fingerprint)
            arrays["forms"] = np.array(known, np.int32)[arrays["forms"]]
            yield _corpus(facts, arrays)

    missed: dict[int, tuple[Mention, ...]] = {}
    paths = (stem.with_name(f"{stem.name}-{name}.npy") for name in _ARRAYS)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        kinds, sizes = ("<i4", "<i8", "<i2", "|u1"), (n_tokens, n_offsets, n_tokens, n_tokens)
        for file, kind, size in zip(files, kinds, sizes, strict=True):
            header = {"descr": kind, "fortran_order": False, "shape": (size,)}
            np.lib.format.write_array_header_1_0(file, header)
        files[1].write(np.zeros(1, np.int64).data)
        for each in renumber(corpora(), types):
            files[0].write(each.forms.data)
            files[1].write(each.offsets[1:].data)
            files[2].write(each.tags.data)
            files[3].write(each.classes.data)
            missed |= each.missed
    return {"types": types, "missed": missed}


def _corpus(facts: Mapping[str, Any], arrays: _Arrays, stem: str = "") -> EncodedCorpus:
    forms, offsets, tags, classes = (arrays[f"{stem}{name}"] for name in _ARRAYS)
    lost = facts["missed"].items()
    missed = {int(row): tuple(Mention(*each) for each in mentions) for row, mentions in lost}
    return EncodedCorpus(forms, offsets, tags, classes, tuple(facts["types"]), missed)


def _write_features(data: Dataset, folder: Path, fingerprint: str) -> None:
    """Write all of a dataset but the corpora."""
    arrays = {**data.features._asdict(), "once": data.once}
    words = [data.words.strings, data.words.n_seen]
    facts: dict[str, object] = {"words": words, "ngrams": data.ngrams.strings}
    if data.vectors is not None:
        arrays["vectors"] = data.vectors.matrix
        facts["vectors"] = [data.vectors.rows, sorted(data.vectors.lowered), data.coverage]
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    _write_facts(folder, fingerprint, facts)


def _read_dataset(
    corpora: Corpora,
    labeled: EncodedCorpus | None,
    model: ModelSettings,
    facts: Mapping[str, Any],
    arrays: _Arrays,
) -> Dataset:
    vectors = coverage = None
    if "vectors" in facts:
        rows, lowered, (types, tokens, n_skipped) = facts["vectors"]
        vectors = Vectors(rows, arrays["vectors"], frozenset(lowered))
        coverage = Coverage(Share(*types), Share(*tokens), n_skipped)
    features = FormFeatures(arrays["words"], arrays["ngrams"], arrays["offsets"])
    words, ngrams = Vocabulary(*facts["words"]), Vocabulary(facts["ngrams"])
    lessons = [corpora[0], *([] if labeled is None else [labeled])]
    tagset, once = tagset_of(lessons, model, vectors), arrays["once"]
    return Dataset(*corpora, features, words, ngrams, tagset, vectors, coverage, once, labeled)


def _write_facts(folder: Path, fingerprint: str, facts: Mapping[str, object]) -> None:
    """Write what is no array, and the shapes of the arrays that have been written."""
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
    shapes = {name: [array.dtype.str, *array.shape] for name, array in arrays.items()}
    _write_json(folder / "facts.jsonl", fingerprint, {"arrays": shapes, **facts})


def _read(folder: Path, fingerprint: str) -> tuple[dict[str, Any], _Arrays]:
    """Read the facts of a folder, and map its arrays."""
    facts, arrays = _read_json(folder / "facts.jsonl", fingerprint), {}
    for name, described in facts["arrays"].items():
        path = folder / f"{name}.npy"
        try:
            array = np.lib.format.open_memmap(path, mode="r").view(np.ndarray)
        except Exception as error:  # numpy raises half a dozen kinds
            raise _unusable(path) from error
        if [array.dtype.str, *array.shape] != described:
            raise _unusable(path)
        arrays[name] = array
    return facts, arrays


def _write_json(path: Path, fingerprint: str, facts: Mapping[str, object]) -> None:
    body = json.dumps(facts)
    path.write_text(f"{_checksum(fingerprint, body)}\n{body}", encoding="ascii")


def _read_json(path: Path, fingerprint: str) -> dict[str, Any]:
    try:
        checksum, body = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError) as error:
        raise _unusable(path) from error
    if checksum != _checksum(fingerprint, body):
        raise _unusable(path)
    facts: dict[str, Any] = json.loads(body)
    return facts


def _checksum(fingerprint: str, body: str) -> str:  # a line of JSON itself
    return f'"{sha256(f"{fingerprint} {body}".encode()).hexdigest()}"'


def _unusable(path: Path) -> CorpusError:
    problem = "is missing, damaged, or of other corpora or settings"
    return CorpusError(path, f"{problem}; remove the folder {path.parent} to encode again")


def corpus_fingerprint(settings: RunSettings, segmenter: str) -> str:
    """Hash the corpora of a run and all that affects how they are read."""
    corpus = settings.corpus
    text = settings.text.model_dump(mode="json", exclude={"plausible", "language"})
    mapping = dict(load_mapping(corpus.mapping).types) if corpus.mapping is not None else None
    ours = Path(assistant.__file__).parent  # grammars and programs, which generate a corpus
    sources = (*corpus.train, *corpus.dev, *corpus.test, *corpus.all)
    hashes = [
        file_hashes(ours if isinstance(source, AssistantSource) else data_path(source.path))
        for source in sources
    ]
    facts = [_FORMAT, __version__, segmenter]
    facts += [find_reader(each).signature for each in sources if isinstance(each, PluginSource)]
    return _hash(facts, corpus.model_dump(mode="json"), text, hashes, mapping)


def features_fingerprint(settings: RunSettings, corpus: str) -> str:
    """Hash what the model sees of encoded corpora, whose own fingerprint is given."""
    model, vectors = settings.model, settings.vectors
    views = (view_signature(model.word_view), view_signature(model.char_view), model.ngram)
    read: list[object] = []
    if vectors is not None:
        files = filter(None, (vectors.path, vectors.align_to))
        own = vectors.model_dump(mode="json", exclude={"align_to"})
        read = [own, *(file_hashes(data_path(each)) for each in files)]
    return _hash(corpus, views, *read)


def _hash(*facts: object) -> str:
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def file_hashes(path: Path) -> list[list[str]]:
    """Hash a file, or all files of a folder; a missing one is left for its reader to report."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in files if file.is_file() and file.suffix != ".pyc"]
    return [[str(file.relative_to(path)), sha256_of(file)] for file in files]
