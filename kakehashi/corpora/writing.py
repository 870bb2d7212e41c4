"""Write a corpus in any format that can be written, and say what the format cannot hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kakehashi.config.sources import AssistantSource, ColumnsSource, HuggingFaceSource, Source
from kakehashi.corpora import jsonl
from kakehashi.corpora.columns import NONE
from kakehashi.corpora.formats import FORMATS, WRITABLE, read_chunks
from kakehashi.corpora.stats import LostMention, lost_mentions
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.files import write_atomically
from kakehashi.parallel import map_in_order
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence

_TOKENS = ("columns", "huggingface", "spacy")  # their mentions are spans of whole tokens


@dataclass
class Written:
    """What was written."""

    sentences: int = 0
    mentions: int = 0
    lost: list[LostMention] = field(default_factory=list)  # that no whole tokens equal
    left_out: Counter[str] = field(default_factory=Counter)  # that the format does not hold
    notes: Counter[str] = field(default_factory=Counter)  # see `Sentence.notes`


def write_corpus(sentences: Iterable[Sentence], source: Source) -> Written:
    """Write the file of a source, whole or not at all, its path taken from the working directory.

    A sentence that its format or encoding cannot express is a `CorpusError`.
    """
    _, _, _, lines, write, holds = FORMATS[source.format]
    if isinstance(source, AssistantSource) or not (lines or write):
        raise only_read(source)
    written = Written()
    encoding = getattr(source, "encoding", "utf-8")

    def counted() -> Iterator[Sentence]:
        for sentence in sentences:
            written.sentences += 1
            written.mentions += len(sentence.mentions)
            written.notes.update(sentence.notes)
            written.left_out.update(_more_than(holds, sentence, source))
            if source.format in _TOKENS and sentence.tokens:
                written.lost += lost_mentions(sentence, written.sentences)
            yield sentence

    try:
        if lines is not None:
            write_atomically(Path(source.path), lines(counted(), source), encoding=encoding)
        elif write is not None:
            written.left_out.update(write(counted(), source))
    except UnicodeEncodeError as error:
        problem = f"{encoding} has no {error.object[error.start]!r}; write it as UTF-8, with"
        raise CorpusError(source.path, f"{problem} --to-set encoding=utf-8") from error
    written.mentions -= len(written.lost)
    return written


def _more_than(holds: Sequence[str], sentence: Sentence, source: Source) -> Iterator[str]:
    """Name what a sentence has beside text and mentions, and a format does not hold."""
    tokens = sentence.tokens or ()
    its = {
        "id": bool(sentence.id),
        "group": bool(sentence.group),
        "token": len(tokens),
        "reading": sum(1 for token in tokens if token.reading),
        "part of speech": sum(1 for token in tokens if token.pos),
        "probability": sum(1 for each in sentence.mentions if each.probability is not None),
    }
    if isinstance(source, ColumnsSource):
        columns = {"reading": "reading", "pos": "part of speech"}
        comments = ("id", "text") if source.columns[0] == NONE else ()
        holds = (*holds, *comments, *(columns.get(each, "") for each in source.columns))
    if isinstance(source, ColumnsSource | HuggingFaceSource) and tokens and "text" not in holds:
        joined = (" " if source.spaces else "").join(token.text for token in tokens)
        its["text with other blanks between tokens"] = joined != sentence.text
    for name, count in its.items():
        yield from [name] * (count * (name not in holds))


def only_read(source: Source) -> ConfigError:
    """Make the error for a format that cannot be written."""
    return ConfigError("format", f"{source.format} is only read; written are {', '.join(WRITABLE)}")


def write_generated(
    path: Path, source: AssistantSource, processes: int = 1, progress: Progress | None = None
) -> Written:
    """Write generated utterances, whole or not at all, as Parquet or JSON lines by the file's name.

    Some ten thousand are in memory at a time; the bytes are the same for any number of processes.
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

    if as_rows:
        from kakehashi.corpora.parquet import write_rows

        write_rows(path, counted())
    else:
        write_atomically(path, counted())
    return written


def _part(as_rows: bool, chunk: Iterable[Sentence]) -> tuple[Any, int]:
    """Make rows or lines of a chunk, and count the mentions in it."""
    sentences = list(chunk)
    n_mentions = sum(len(sentence.mentions) for sentence in sentences)
    if as_rows:
        from kakehashi.corpora.texts import rows

        return rows(sentences), n_mentions
    return "".join(jsonl.lines(sentences)), n_mentions
