"""A large corpus cut into blocks: where each lies in its file, so that any process can read it.

Text, JSON lines and Parquet are cut where they lie. Standard input can be read only once, and the
other formats only from the beginning: they are first copied, the latter as JSON lines.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.formats import FORMATS, guess_source, read_source
from kakehashi.corpora.inputs import (
    STANDARD_INPUT,
    Chunk,
    LineFormat,
    checked_encoding,
    raw_lines,
    refuse_json,
)
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.corpora.lines import opened
from kakehashi.corpora.sniff import sniff_folder
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.files import write_atomically
from kakehashi.sentence import Sentence

_TEXT = (".txt", ".txt.gz")
_FOLDERS = ("brat",)  # formats whose files are no corpora
_FORMATS = tuple(name for name in FORMATS if name not in ("assistant", "plugin"))
_STDIN = "-"
_READ = 1 << 22  # bytes


@dataclass(frozen=True)
class Reading:
    """How the user says that input is to be read: ``format`` None goes by the names of files.

    ``columns`` are settings of columns, see `kakehashi.config.sources.ColumnsSource`.
    """

    format: str | None = None
    encoding: str = "utf-8"
    columns: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Input:
    """A file of a corpus: its name in ids of sentences, in messages, and where it lies.

    The path ``-`` is standard input; the format is ``text``, or the name of one in `FORMATS`.
    """

    name: str
    where: str
    path: str
    format: str
    encoding: str = "utf-8"

    def named(self, sentence: Sentence, number: int) -> Sentence:
        """Set the id of a sentence that has none to ``name:number``."""
        return sentence if sentence.id else replace(sentence, id=f"{self.name}:{number}")


def find_inputs(path: Path, reading: Reading) -> list[Input]:
    """Find the files of a corpus: the path itself, or all in that folder, by name.

    Those whose name begins with a dot or an underscore are none of it. Raises `CorpusError` if
    there is none, or one whose name says nothing of its format, `ConfigError` if there is no such
    format or encoding.
    """
    checked_encoding(reading.encoding)
    if reading.format not in (None, *_FORMATS):
        problem = f"expected {', '.join(_FORMATS)}; got {reading.format!r}"
        raise ConfigError("--input-format", problem)
    if str(path) == _STDIN:
        read_as = reading.format or "text"
        return [Input("stdin", STANDARD_INPUT, _STDIN, read_as, reading.encoding)]
    path = path.absolute()
    if not path.exists():
        raise CorpusError(path, "there is no such file or folder")
    files = {path.name: path}
    if path.is_dir() and (reading.format or sniff_folder(path)) not in _FOLDERS:
        found = (file for file in sorted(path.rglob("*")) if file.is_file())
        files = {str(file.relative_to(path)): file for file in found if file.name[0] not in "._"}
    if not files:
        raise CorpusError(path, f"holds no file whose name ends in one of {_known()}")
    return [
        Input(name, str(file), str(file), reading.format or _format(file), reading.encoding)
        for name, file in files.items()
    ]


def _format(file: Path) -> str:
    if file.name.endswith(_TEXT):
        return "text"
    try:
        return guess_source(file).format
    except ConfigError:
        raise CorpusError(file, f"expected a name that ends in one of {_known()}") from None


def _known() -> str:
    suffixes = (suffix for entry in FORMATS.values() for suffix in entry.suffixes)
    return ", ".join(dict.fromkeys((*_TEXT, *suffixes)))


def describe(inputs: Iterable[Input]) -> str:
    """Describe in a line what is read as what, e.g. ``reading 2 files as text``."""
    counts = sorted(Counter(each.format for each in inputs).items())
    return "reading " + ", ".join(f"{n} file{'s' * (n > 1)} as {name}" for name, n in counts)


def copy_inputs(inputs: Iterable[Input], folder: Path, reading: Reading) -> list[Input]:
    """Copy what cannot be cut where it lies into a folder, and return what to read instead.

    CorpusError if a file is not what its format says, or is text by its name and looks like JSON.
    """
    copies = []
    for number, each in enumerate(inputs):
        source = each
        if each.path == _STDIN:
            copy = folder / f"{number}.stdin"
            write_atomically(copy, iter(partial(sys.stdin.buffer.read, _READ), b""))
            source = replace(each, path=str(copy))
        if each.format == "text" and reading.format is None:
            with opened(source.path) as file:
                filled = ((n, line) for n, line in enumerate(raw_lines(file), 1) if line.strip())
                for n, line in islice(filled, 1):
                    refuse_json(line, source.where, n)
        if each.format not in ("text", "jsonl", "parquet"):
            copy = folder / f"{number}.jsonl"
            write_jsonl(copy, _sentences(source, reading))
            source = replace(each, path=str(copy), format="jsonl", encoding="utf-8")
        copies.append(source)
    return copies


def _sentences(input: Input, reading: Reading) -> Iterator[Sentence]:
    settings: dict[str, Any] = dict(reading.columns) if input.format == "columns" else {}
    if input.format in ("columns", "csv", "inline", "knp"):
        settings["encoding"] = input.encoding
    source = guess_source(input.path, input.format, **settings)
    for number, sentence in enumerate(read_source(source), 1):
        yield input.named(replace(sentence, mentions=()), number)


@dataclass(frozen=True)
class Block:
    """Lines of a file, or rows of a group of Parquet's with a column ``text`` and perhaps ``id``.

    Each is a sentence; but blank lines are none in JSON lines. ``first`` is the number of the first
    in the file, from 1, ``offset`` the bytes before it, once unpacked, or the rows of its group.
    """

    input: Input
    first: int
    count: int
    offset: int
    group: int | None = None

    def records(self) -> Iterator[Sentence | CorpusError]:
        """Yield each sentence, or what is wrong with it; those without an id get one."""
        for number, record in self._lines() if self.group is None else self._rows(self.group):
            yield self.input.named(record, number) if isinstance(record, Sentence) else record

    def _lines(self) -> Iterator[tuple[int, Sentence | CorpusError]]:
        read_as: LineFormat = "jsonl" if self.input.format == "jsonl" else "text"
        with opened(self.input.path) as file:
            if file.seekable():
                file.seek(self.offset)
            else:  # a packed file
                left = self.offset
                while left > 0:
                    left -= len(file.read(min(left, _READ))) or left
            lines = islice(raw_lines(file), self.count)
            where, encoding = self.input.where, self.input.encoding
            yield from Chunk(where, self.first, lines, read_as, encoding).sentences()

    def _rows(self, group: int) -> Iterator[tuple[int, Sentence | CorpusError]]:
        from kakehashi.corpora.parquet import opened_parquet

        where = self.input.where
        with opened_parquet(self.input.path, where) as file:
            columns = [name for name in ("text", "id") if name in file.schema_arrow.names]
            table = file.read_row_group(group, columns).select(columns)
        table = table.slice(self.offset, self.count)
        if len(table) != self.count:
            raise CorpusError(where, f"expected {self.count:,} rows there, got {len(table):,}")
        for number, row in enumerate(zip(*table.itercolumns(), strict=True), self.first):
            try:
                text, *ids = (value.as_py() for value in row)
                if not isinstance(text, str):
                    raise CorpusError(where, f"expected a text, got {excerpt(str(text))}", number)
                sentence = Sentence(text, id="".join(str(id_) for id_ in ids if id_ is not None))
                yield number, checked(sentence, where, number) if text else sentence
            except UnicodeError as error:
                yield number, CorpusError(where, f"the text is no UTF-8 ({error})", number)
            except CorpusError as error:
                yield number, error


def cut(files: Iterable[Input], n_sentences: int) -> Iterator[Block]:
    """Cut files of JSON lines, text and Parquet into blocks of so many lines or rows, or fewer."""
    for each in files:
        if each.format == "parquet":
            yield from _cut_rows(each, n_sentences)
            continue
        first, offset = 1, 0
        with opened(each.path) as file:
            line_sizes = _line_sizes(file)
            while sizes := list(islice(line_sizes, n_sentences)):
                yield Block(each, first, len(sizes), offset)
                first, offset = first + len(sizes), offset + sum(sizes)


def _line_sizes(file: IO[bytes]) -> Iterator[int]:
    """Yield how many bytes each line takes, however long it is."""
    size = 0
    while piece := file.readline(_READ):
        size += len(piece)
        if piece.endswith(b"\n"):
            yield size
            size = 0
    if size:
        yield size


def _cut_rows(input: Input, n_rows: int) -> Iterator[Block]:
    from kakehashi.corpora.parquet import opened_parquet

    with opened_parquet(input.path, input.where) as file:
        names = file.schema_arrow.names
        if "text" not in names:
            raise CorpusError(input.where, f"expected a column 'text', got {', '.join(names)}")
        for name in ("text", "id"):
            if names.count(name) > 1:
                raise CorpusError(input.where, f"has the column {name!r} twice")
        first = 1
        for group in range(file.num_row_groups):
            total = file.metadata.row_group(group).num_rows
            for offset in range(0, total, n_rows):
                count = min(n_rows, total - offset)
                yield Block(input, first, count, offset, group)
                first += count
