"""What is done to a block, in whatever process.

What runs the work on blocks: processes of this machine, or Ray Data on many.

Annotation of a large corpus; it may be killed at any time.

::

    OUT/
      annotation.json       what is annotated, by what, and how; written once all input was read;
                            and what of it was left out, since it is no sentence
      part-000000.jsonl …   the annotated sentences of a block each, in the order of the input
      result.json           written last: how many sentences there are, in how many parts
      .input/               copies of what cannot be cut where it lies, while they are needed
      .lock                 held by the process that annotates

A part gets its name when it is complete, so the same command does what is missing and no more.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from shutil import rmtree
from types import ModuleType
from typing import Any, Protocol, TypeVar

from kakehashi import __version__
from kakehashi.errors import ConfigError, KakehashiError, ModelError, RunError
from kakehashi.extras import require
from kakehashi.files import lock, sha256_of, sweep, write_json
from kakehashi.model.device import limited_threads
from kakehashi.model.folder import MANIFEST, find_model
from kakehashi.model.lstm_steps import Precision, machine_code
from kakehashi.parallel import connect_ray, map_in_order
from kakehashi.progress import Progress
from kakehashi.runtime.blocks import (
    WRITERS,
    Block,
    Input,
    Reading,
    copy_inputs,
    cut,
    describe,
    find_inputs,
)
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.runtime.stream import Kept
from kakehashi.sentence import Sentence

MOST_PROBLEMS = 100
"""Lines that are no sentences of which what is wrong is kept; others are counted."""


@dataclass(frozen=True)
class Part:
    """A block, and the file for its annotated sentences."""

    block: Block
    path: Path


@dataclass(frozen=True)
class Annotator:
    """Annotates blocks; can be sent to other processes, which load the model once.

    Attributes:
        model: Model folder, absolute.
        fingerprint: What `model_fingerprint` says it has; another model is refused.
        precision: See `Recognizer`.
        format: Of the parts.
        kept: What is written of each sentence.
    """

    model: Path
    fingerprint: str
    precision: Precision
    format: str
    kept: Kept = field(default_factory=Kept)

    def __call__(self, part: Part) -> int:
        """Write the part of a block, and count its sentences; what is none is passed over.

        Raises:
            CorpusError: If the file of the block cannot be read.
            ModelError: If the model is missing or has changed.
            OSError: If the part cannot be written.
        """
        n_sentences = 0

        def counted() -> Iterator[Sentence]:
            nonlocal n_sentences
            for sentence in recognizer.annotate(_sentences(part.block)):
                n_sentences += 1
                yield self.kept.of(sentence)

        with limited_threads(1):
            recognizer = _recognizer(self.model, self.fingerprint, self.precision)
            recognizer.forget()  # so that a part depends on the model and its block alone
            WRITERS[self.format](part.path, counted())
        return n_sentences


@dataclass(frozen=True)
class Count:
    """What there is in some blocks.

    Attributes:
        sentences: How many.
        refused: How many lines or rows that are no sentences.
        problems: What is wrong with the first of them, and where each stands.
    """

    sentences: int = 0
    refused: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: Count) -> Count:
        """Add up the counts of other blocks, which come after these."""
        return Count(
            self.sentences + other.sentences,
            self.refused + other.refused,
            (self.problems + other.problems)[:MOST_PROBLEMS],
        )


def count_sentences(block: Block) -> Count:
    """Read a block, and count its sentences, and what is none.

    Raises:
        CorpusError: If its file cannot be read.
    """
    n_sentences, n_refused, problems = 0, 0, []
    for record in block.records():
        if isinstance(record, Sentence):
            n_sentences += 1
            continue
        n_refused += 1
        if n_refused <= MOST_PROBLEMS:
            problems.append(str(record))
    return Count(n_sentences, n_refused, tuple(problems))


def _sentences(block: Block) -> Iterator[Sentence]:
    return (record for record in block.records() if isinstance(record, Sentence))


def model_fingerprint(path: str | Path) -> str:
    """Hash a model: the sums of its files, which loading checks.

    Raises:
        ModelError: If there is none.
    """
    return hashlib.sha256((find_model(path) / MANIFEST).read_bytes()).hexdigest()


@lru_cache(maxsize=1)
def _recognizer(folder: Path, fingerprint: str, precision: Precision) -> Recognizer:
    machine_code()  # now, since what is tagged before and after differs in last digits
    recognizer = Recognizer.load(folder, precision=precision)
    if model_fingerprint(folder) != fingerprint:
        raise ModelError(folder, "was changed while it was at work; start again")
    return recognizer


_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")


class Engine(Protocol):
    """Applies a function to jobs, side by side."""

    def __call__(
        self, function: Callable[[_Job], _Answer], jobs: Sequence[_Job]
    ) -> Iterator[_Answer]:
        """Yield an answer for each job, in any order; the first error ends it all."""


class Processes:
    """Processes of this machine, with one thread each.

    Args:
        workers: How many; default as many as there are cores for us.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers

    def __call__(
        self, function: Callable[[_Job], _Answer], jobs: Sequence[_Job]
    ) -> Iterator[_Answer]:
        """Yield an answer for each job, in order."""
        try:
            yield from map_in_order(function, jobs, self._workers)
        except BrokenProcessPool:
            raise RunError(
                "predict", "a process was killed, perhaps for want of memory; start again"
            ) from None


