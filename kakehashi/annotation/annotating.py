"""Annotation of a large corpus; it may be killed at any time.

::

    OUT/
      annotation.json       what is annotated, by what, and how; written once all input was read
      part-000000.jsonl …   the annotated sentences of a block each, in the order of the input
      result.json           written last: how many sentences there are, in how many parts
      .lock                 held by the process that annotates

A part gets its name when it is complete, so the same command does what is missing and no more.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

from kakehashi import __version__
from kakehashi.annotation.blocks import Block, cut, input_files
from kakehashi.annotation.engines import Engine, Processes
from kakehashi.annotation.parts import WRITERS
from kakehashi.annotation.work import Annotator, Part, count_sentences, model_fingerprint
from kakehashi.errors import ConfigError, RunError
from kakehashi.files import sha256_of, write_json
from kakehashi.inference.recognizer import Recognizer
from kakehashi.model.products import Precision
from kakehashi.model.storage import find_model
from kakehashi.progress import Progress

BLOCK = 20_000
"""Sentences in a block: some seconds of work, which is what a kill can cost each process."""

_MANIFEST = "annotation.json"
_RESULT = "result.json"
_LOCK = ".lock"


def annotate(
    model: str | Path,
    source: str | Path,
    out: str | Path,
    *,
    format: str = "jsonl",
    precision: Precision = "float32",
    block: int = BLOCK,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> int:
    """Find the entities of a corpus, or go on with that.

    All input is read before any of it is annotated, so that what is wrong with it shows at once.

    Args:
        model: Model or run folder.
        source: File of JSON lines, Parquet (a column ``text``, perhaps ``id``) or plain text (a
            sentence per line), or a folder of such; see `input_files`.
        out: Folder for the parts. What is in it depends on the other arguments only, not on how
            often this was killed, or on the engine.
        format: Of the parts, ``jsonl`` or ``parquet``.
        precision: See `Recognizer`.
        block: Lines or rows of the input that make a part.
        engine: Runs the work; default `Processes`, as many as there are cores for us.
        progress: Is told how far it is.

    Returns:
        How many sentences are annotated: one for each of the input.

    Raises:
        CorpusError: If the input is not what its format says; nothing is annotated then.
        ConfigError: If the format or precision is unknown.
        ModelError: If the model is missing or damaged.
        RunError: If ``out`` holds something else, for example annotations by another model, or
            cannot be written to.
    """
    engine, progress = engine or Processes(), progress or Progress()
    if format not in WRITERS:
        raise ConfigError("format", f"expected {' or '.join(WRITERS)}; got {format!r}")
    source, folder = Path(source).absolute(), Path(out).absolute()
    annotator = Annotator(find_model(model).absolute(), model_fingerprint(model), precision, format)
    files = input_files(source)
    if source.is_dir() and folder.resolve().is_relative_to(source.resolve()):
        raise RunError(out, f"lies in the input, {source}; choose another folder")
    hashed = progress.track(files.items(), "looking at the input", len(files))
    facts = {
        "kakehashi": __version__,
        "model": annotator.fingerprint,
        "segmenter": Recognizer.load(model, precision=precision).segmenter.signature,
        "precision": precision,
        "input": _hash([name, sha256_of(path)] for name, path in hashed),
        "format": format,
        "block": block,
    }
    with _held(folder):
        begun = _begun(folder, facts)
        blocks = list(cut(files.items(), block))
        if begun is None:
            begun = {**facts, "sentences": _count(blocks, engine, progress)}
            write_json(folder / _MANIFEST, begun)
        _finish(folder, blocks, annotator, engine, progress)
        write_json(folder / _RESULT, {"sentences": begun["sentences"], "parts": len(blocks)})
    return int(str(begun["sentences"]))


def _begun(folder: Path, facts: Mapping[str, object]) -> dict[str, object] | None:
    """Read what a folder is about; nothing if it is empty. Any other folder is refused."""
    path = folder / _MANIFEST
    if not path.exists():
        if any(entry.name != _LOCK for entry in folder.iterdir()):
            raise RunError(folder, "holds other files; choose another folder")
        return None
    begun: dict[str, object] = json.loads(path.read_bytes())
    other = [name for name, value in facts.items() if begun.get(name) != value]
    if other:
        names = ", ".join(other)
        raise RunError(
            folder,
            f"was begun with another {names}; go on with the same, or choose another folder",
        )
    return begun


def _count(blocks: list[Block], engine: Engine, progress: Progress) -> int:
    total = sum(block.count for block in blocks)
    return sum(progress.track(_ticks(engine(count_sentences, blocks)), "reading the input", total))


def _finish(
    folder: Path, blocks: list[Block], annotator: Annotator, engine: Engine, progress: Progress
) -> None:
    """Write the parts that are not there."""
    for torn in folder.glob(".part-*.tmp"):  # what a kill left
        torn.unlink()
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _LOCK).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError:
        raise RunError(folder, "another process annotates into it; wait for that one") from None
    except OSError as error:
        raise RunError(folder, f"cannot be written to ({error.strerror or error})") from None
