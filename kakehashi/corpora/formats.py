"""The formats: how each is read and written, and how to tell it by a file's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from kakehashi.config.reading import data_path
from kakehashi.config.sources import AssistantSource, ParquetSource, Source
from kakehashi.corpora import annotated, assistant, columns, inline, jsonl, knp, stockmark
from kakehashi.corpora.lines import opened
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.sentence import Sentence

_AT_ONCE = 1 << 13  # sentences that are sent to another process


def _read_parquet(source: ParquetSource) -> Iterator[Sentence]:
    from kakehashi.corpora import parquet  # Arrow takes long to load

    return parquet.read(source)


def _parquet_chunks(source: ParquetSource) -> Iterator[Iterable[Sentence]]:
    from kakehashi.corpora import parquet

    return parquet.chunks(source)


class Format(NamedTuple):
    """What there is for a format.

    Attributes:
        read: From its settings to sentences.
        lines: From sentences and its settings to lines of text; None if it is only read.
        suffixes: How the names of its files end.
        chunks: From its settings to parts that can be sent to other processes unread; None if the
            sentences themselves must be sent.
    """

    read: Callable[[Any], Iterator[Sentence]]
    lines: Callable[[Iterable[Sentence], Any], Iterator[str]] | None = None
    suffixes: tuple[str, ...] = ()
    chunks: Callable[[Any], Iterator[Iterable[Sentence]]] | None = None


FORMATS: Mapping[str, Format] = {
    "annotated": Format(annotated.read),
    "assistant": Format(assistant.read, chunks=assistant.chunks),
    "columns": Format(columns.read, columns.lines, (".conll", ".txt", ".bio", ".iob", ".iobes")),
    "inline": Format(inline.read, inline.lines, (".xml", ".sgml", ".sgm")),
    "jsonl": Format(jsonl.read, jsonl.lines, (".jsonl", ".jsonl.gz"), jsonl.chunks),
    "knp": Format(knp.read, suffixes=(".tar.gz", ".tgz", ".tar")),
    "parquet": Format(_read_parquet, suffixes=(".parquet",), chunks=_parquet_chunks),
    "stockmark": Format(stockmark.read, suffixes=(".json", ".json.gz")),
}
WRITABLE = tuple(name for name, entry in FORMATS.items() if entry.lines is not None)

_SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


def read_source(source: Source) -> Iterator[Sentence]:
    """Yield the sentences of a source as they are read.

    Raises:
        CorpusError: If the source is not what its format says, or holds no sentence.
    """
    sentence = None
    for sentence in FORMATS[source.format].read(source):
        yield sentence
    if sentence is None:
        raise _empty(source)


def read_chunks(source: Source) -> Iterator[Iterable[Sentence]]:
    """Yield the sentences of a source in parts, which other processes may read for us.

    Raises:
        CorpusError: If the source is not what its format says, or holds no sentence; some of it
            only when a part is read.
    """
    entry = FORMATS[source.format]
    chunk = None
    for chunk in _in_parts(entry.read(source)) if entry.chunks is None else entry.chunks(source):
        yield chunk
    if chunk is None:
        raise _empty(source)


def _in_parts(sentences: Iterator[Sentence]) -> Iterator[Iterable[Sentence]]:
    while part := tuple(islice(sentences, _AT_ONCE)):
        yield part


def _empty(source: Source) -> CorpusError:
    return CorpusError(source_name(source), f"holds no sentence ({source.format})")


def source_name(source: Source) -> str:
    """Name a source in messages: its path, or the language generated."""
    if isinstance(source, AssistantSource):
        return f"assistant {source.language}"
    return str(data_path(source.path))


def guess_source(path: str | Path, format: str | None = None, **settings: object) -> Source:
    """Make a source of a file named on the command line.

    The path is taken from the working directory; where nothing is there, from ``KAKEHASHI_DATA``.
    Without a format, the end of its name decides, or that it is a folder (knp).

    Raises:
        ConfigError: If the format cannot be told, or a setting is wrong.

    Example:
        >>> guess_source("news.conll", columns=("token", "pos", "tag")).format
        'columns'
    """
    place = Path(path).absolute() if Path(path).exists() else Path(path)
    tree = {"format": format or _guess(place), "path": str(place), **settings}
    try:
        return _SOURCE.validate_python(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"][1:]) or "format"
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            problem = f"the format {tree['format']} has no such setting"
        raise ConfigError(key, problem) from None


def _guess(path: Path) -> str:
    place = data_path(path)
    if place.is_dir():
        return "knp"
    for name, entry in FORMATS.items():
        if path.name.endswith(entry.suffixes):
            if name == "jsonl" and place.exists():
                with opened(path) as file:  # MASSIVE's files are named as ours
                    return "annotated" if b'"annot_utt"' in file.readline(1 << 16) else name
            return name
    known = ", ".join(suffix for entry in FORMATS.values() for suffix in entry.suffixes)
    raise ConfigError(
        "format",
        f"cannot tell the format of {path.name!r}, which ends in none of {known}; say --format",
    )
