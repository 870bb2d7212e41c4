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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count, repeat
from pathlib import Path
from shutil import rmtree
from typing import Any, NamedTuple

from kakehashi import __version__
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.errors import ConfigError, KakehashiError, RunError
from kakehashi.files import lock, read_json, sha256_of, sweep, write_json
from kakehashi.parallel import Map, map_in_order
from kakehashi.progress import Progress
from kakehashi.runtime.blocks import Block, Reading, copy_inputs, cut, describe, find_inputs
from kakehashi.runtime.checked_folder import find_model, model_fingerprint
from kakehashi.runtime.recognizer import Recognizer, load_once
from kakehashi.runtime.steps import Precision, machine_code
from kakehashi.runtime.stream import Kept
from kakehashi.sentence import Sentence

BLOCK = 20_000  # sentences: some seconds of work, which is what a kill can cost each process
MOST_PROBLEMS = 100  # lines that are no sentences of which what is wrong is kept
_MANIFEST = "annotation.json"


def _write_parquet(path: Path, sentences: Iterable[Sentence]) -> None:
    from kakehashi.corpora.parquet import write_rows
    from kakehashi.corpora.texts import rows

    write_rows(path, [rows(sentences)])


# Of parts, whole or not at all, by the format's name, which is also what their names end in.
_WRITERS: Mapping[str, Callable[[Path, Iterable[Sentence]], None]] = {
    "jsonl": write_jsonl,
    "parquet": _write_parquet,
}


@dataclass(frozen=True)
class Count:
    """Sentences of some blocks, lines or rows that are none, and what is wrong with the first."""

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
    n_sentences, n_refused, problems = 0, 0, list[str]()
    for record in block.records():
        if isinstance(record, Sentence):
            n_sentences += 1
            continue
        n_refused += 1
        if n_refused <= MOST_PROBLEMS:
            problems.append(str(record))
    return Count(n_sentences, n_refused, tuple(problems))


class Part(NamedTuple):
    """A block, and the file for its annotated sentences."""

    block: Block
    path: Path


@dataclass(frozen=True)
class Annotator:
    """Annotates blocks, in any process, by the model that has this fingerprint, and no other."""

    model: Path
    fingerprint: str
    precision: Precision
    format: str
    kept: Kept

    def __call__(self, part: Part) -> Count:
        """Write the part of a block, and count its sentences; what is none is passed over."""
        n_sentences = 0

        def annotated() -> Iterator[Sentence]:
            nonlocal n_sentences
            records = (each for each in part.block.records() if isinstance(each, Sentence))
            for sentence in recognizer.annotate(records):
                n_sentences += 1
                yield self.kept.of(sentence)

        machine_code()  # loaded now, since what is tagged before and after differs in digits
        recognizer = load_once(self.model, self.fingerprint, self.precision)
        recognizer.clear()  # so that a part depends on the model and its block alone
        _WRITERS[self.format](part.path, annotated())
        return Count(n_sentences)


