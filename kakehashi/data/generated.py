"""Generated corpora in files, by several processes: the bytes are the same for any number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from kakehashi.config.sources import AssistantSource
from kakehashi.corpora.formats import read_chunks
from kakehashi.corpora.jsonl import line_from_sentence
from kakehashi.corpora.writing import Written
from kakehashi.errors import CorpusError
from kakehashi.files import write_atomically
from kakehashi.parallel import map_in_order
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence

_PARQUET = ".parquet"
_Part: TypeAlias = "tuple[Any, int]"
"""What to write, lines or rows, and how many mentions are in it."""


def write_generated(
    path: Path, source: AssistantSource, processes: int = 1, progress: Progress | None = None
) -> Written:
    """Write generated utterances, whole or not at all, some ten thousand in memory at a time.

    Args:
        path: The file; Parquet where its name ends in ``.parquet``, else JSON lines.
        source: What to generate.
        processes: How many share the work.
        progress: Is told how far it is.

    Returns:
        What the file holds.

    Raises:
        CorpusError: If the file cannot be written.
    """
    chunks = list(read_chunks(source))
    write, make = _writer(path)
    parts = map_in_order(make, chunks, processes)
    tracked = (progress or Progress()).track(parts, f"generating {source.language}", len(chunks))
    written = Written(sentences=source.utterances)
    try:
        write(path, _counted(tracked, written))
    except OSError as error:
        raise CorpusError(path, f"cannot be written ({error.strerror})") from error
    return written


def _writer(path: Path) -> tuple[Callable[[Path, Iterator[Any]], None], Callable[[Any], _Part]]:
    if path.name.endswith(_PARQUET):
        from kakehashi.corpora.parquet import write_rows

        return write_rows, _rows
    return write_atomically, _lines


def _counted(parts: Iterable[_Part], written: Written) -> Iterator[Any]:
    for part, n_mentions in parts:
        written.mentions += n_mentions
        yield part


def _lines(chunk: Iterable[Sentence]) -> _Part:
    sentences = list(chunk)
    return "".join(f"{line_from_sentence(each)}\n" for each in sentences), _mentions(sentences)


def _rows(chunk: Iterable[Sentence]) -> _Part:
    from kakehashi.corpora.rows import rows

    sentences = list(chunk)
    return rows(sentences), _mentions(sentences)


def _mentions(sentences: Iterable[Sentence]) -> int:
    return sum(len(sentence.mentions) for sentence in sentences)
