"""Annotation of a large corpus; it may be killed at any time.

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
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from shutil import rmtree
from typing import Any, NamedTuple

from kakehashi import __version__
from kakehashi.errors import ConfigError, KakehashiError, ModelError, RunError
from kakehashi.files import lock, sha256_of, sweep, write_json
from kakehashi.model.device import limited_threads
from kakehashi.model.folder import MANIFEST, find_model
from kakehashi.model.lstm_steps import Precision, machine_code
from kakehashi.parallel import Map, map_in_order
from kakehashi.progress import Progress
from kakehashi.runtime.blocks import (
    WRITERS,
    Block,
    Reading,
    copy_inputs,
    cut,
    describe,
    find_inputs,
)
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.runtime.stream import Kept
from kakehashi.sentence import Sentence

BLOCK = 20_000  # sentences: some seconds of work, which is what a kill can cost each process
MOST_PROBLEMS = 100  # lines that are no sentences of which what is wrong is kept
_MANIFEST = "annotation.json"


@dataclass(frozen=True)
class Count:
    """How many sentences some blocks have, and lines or rows that are none.

    ``problems`` has what is wrong with the first of these, and where each stands.
    """

    sentences: int = 0
    refused: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: Count) -> Count:
        """Add up with the counts of blocks that come after these."""
        return Count(
            self.sentences + other.sentences,
            self.refused + other.refused,
            (self.problems + other.problems)[:MOST_PROBLEMS],
        )


def count_sentences(block: Block) -> Count:
    """Read a block and count its sentences; CorpusError if its file cannot be read."""
    n_sentences, n_refused, problems = 0, 0, []
    for record in block.records():
        if isinstance(record, Sentence):
            n_sentences += 1
        else:
            n_refused += 1
            problems += [str(record)] if n_refused <= MOST_PROBLEMS else []
    return Count(n_sentences, n_refused, tuple(problems))


class Part(NamedTuple):
    """A block, and the file for its annotated sentences."""

    block: Block
    path: Path


@dataclass(frozen=True)
class Annotator:
    """Annotates blocks; can be sent to other processes, which load the model once.

    A model that has another fingerprint by then is refused.
    """

    model: Path
    fingerprint: str
    precision: Precision
    format: str
    kept: Kept

    def __call__(self, part: Part) -> int:
        """Write the part of a block, and count its sentences; what is none is passed over."""
        n_sentences = 0

        def annotated() -> Iterator[Sentence]:
            nonlocal n_sentences
            records = (each for each in part.block.records() if isinstance(each, Sentence))
            for sentence in recognizer.annotate(records):
                n_sentences += 1
                yield self.kept.of(sentence)

        with limited_threads(1):
            recognizer = _recognizer(self.model, self.fingerprint, self.precision)
            recognizer.clear()  # so that a part depends on the model and its block alone
            WRITERS[self.format](part.path, annotated())
        return n_sentences


@lru_cache(maxsize=1)
def _recognizer(folder: Path, fingerprint: str, precision: Precision) -> Recognizer:
    machine_code()  # loaded now, since what is tagged before and after differs in last digits
    recognizer = Recognizer.load(folder, precision=precision)
    if _fingerprint(folder) != fingerprint:
        raise ModelError(folder, "was changed while it was at work; start again")
    return recognizer


def _fingerprint(model: Path) -> str:
    """Hash the sums of the files of a model, which loading checks."""
    return hashlib.sha256((model / MANIFEST).read_bytes()).hexdigest()


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
    map_jobs: Map = map_in_order,
    progress: Progress | None = None,
) -> Count:
    """Find the entities of a corpus, or go on with that; count what is annotated and left out.

    All input is read before any of it is annotated, so that what is wrong with it shows at once. A
    line or row that is no sentence is left out, and counted.

    The source is a file of JSON lines, Parquet (a column ``text``, perhaps ``id``), plain text (a
    sentence per line) or any other format of corpora, a folder of such, or ``-`` for standard
    input; see `find_inputs`. What is in ``out`` depends on the arguments alone, not on how often
    this was killed, or on who does the work: ``map_jobs``, by default processes, as many as there
    are cores for us; see `kakehashi.parallel.open_map`. Parts are ``jsonl`` or ``parquet``, and
    have a block of so many lines or rows of the input each.

    Raises:
        CorpusError: If a file is not what its format says, or there is no sentence at all.
        ConfigError: If the format or precision is unknown.
        ModelError: If the model is missing or damaged.
        RunError: If ``out`` holds something else, for example annotations by another model.
    """
    progress, reading, kept = progress or Progress(), reading or Reading(), kept or Kept()
    if format not in WRITERS:
        raise ConfigError("format", f"expected {' or '.join(WRITERS)}; got {format!r}")
    folder, model = Path(out).absolute(), find_model(model).absolute()
    annotator = Annotator(model, _fingerprint(model), precision, format, kept)
    segmenter = Recognizer.load(model, precision=precision).segmenter.signature
    inputs = find_inputs(Path(source), reading)
    if Path(source).is_dir() and folder.resolve().is_relative_to(Path(source).resolve()):
        raise RunError(out, f"lies in the input, {source}; choose another folder")
    progress.say(describe(inputs))
    with _opened(folder) as begun, _scratch(folder / ".input") as scratch:
        files = copy_inputs(inputs, scratch, reading)
        hashed = progress.track(files, "looking at the input", len(files))
        sums = [[each.name, sha256_of(Path(each.path))] for each in hashed]
        facts = {
            "kakehashi": __version__,
            "model": annotator.fingerprint,
            "segmenter": segmenter,
            "precision": precision,
            "input": hashlib.sha256(json.dumps(sums).encode()).hexdigest(),
            "reading": reading.to_dict() or None,
            "min_probability": kept.min_probability or None,
            "no_tokens": not kept.tokens or None,
            "format": format,
            "block": block,
        }
        blocks = list(cut(files, block))
        if begun is None:
            begun = {**facts, **asdict(_count(blocks, map_jobs, progress))}
            write_json(folder / _MANIFEST, begun)
        elif other := [name for name, value in facts.items() if begun.get(name) != value]:
            raise RunError(
                folder,
                f"was begun with another {', '.join(other)}; go on with the same, or choose"
                " another folder",
            )
        _annotate_missing(folder, blocks, annotator, map_jobs, progress)
        count = Count(begun["sentences"], begun.get("refused", 0), tuple(begun.get("problems", ())))
        result = {"sentences": count.sentences, "refused": count.refused, "parts": len(blocks)}
        write_json(folder / "result.json", result)
    return count


def _count(blocks: list[Block], map_jobs: Map, progress: Progress) -> Count:
    total = sum(block.count for block in blocks)
    counts: list[Count] = []

    def done() -> Iterator[int]:
        for count in map_jobs(count_sentences, blocks):
            counts.append(count)
            yield count.sentences + count.refused

    for _ in progress.track(_ticks(done()), "reading the input", total):
        pass
    count = sum(counts, Count())
    if count.refused and not count.sentences:
        raise KakehashiError(count.problems[0])
    return count


def _annotate_missing(
    folder: Path, blocks: list[Block], annotator: Annotator, map_jobs: Map, progress: Progress
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
    done = sum(progress.track(_ticks(map_jobs(annotator, missing)), "annotating", total))
    seconds = time.perf_counter() - began
    progress.say(f"{done:,} sentences in {seconds:.1f} s, {done / seconds:,.0f} a second")


def _ticks(counts: Iterable[int]) -> Iterator[int]:
    """Yield 1 for every sentence, for the bar."""
    for count in counts:
        yield from repeat(1, count)


@contextmanager
def _opened(folder: Path) -> Iterator[dict[str, Any] | None]:
    """Make a folder, hold its lock, and yield its manifest; None if it has none."""
    if folder.exists() and not folder.is_dir():
        raise RunError(folder, "is no folder; choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder / ".lock", wait=False) as mine:  # the system frees it if we are killed
        if not mine:
            raise RunError(folder, "another process annotates into it; wait for that one")
        path = folder / _MANIFEST
        if path.exists():
            try:
                begun: dict[str, Any] = json.loads(path.read_bytes())
            except (ValueError, RecursionError):
                raise RunError(folder, f"{_MANIFEST} is damaged; choose another folder") from None
            yield begun
        elif any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise RunError(folder, "holds other files; choose another folder")
        else:
            yield None


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)
