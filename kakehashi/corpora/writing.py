"""Corpora written to files, and the files that hold predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kakehashi.config.sources import AssistantSource, ColumnsSource, Source
from kakehashi.corpora.formats import FORMATS, WRITABLE, read_chunks
from kakehashi.corpora.jsonl import line_from_sentence
from kakehashi.corpora.stats import LostMention, lost_mentions
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.files import write_atomically
from kakehashi.parallel import map_in_order
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence


@dataclass
class Written:
    """What was written."""

    sentences: int = 0
    mentions: int = 0
    lost: list[LostMention] = field(default_factory=list)  # that columns cannot hold

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return asdict(self) | {"lost": [each.to_dict() for each in self.lost]}


def write_corpus(sentences: Iterable[Sentence], source: Source) -> Written:
    """Write the file of a source, whole or not at all, its path taken from the working directory.

    Raises `CorpusError` if a sentence cannot be written in its format.
    """
    lines = FORMATS[source.format].lines
    if lines is None or isinstance(source, AssistantSource):
        raise only_read(source)
    written = Written()
    encoding = getattr(source, "encoding", "utf-8")

    def counted() -> Iterator[Sentence]:
        for sentence in sentences:
            written.sentences += 1
            by_token = isinstance(source, ColumnsSource) and sentence.tokens
            lost = list(lost_mentions(sentence, written.sentences)) if by_token else []
            written.mentions += len(sentence.mentions) - len(lost)
            written.lost += lost
            yield sentence

    try:
        write_atomically(Path(source.path), lines(counted(), source), encoding=encoding)
    except UnicodeEncodeError as error:
        problem = f"{encoding} has no {error.object[error.start]!r}; write it as UTF-8, with"
        raise CorpusError(source.path, f"{problem} --to-set encoding=utf-8") from error
    except OSError as error:
        raise CorpusError(source.path, f"cannot be written ({error.strerror})") from error
    return written


def only_read(source: Source) -> ConfigError:
    """Make the error for a format that cannot be written."""
    return ConfigError("format", f"{source.format} is only read; written are {', '.join(WRITABLE)}")


def write_generated(
    path: Path, source: AssistantSource, processes: int = 1, progress: Progress | None = None
) -> Written:
    """Write generated utterances, whole or not at all, some ten thousand in memory at a time.

    The file is Parquet where its name ends in ``.parquet``, else JSON lines; its bytes are the same
    for any number of processes. Raises `CorpusError` if it cannot be written.
    """
    as_rows = path.name.endswith(FORMATS["parquet"].suffixes)
    chunks = list(read_chunks(source))
    parts = map_in_order(partial(_part, as_rows), chunks, processes)
    tracked = (progress or Progress()).track(parts, f"generating {source.language}", len(chunks))
    written = Written(sentences=source.utterances)

    def counted() -> Iterator[Any]:
        for part, n_mentions in tracked:
            written.mentions += n_mentions
            yield part

    try:
        if as_rows:
            from kakehashi.corpora.parquet import write_rows

            write_rows(path, counted())
        else:
            write_atomically(path, counted())
    except OSError as error:
        raise CorpusError(path, f"cannot be written ({error.strerror})") from error
    return written


def _part(as_rows: bool, chunk: Iterable[Sentence]) -> tuple[Any, int]:
    """Make what is to be written of a chunk, rows or lines, and count the mentions in it."""
    sentences = list(chunk)
    n_mentions = sum(len(sentence.mentions) for sentence in sentences)
    if as_rows:
        from kakehashi.corpora.texts import rows

        return rows(sentences), n_mentions
    return "".join(f"{line_from_sentence(each)}\n" for each in sentences), n_mentions


def prediction_files(place: str | Path) -> list[Path]:
    """Find the files that hold what a system found; an unfinished annotation is a `CorpusError`."""
    place = Path(place)
    if not place.is_dir():
        return [place]
    if not (place / "annotation.json").exists():  # see kakehashi.runtime.bulk, which loads torch
        return [place / "predictions.jsonl"]
    parts = sorted(place.glob("part-*"))
    try:
        expected = json.loads((place / "result.json").read_bytes())["parts"]
    except (OSError, ValueError, KeyError, TypeError):
        problem = "is not complete; run the same kakehashi predict --out again"
        raise CorpusError(place, problem) from None
    if len(parts) != expected:
        raise CorpusError(place, f"expected {expected} parts, got {len(parts)}; annotate again")
    return parts


def runs_of(place: str | Path) -> list[Path]:
    """Find the runs of a system: a file or folder, or all that a pattern names, at least one."""
    place = Path(place)
    if place.exists():
        return [place]
    found = sorted(Path(place.anchor).glob(str(place.relative_to(place.anchor))))
    if not found:
        raise CorpusError(place, "there is no such file or run folder, nor does one fit it")
    return found
