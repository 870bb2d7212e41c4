"""The formats: how each is read and written, and how to tell it by a file's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from kakehashi.config.reading import data_path
from kakehashi.config.sources import AssistantSource, ColumnsSource, ParquetSource, Source
from kakehashi.corpora import assistant, columns, inline, jsonl, knp, records
from kakehashi.corpora.lines import opened
from kakehashi.corpora.stats import LostMention, lost_mentions
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.files import read_json, write_atomically
from kakehashi.parallel import map_in_order
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence

_Item = TypeVar("_Item")
_AT_ONCE = 1 << 13  # sentences that are sent to another process


def _parquet_chunks(source: ParquetSource) -> Iterator[Iterable[Sentence]]:
    from kakehashi.corpora import parquet  # Arrow takes long to load

    return parquet.chunks(source)


class Format(NamedTuple):
    """How the names of a format's files end, and functions of its settings.

    ``chunks``, in place of ``read``, yields parts that can be sent to other processes unread;
    ``lines`` makes lines of text of sentences, and is None if the format is only read.
    """

    suffixes: tuple[str, ...] = ()
    read: Callable[[Any], Iterator[Sentence]] | None = None
    chunks: Callable[[Any], Iterator[Iterable[Sentence]]] | None = None
    lines: Callable[[Iterable[Sentence], Any], Iterator[str]] | None = None


_COLUMNS = (".conll", ".txt", ".bio", ".iob", ".iobes")
FORMATS: Mapping[str, Format] = {
    "annotated": Format((), records.read_annotated),
    "assistant": Format((), None, assistant.chunks),
    "columns": Format(_COLUMNS, columns.read, lines=columns.lines),
    "inline": Format((".xml", ".sgml", ".sgm"), inline.read, lines=inline.lines),
    "jsonl": Format((".jsonl", ".jsonl.gz"), None, jsonl.chunks, jsonl.lines),
    "knp": Format((".tar.gz", ".tgz", ".tar"), knp.read),
    "parquet": Format((".parquet",), None, _parquet_chunks),
    "stockmark": Format((".json", ".json.gz"), records.read_stockmark),
    "text": Format((), records.read_text),
}
WRITABLE = tuple(name for name, entry in FORMATS.items() if entry.lines is not None)

_SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


def read_source(source: Source) -> Iterator[Sentence]:
    """Yield the sentences of a source; `CorpusError` if it holds none, or not what it should."""
    read = FORMATS[source.format].read
    sentences = chain.from_iterable(read_chunks(source)) if read is None else read(source)
    return _some(sentences, source)


def read_chunks(source: Source) -> Iterator[Iterable[Sentence]]:
    """Yield the sentences of a source in parts that other processes can read; see `read_source`."""
    chunks = FORMATS[source.format].chunks
    if chunks is not None:
        return _some(chunks(source), source)
    sentences = read_source(source)
    return iter(lambda: tuple(islice(sentences, _AT_ONCE)), ())


def _some(items: Iterator[_Item], source: Source) -> Iterator[_Item]:
    """Pass sentences or chunks on, and refuse a source that has none."""
    item = None
    for item in items:
        yield item
    if item is None:
        raise CorpusError(source_name(source), f"holds no sentence ({source.format})")


def source_name(source: Source) -> str:
    """Name a source in messages: its path, or the language generated."""
    if isinstance(source, AssistantSource):
        return f"assistant {source.language}"
    return str(data_path(source.path))


def guess_source(path: str | Path, format: str | None = None, **settings: object) -> Source:
    """Make a source of a file named on the command line; `ConfigError` if a setting is wrong.

    The path is taken from the working directory; where nothing is there, from ``KAKEHASHI_DATA``.
    Without a format, the end of its name decides, or that it is a folder (knp).

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
    problem = f"cannot tell the format of {path.name!r}, which ends in none of {known}"
    raise ConfigError("format", f"{problem}; say --format")


@dataclass
class Written:
    """What was written."""

    sentences: int = 0
    mentions: int = 0
    lost: list[LostMention] = field(default_factory=list)  # that columns cannot hold


def write_corpus(sentences: Iterable[Sentence], source: Source) -> Written:
    """Write the file of a source, whole or not at all, its path taken from the working directory.

    A sentence that its format or encoding cannot express is a `CorpusError`.
    """
    lines = FORMATS[source.format].lines
    if lines is None or isinstance(source, AssistantSource):
        raise only_read(source)
    written = Written()
    encoding = getattr(source, "encoding", "utf-8")

    def counted() -> Iterator[Sentence]:
        for sentence in sentences:
            written.sentences += 1
            written.mentions += len(sentence.mentions)
            if isinstance(source, ColumnsSource) and sentence.tokens:
                written.lost += lost_mentions(sentence, written.sentences)
            yield sentence

    try:
        write_atomically(Path(source.path), lines(counted(), source), encoding=encoding)
    except UnicodeEncodeError as error:
        problem = f"{encoding} has no {error.object[error.start]!r}; write it as UTF-8, with"
        raise CorpusError(source.path, f"{problem} --to-set encoding=utf-8") from error
    written.mentions -= len(written.lost)
    return written


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


def prediction_files(place: str | Path) -> list[Path]:
    """Find the files that hold what a system found; an unfinished annotation is a `CorpusError`."""
    place = Path(place)
    if not place.is_dir():
        return [place]
    if not (place / "annotation.json").exists():  # see kakehashi.runtime.bulk
        return [place / "predictions.jsonl"]
    parts = sorted(place.glob("part-*"))
    expected = read_json(place / "result.json").get("parts")
    if expected is None:
        raise CorpusError(place, "is not complete; run the same kakehashi predict --out again")
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
