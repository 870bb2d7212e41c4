"""A corpus cut into blocks: where each lies in its file, so that any process can read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from kakehashi.annotation.inputs import Input
from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.inputs import LineFormat, numbered_sentences, raw_lines
from kakehashi.corpora.lines import opened
from kakehashi.corpora.parquet import check_unpacked
from kakehashi.errors import CorpusError
from kakehashi.sentence import Sentence

_READ = 1 << 22


@dataclass(frozen=True)
class Lines:
    """Lines of a file, each a sentence; blank ones are none in JSON lines, and empty ones in text.

    Attributes:
        input: The file.
        first: Number of the first line, from 1.
        count: How many.
        offset: Bytes before them, once unpacked.
        format: How each is read.
    """

    input: Input
    first: int
    count: int
    offset: int
    format: LineFormat

    def records(self) -> Iterator[Sentence | CorpusError]:
        """Read them; a sentence without an id is given one, ``name:line``.

        Yields:
            A sentence a line, or what is wrong with the line.

        Raises:
            CorpusError: If the file cannot be read.
        """
        with opened(self.input.path) as file:
            _skip(file, self.offset)
            lines = islice(raw_lines(file), self.count)
            yield from (
                _named(record, f"{self.input.name}:{number}")
                for number, record in numbered_sentences(
                    lines, self.input.where, self.first, self.format, self.input.encoding
                )
            )


@dataclass(frozen=True)
class Rows:
    """Rows of a Parquet file, with a column ``text``, and perhaps one ``id``.

    Attributes:
        input: The file.
        first: Number of the first row, from 1.
        count: How many.
        group: Number of the row group.
        offset: Rows of the group before them.
    """

    input: Input
    first: int
    count: int
    group: int
    offset: int

    def records(self) -> Iterator[Sentence | CorpusError]:
        """Read them; a sentence without an id is given one, ``name:row``.

        Yields:
            A sentence a row, or what is wrong with the row.

        Raises:
            CorpusError: If the file cannot be read.
        """
        where = self.input.where
        with _parquet(self.input) as file:
            columns = [name for name in ("text", "id") if name in file.schema_arrow.names]
            table = file.read_row_group(self.group, columns).select(columns)
        table = table.slice(self.offset, self.count)
        if len(table) != self.count:
            raise CorpusError(where, f"expected {self.count:,} rows there, got {len(table):,}")
        for number, row in enumerate(zip(*table.itercolumns(), strict=True), self.first):
            try:
                yield _named(_sentence(row, where, number), f"{self.input.name}:{number}")
            except CorpusError as error:
                yield error


Block = Lines | Rows


def cut(files: Iterable[Input], n_sentences: int) -> Iterator[Block]:
    """Cut files into blocks of so many lines or rows.

    Args:
        files: JSON lines, text and Parquet.
        n_sentences: Lines or rows of a block; the last of a file or row group may have fewer.

    Raises:
        CorpusError: If a file cannot be read, or what is to be read as text looks like JSON.
    """
    for file in files:
        if file.format == "parquet":
            yield from _cut_rows(file, n_sentences)
        else:
            as_json = file.format == "jsonl"
            yield from _cut_lines(file, n_sentences, "jsonl" if as_json else "text")


def _cut_lines(input: Input, n_lines: int, read_as: LineFormat) -> Iterator[Lines]:
    first, offset = 1, 0
    with opened(input.path) as file:
        lines = _sizes(file)
        while sizes := list(islice(lines, n_lines)):
            yield Lines(input, first, len(sizes), offset, read_as)
            first, offset = first + len(sizes), offset + sum(sizes)


def _sizes(file: IO[bytes]) -> Iterator[int]:
    """Yield how many bytes each line takes, however long it is."""
    size = 0
    while piece := file.readline(_READ):
        size += len(piece)
        if piece.endswith(b"\n"):
            yield size
            size = 0
    if size:
        yield size


def _cut_rows(input: Input, n_rows: int) -> Iterator[Rows]:
    with _parquet(input) as file:
        if "text" not in file.schema_arrow.names:
            came = ", ".join(file.schema_arrow.names)
            raise CorpusError(input.where, f"expected a column 'text', got {came}")
        for name in ("text", "id"):
            if file.schema_arrow.names.count(name) > 1:
                raise CorpusError(input.where, f"has the column {name!r} twice")
        first = 1
        for group in range(file.num_row_groups):
            total = file.metadata.row_group(group).num_rows
            for offset in range(0, total, n_rows):
                count = min(n_rows, total - offset)
                yield Rows(input, first, count, group, offset)
                first += count


def _skip(file: IO[bytes], size: int) -> None:
    """Go so many bytes on; in a packed file there is no other way than to read them."""
    if file.seekable():
        file.seek(size)
        return
    while size > 0:
        size -= len(file.read(min(size, _READ))) or size


def _named(record: Sentence | CorpusError, name: str) -> Sentence | CorpusError:
    return replace(record, id=name) if isinstance(record, Sentence) and not record.id else record


@contextmanager
def _parquet(input: Input) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, and turn what Arrow complains of into a `CorpusError`."""
    try:
        with pq.ParquetFile(input.path, memory_map=True) as file:
            check_unpacked(file, Path(input.path))
            yield file
    except (pa.ArrowException, OSError, UnicodeError) as error:
        problem = " ".join(str(error).split())
        raise CorpusError(input.where, f"cannot be read as Parquet ({problem})") from error


def _sentence(row: Sequence[pa.Scalar], path: str, number: int) -> Sentence:
    text, *ids = (_value(value, path, number) for value in row)
    if not isinstance(text, str):
        raise CorpusError(path, f"expected a text, got {excerpt(str(text))}", number)
    sentence = Sentence(text, id="".join(str(id_) for id_ in ids if id_ is not None))
    return checked(sentence, path, number) if text else sentence


def _value(value: pa.Scalar, path: str, row: int) -> object:
    try:
        return value.as_py()
    except UnicodeError as error:
        raise CorpusError(path, f"the text is no UTF-8 ({error})", row) from None