@contextmanager
def ray_engine(workers: int | None, address: str | None) -> Iterator[Engine]:
    """Have the work done by Ray Data; all machines must see the model, the input and the parts.

    Args:
        workers: How many blocks at once, a processor each; None for as many as there are.
        address: ``host:port`` of the cluster, or ``auto``; None to start one on this machine.

    Raises:
        ConfigError: If there is no Ray at the address.
        MissingExtraError: If Ray or what Ray Data needs is not installed.
    """
    require("pandas", "ray")  # which Ray Data does without until it is used
    ray = connect_ray(address, workers)
    data = require("ray.data", "ray")
    data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield _RayData(data, workers)
    finally:
        ray.shutdown()


class _RayData:
    def __init__(self, data: ModuleType, workers: int | None) -> None:
        self._data, self._workers = data, workers

    def __call__(
        self, function: Callable[[_Job], _Answer], jobs: Sequence[_Job]
    ) -> Iterator[_Answer]:
        """Yield an answer for each job, as they are done."""
        if not jobs:
            return

        def work(row: dict[str, Any]) -> dict[str, Any]:
            try:
                return {"answer": function(row["job"]), "error": None}
            except (KakehashiError, OSError) as error:
                return {"answer": None, "error": error}

        rows = self._data.from_items([{"job": job} for job in jobs], override_num_blocks=len(jobs))
        done = rows.map(work, num_cpus=1, compute=self._data.TaskPoolStrategy(self._workers))
        for row in done.iter_rows():
            if row["error"] is not None:
                raise row["error"]
            yield row["answer"]


BLOCK = 20_000
"""Sentences in a block: some seconds of work, which is what a kill can cost each process."""

_MANIFEST = "annotation.json"
_RESULT = "result.json"
_LOCK = ".lock"
_COPIES = ".input"


