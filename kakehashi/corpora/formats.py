"""The formats: how each is read and written, and how to tell it by a file's name."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from kakehashi.config.reading import data_path, typed_path
from kakehashi.config.sources import AssistantSource, ParquetSource, Source
from kakehashi.corpora import (
    assistant,
    brat,
    columns,
    docbin,
    doccano,
    huggingface,
    inline,
    jsonl,
    knp,
    labelstudio,
    plugin,
    prodigy,
    records,
    spreadsheet,
)
from kakehashi.corpora.sniff import (
    columns_by_name,
    sniff_columns,
    sniff_folder,
    sniff_lines,
    sniff_list,
    sniff_parquet,
)
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.files import read_json
from kakehashi.plugins import plugin_names
from kakehashi.sentence import Sentence

_LOGGER = logging.getLogger(__name__)
_LOGGER.addHandler(logging.NullHandler())  # nothing is printed unless a program asks for it
_Item = TypeVar("_Item")
_AT_ONCE = 1 << 13  # sentences that are sent to another process


def _parquet_chunks(source: ParquetSource) -> Iterator[Iterable[Sentence]]:
    from kakehashi.corpora import parquet  # Arrow takes long to load

    return parquet.chunks(source)


class Format(NamedTuple):
    """How the names of a format's files end, and functions of its settings.

    ``chunks``, in place of ``read``, yields parts that can be sent to other processes unread;
    ``lines`` makes lines of text of sentences; ``write`` writes them itself, and returns what else
    is lost; a format with neither is only read. ``holds`` is what is kept beside text and mentions.
    """

    suffixes: tuple[str, ...] = ()
    read: Callable[[Any], Iterator[Sentence]] | None = None
    chunks: Callable[[Any], Iterator[Iterable[Sentence]]] | None = None
    lines: Callable[[Iterable[Sentence], Any], Iterator[str]] | None = None
    write: Callable[[Iterable[Sentence], Any], Counter[str]] | None = None
    holds: tuple[str, ...] = ()


_ALL = ("id", "group", "token", "reading", "part of speech", "probability")
_COLUMNS = (".conll", ".conllu", ".txt", ".tsv", ".bio", ".bmes", ".iob", ".iob2", ".iobes")
FORMATS: Mapping[str, Format] = {
    "annotated": Format((), records.read_annotated),
    "assistant": Format((), None, assistant.chunks),
    "brat": Format((), brat.read, write=brat.write, holds=("id", "group")),
    "columns": Format(_COLUMNS, columns.read, lines=columns.lines, holds=("group", "token")),
    "csv": Format((".csv", ".csv.gz"), spreadsheet.read),
    "doccano": Format((), doccano.read, lines=doccano.lines, holds=("id", "group")),
    "huggingface": Format((), huggingface.read, write=huggingface.write, holds=("id", "token")),
    "inline": Format((".xml", ".sgml", ".sgm"), inline.read, lines=inline.lines),
    "jsonl": Format((".jsonl", ".jsonl.gz"), None, jsonl.chunks, jsonl.lines, holds=_ALL),
    "knp": Format((".tar.gz", ".tgz", ".tar"), knp.read),
    "labelstudio": Format(
        (), labelstudio.read, lines=labelstudio.lines, holds=("id", "group", "probability")
    ),
    "parquet": Format((".parquet",), None, _parquet_chunks),
    "plugin": Format((), plugin.read),
    "prodigy": Format((), prodigy.read, lines=prodigy.lines, holds=("id", "group", "token")),
    "spacy": Format((".spacy",), docbin.read, write=docbin.write, holds=("id", "group", "token")),
    "stockmark": Format((".json", ".json.gz"), records.read_stockmark),
    "text": Format((), records.read_text),
}
WRITABLE = tuple(name for name, entry in FORMATS.items() if entry.lines or entry.write)
# Formats whose endings are others' too: what tells them apart, and which of them is written.
_SNIFF = {"jsonl": sniff_lines, "parquet": sniff_parquet, "stockmark": sniff_list}
_WRITTEN = {"parquet": "huggingface", "stockmark": "labelstudio"}

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
    """Pass sentences or chunks on, log what was left out, and refuse a source that has none."""
    item, notes = None, Counter[str]()
    for item in items:
        if isinstance(item, Sentence):
            notes.update(item.notes)
        yield item
    if notes:
        _LOGGER.warning("%s: left out or changed: %s", source_name(source), counted(notes))
    if item is None:
        raise CorpusError(source_name(source), f"holds no sentence ({source.format})")


def counted(notes: Mapping[str, int]) -> str:
    """List what was left out, and how often."""
    return ", ".join(f"{count:,} × {name}" for name, count in sorted(notes.items()))


def source_name(source: Source) -> str:
    """Name a source in messages: its path, or the language generated."""
    if isinstance(source, AssistantSource):
        return f"assistant {source.language}"
    return str(data_path(source.path))


def guess_source(
    path: str | Path, format: str | None = None, *, to_write: bool = False, **settings: object
) -> Source:
    """Make a source of a file named on the command line; `ConfigError` if a setting is wrong.

    The path is taken from the working directory; where nothing is there, from ``KAKEHASHI_DATA``.
    Without a format, the end of its name decides, and what is in it, unless it is ``to_write``;
    and so they do on columns.

    Example:
        >>> guess_source("news.conll", columns=("token", "pos", "tag")).format
        'columns'
    """
    place = typed_path(path)
    tree = {"format": format or _guess(place, to_write), "path": str(place), **settings}
    if format in plugin_names("reader") and format not in FORMATS:
        tree |= {"format": "plugin", "reader": format}
    if tree["format"] == "columns" and {"columns", "separator"}.isdisjoint(settings):
        if to_write:
            tree = columns_by_name(place) | tree
        elif data_path(place).is_file():
            tree = sniff_columns(place) | tree
    try:
        return _SOURCE.validate_python(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"][1:]) or "format"
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            problem = f"the format {tree['format']} has no such setting"
        raise ConfigError(key, problem) from None


def _guess(path: Path, to_write: bool) -> str:
    place = data_path(path)
    if place.is_dir() and not to_write:
        return sniff_folder(place)
    for name, entry in FORMATS.items():
        if path.name.endswith(entry.suffixes):
            if to_write:
                return _WRITTEN.get(name, name)
            return _SNIFF[name](path) if name in _SNIFF and place.exists() else name
    known = ", ".join(suffix for entry in FORMATS.values() for suffix in entry.suffixes)
    problem = f"cannot tell the format of {path.name!r}, which ends in none of {known}"
    raise ConfigError("format", f"{problem}; say --format")


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
