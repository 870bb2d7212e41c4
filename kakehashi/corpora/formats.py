"""The formats: how each is read and written, and how to tell it by a file's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from kakehashi.config.reading import data_path
from kakehashi.config.sources import AssistantSource, ParquetSource, Source
from kakehashi.corpora import annotated, columns, inline, jsonl, knp, stockmark
from kakehashi.corpora.lines import opened
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.sentence import Sentence

if TYPE_CHECKING:
    from kakehashi.corpora.texts import Texts

_GATHERED = 1 << 13
"""Sentences that are sent to another process, or generated there, at a time."""


@dataclass(frozen=True)
class _Generated:
    """A range of the utterances of a generated corpus."""

    source: AssistantSource
    start: int
    size: int

    def __iter__(self) -> Iterator[Sentence]:
        from kakehashi.corpora.assistant import generate  # its grammars are read on import

        source = self.source
        return generate(
            source.language,
            self.size,
            seed=source.seed,
            partition=source.partition,
            start=self.start,
        )

    def texts(self) -> Texts:
        """Generate them as columns."""
        from kakehashi.corpora.texts import Texts

        return Texts.from_sentences(self)


def _generate(source: AssistantSource) -> Iterator[Sentence]:
    return iter(_Generated(source, 0, source.utterances))


def _ranges(source: AssistantSource) -> Iterator[Iterable[Sentence]]:
    for start in range(0, source.utterances, _GATHERED):
        yield _Generated(source, start, min(_GATHERED, source.utterances - start))


def _read_rows(source: ParquetSource) -> Iterator[Sentence]:
    from kakehashi.corpora import parquet  # Arrow takes long to load

    return parquet.read(source)


def _row_groups(source: ParquetSource) -> Iterator[Iterable[Sentence]]:
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
    "assistant": Format(_generate, chunks=_ranges),
    "columns": Format(columns.read, columns.lines, (".conll", ".txt", ".bio", ".iob", ".iobes")),
    "inline": Format(inline.read, inline.lines, (".xml", ".sgml", ".sgm")),
    "jsonl": Format(jsonl.read, jsonl.lines, (".jsonl", ".jsonl.gz"), jsonl.chunks),
    "knp": Format(knp.read, suffixes=(".tar.gz", ".tgz", ".tar")),
    "parquet": Format(_read_rows, suffixes=(".parquet",), chunks=_row_groups),
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
    for chunk in _gathered(entry.read(source)) if entry.chunks is None else entry.chunks(source):
        yield chunk
    if chunk is None:
        raise _empty(source)


def _gathered(sentences: Iterator[Sentence]) -> Iterator[Iterable[Sentence]]:
    while part := tuple(islice(sentences, _GATHERED)):
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

    Args:
        path: From the working directory; where nothing is there, from ``KAKEHASHI_DATA``.
        format: Its format; by default what the name ends in says, or that it is a folder (knp).
        settings: Other settings of the source.

    Raises:
        ConfigError: If the name says nothing, or a setting is wrong.

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
    if data_path(path).is_dir():
        return "knp"
    for name, entry in FORMATS.items():
        if path.name.endswith(entry.suffixes):
            return "annotated" if name == "jsonl" and _is_annotated(path) else name
    known = ", ".join(suffix for entry in FORMATS.values() for suffix in entry.suffixes)
    raise ConfigError(
        "format",
        f"cannot tell the format of {path.name!r}, which ends in none of {known}; say --format",
    )


def _is_annotated(path: Path) -> bool:
    """Look for MASSIVE's key in the first line, since its files are named as ours."""
    if not data_path(path).exists():
        return False
    with opened(path) as file:
        return b'"annot_utt"' in file.readline(1 << 16)