def annotate_corpus(
    model: str | Path,
    source: str | Path,
    out: str | Path,
    *,
    reading: Reading | None = None,
    kept: Kept | None = None,
    format: str = "jsonl",
    precision: Precision | None = None,
    block: int = BLOCK,
    map_jobs: Map = map_in_order,
    progress: Progress | None = None,
) -> Count:
    """Find the entities of a corpus, or go on with that; count what is annotated and left out.

    The source is a file of text (a sentence per line), JSON lines, Parquet (a column ``text``,
    perhaps ``id``) or any other format of corpora, a folder of such, or ``-`` for standard input.
    All is read before any is annotated, so that what is wrong with it shows at once. A line or row
    that is no sentence is left out, and counted.

    Parts are ``jsonl`` or ``parquet``, and have a block of so many lines or rows of the input each.
    They depend on the arguments alone, not on how often this was killed, or on who does the work:
    ``map_jobs``, by default processes, one per core; see `kakehashi.parallel.open_map`.

    `CorpusError` if a file is not what its format says, or there is no sentence at all;
    `ConfigError` if the format or precision is unknown, `ModelError` if the model is missing or
    damaged; `RunError` if ``out`` holds something else, for example annotations by another model.
    """
    progress, reading, kept = progress or Progress(), reading or Reading(), kept or Kept()
    if format not in _WRITERS:
        raise ConfigError("format", f"expected {' or '.join(_WRITERS)}; got {format!r}")
    folder, model = Path(out).absolute(), Path(model).absolute()
    model = model if model.is_file() else find_model(model)
    recognizer = Recognizer.load(model, precision=precision)
    segmenter, precision = recognizer.segmenter.signature, recognizer.precision
    annotator = Annotator(model, model_fingerprint(model), precision, format, kept)
    inputs = find_inputs(Path(source), reading)
    if Path(source).is_dir() and folder.resolve().is_relative_to(Path(source).resolve()):
        raise RunError(out, f"lies in the input, {source}; choose another folder")
    progress.say(describe(inputs))
    with _opened(folder) as (begun, copies):
        files = copy_inputs(inputs, copies, reading)
        hashed = progress.track(files, "looking at the input", len(files))
        sums = [[each.name, sha256_of(Path(each.path))] for each in hashed]
        said = [each for each in asdict(reading).items() if each not in asdict(Reading()).items()]
        facts = {
            "kakehashi": __version__,
            "model": annotator.fingerprint,
            "segmenter": segmenter,
            "precision": precision,
            "input": hashlib.sha256(json.dumps(sums).encode()).hexdigest(),
            "reading": dict(said) or None,
            "min_probability": kept.min_probability or None,
            "no_tokens": not kept.tokens or None,
            "format": format,
            "block": block,
        }
        facts = json.loads(json.dumps(facts))  # as it is read again
        blocks = list(cut(files, block))
        if not begun:
            total = sum(block.count for block in blocks)
            counts = map_jobs(count_sentences, blocks)
            found = _add_up(counts, "reading the input", total, progress)
            if found.refused and not found.sentences:
                raise KakehashiError(found.problems[0])
            begun = {**facts, **asdict(found)}
            write_json(folder / _MANIFEST, begun)
        elif other := [name for name, value in facts.items() if begun.get(name) != value]:
            problem = f"was begun with another {', '.join(other)}"
            raise RunError(folder, f"{problem}; go on with the same, or choose another folder")
        _annotate_missing(folder, blocks, annotator, map_jobs, progress)
        n_sentences, n_refused = begun["sentences"], begun.get("refused", 0)
        result = {"sentences": n_sentences, "refused": n_refused, "parts": len(blocks)}
        write_json(folder / "result.json", result)
    return Count(n_sentences, n_refused, tuple(begun.get("problems", ())))


def _annotate_missing(
    folder: Path, blocks: list[Block], annotator: Annotator, map_jobs: Map, progress: Progress
) -> None:
    """Write the parts that are not there."""
    sweep(folder)
    paths = (folder / f"part-{number:06}.{annotator.format}" for number in count())
    parts = list(map(Part, blocks, paths))
    missing = [part for part in parts if not part.path.exists()]
    if len(missing) < len(parts):
        progress.say(f"{len(parts) - len(missing):,} of {len(parts):,} parts are there already")
    if not missing:
        return
    began = time.perf_counter()
    total = sum(part.block.count for part in missing)
    done = _add_up(map_jobs(annotator, missing), "annotating", total, progress).sentences
    seconds = time.perf_counter() - began
    progress.say(f"{done:,} sentences in {seconds:.1f} s, {done / seconds:,.0f} a second")


def _add_up(counts: Iterator[Count], label: str, total: int, progress: Progress) -> Count:
    """Add up the counts of blocks, and show each line or row as progress."""
    whole = Count()

    def ticks() -> Iterator[None]:
        nonlocal whole
        for each in counts:
            whole += each
            yield from repeat(None, each.sentences + each.refused)

    for _ in progress.track(ticks(), label, total):
        pass
    return whole


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Make a folder, hold its lock, and yield what its manifest holds, and a folder for copies."""
    if folder.exists() and not folder.is_dir():
        raise RunError(folder, "is no folder; choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder / ".lock", wait=False) as mine:  # the system frees it if we are killed
        if not mine:
            raise RunError(folder, "another process annotates into it; wait for that one")
        manifest, copies = folder / _MANIFEST, folder / ".input"
        begun = read_json(manifest)
        if not begun and manifest.exists():
            raise RunError(folder, f"{_MANIFEST} is damaged; choose another folder")
        if not begun and any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise RunError(folder, "holds other files; choose another folder")
        rmtree(copies, ignore_errors=True)
        copies.mkdir()
        try:
            yield begun, copies
        finally:
            rmtree(copies, ignore_errors=True)