def annotate_corpus(
    model: str | Path,
    source: str | Path,
    out: str | Path,
    *,
    reading: Reading | None = None,
    kept: Kept | None = None,
    format: str = "jsonl",
    precision: Precision = "float32",
    block: int = BLOCK,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Count:
    """Find the entities of a corpus, or go on with that.

    All input is read before any of it is annotated, so that what is wrong with it shows at once. A
    line or row that is no sentence is left out, and counted.

    Args:
        model: Model or run folder.
        source: File of JSON lines, Parquet (a column ``text``, perhaps ``id``), plain text (a
            sentence per line) or any other format of corpora, or a folder of such; ``-`` for
            standard input, as text. See `find_inputs`.
        out: Folder for the parts. What is in it depends on the other arguments only, not on how
            often this was killed, or on the engine.
        reading: What the names of the files do not say of them.
        kept: What is written of each sentence; default all.
        format: Of the parts, ``jsonl`` or ``parquet``.
        precision: See `Recognizer`.
        block: Lines or rows of the input that make a part.
        engine: Runs the work; default `Processes`, as many as there are cores for us.
        progress: Is told how far it is.

    Returns:
        How many sentences are annotated, and what was left out.

    Raises:
        CorpusError: If a file is not what its format says, or holds nothing but lines that are no
            sentences; nothing is annotated then.
        ConfigError: If the format or precision is unknown.
        ModelError: If the model is missing or damaged.
        RunError: If ``out`` holds something else, for example annotations by another model.
        OSError: If ``out`` cannot be written to.
    """
    engine, progress = engine or Processes(), progress or Progress()
    reading, kept = reading or Reading(), kept or Kept()
    if format not in WRITERS:
        raise ConfigError("format", f"expected {' or '.join(WRITERS)}; got {format!r}")
    folder = Path(out).absolute()
    annotator = Annotator(
        find_model(model).absolute(), model_fingerprint(model), precision, format, kept
    )
    segmenter = Recognizer.load(model, precision=precision).segmenter.signature
    inputs = find_inputs(Path(source), reading)
    if Path(source).is_dir() and folder.resolve().is_relative_to(Path(source).resolve()):
        raise RunError(out, f"lies in the input, {source}; choose another folder")
    progress.say(describe(inputs))
    with _held(folder):
        begun = _begun(folder)
        with _copied(inputs, folder / _COPIES, reading) as files:
            hashed = progress.track(files, "looking at the input", len(files))
            facts = {
                "kakehashi": __version__,
                "model": annotator.fingerprint,
                "segmenter": segmenter,
                "precision": precision,
                "input": _hash([each.name, sha256_of(Path(each.path))] for each in hashed),
                "reading": reading.to_dict() or None,
                "min_probability": kept.min_probability or None,
                "no_tokens": not kept.tokens or None,
                "format": format,
                "block": block,
            }
            if begun is not None:
                _check_same(folder, begun, facts)
            blocks = list(cut(files, block))
            if begun is None:
                count = _count(blocks, engine, progress)
                begun = {**facts, **asdict(count)}
                write_json(folder / _MANIFEST, begun)
            _finish(folder, blocks, annotator, engine, progress)
        count = Count(begun["sentences"], begun.get("refused", 0), tuple(begun.get("problems", ())))
        write_json(
            folder / _RESULT,
            {"sentences": count.sentences, "refused": count.refused, "parts": len(blocks)},
        )
    return count


def _begun(folder: Path) -> dict[str, Any] | None:
    """Read what a folder is about; None if it is empty. A folder of something else is refused."""
    path = folder / _MANIFEST
    if not path.exists():
        if any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise RunError(folder, "holds other files; choose another folder")
        return None
    try:
        begun: dict[str, Any] = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise RunError(folder, f"{_MANIFEST} is damaged; choose another folder") from None
    return begun


def _check_same(folder: Path, begun: Mapping[str, object], facts: Mapping[str, object]) -> None:
    other = [name for name, value in facts.items() if begun.get(name) != value]
    if other:
        names = ", ".join(other)
        raise RunError(
            folder,
            f"was begun with another {names}; go on with the same, or choose another folder",
        )


@contextmanager
def _copied(inputs: list[Input], folder: Path, reading: Reading) -> Iterator[list[Input]]:
    """Yield files that can be cut into blocks, for as long as they are needed."""
    rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield copy_inputs(inputs, folder, reading)
    finally:
        rmtree(folder, ignore_errors=True)


def _count(blocks: list[Block], engine: Engine, progress: Progress) -> Count:
    total = sum(block.count for block in blocks)
    counts: list[Count] = []

    def done() -> Iterator[int]:
        for count in engine(count_sentences, blocks):
            counts.append(count)
            yield count.sentences + count.refused

    for _ in progress.track(_ticks(done()), "reading the input", total):
        pass
    count = sum(counts, Count())
    if count.refused and not count.sentences:
        raise KakehashiError(count.problems[0])
    return count


def _finish(
    folder: Path, blocks: list[Block], annotator: Annotator, engine: Engine, progress: Progress
) -> None:
    """Write the parts that are not there."""
    sweep(folder)
    parts = [
        Part(block, folder / f"part-{number:06}.{annotator.format}")
        for number, block in enumerate(blocks)
    ]
    missing = [part for part in parts if not part.path.exists()]
    if len(missing) < len(parts):
        progress.say(f"{len(parts) - len(missing):,} of {len(parts):,} parts are there already")
    if not missing:
        return
    began = time.perf_counter()
    total = sum(part.block.count for part in missing)
    done = sum(progress.track(_ticks(engine(annotator, missing)), "annotating", total))
    seconds = time.perf_counter() - began
    progress.say(f"{done:,} sentences in {seconds:.1f} s, {done / seconds:,.0f} a second")


def _ticks(counts: Iterable[int]) -> Iterator[int]:
    """Yield 1 for every sentence, for the bar."""
    for count in counts:
        yield from repeat(1, count)


def _hash(facts: Iterable[object]) -> str:
    return hashlib.sha256(json.dumps(list(facts)).encode()).hexdigest()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Make a folder, and hold its lock, which the system takes back if we are killed."""
    if folder.exists() and not folder.is_dir():
        raise RunError(folder, "is no folder; choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder / _LOCK, wait=False) as mine:
        if not mine:
            raise RunError(folder, "another process annotates into it; wait for that one")
        yield
