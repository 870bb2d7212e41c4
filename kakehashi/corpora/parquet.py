"""Parquet: the fields of our JSON lines, each a column; a row a sentence.

What is null counts as left out, and an empty list of tokens means that there are none yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kakehashi.config.reading import data_path
from kakehashi.config.sources import ParquetSource
from kakehashi.corpora.jsonl import sentence_from_record
from kakehashi.corpora.lines import LONGEST_LINE, MOST_LINES, check_inflation, opened
from kakehashi.corpora.texts import SCHEMA, Texts
from kakehashi.errors import CorpusError
from kakehashi.files import replacing_file
from kakehashi.sentence import Sentence

# Rows of a part; those of a larger row group are decoded up to the part again for each.
_LARGEST = 1 << 16
_AT_ONCE = 1 << 13  # rows that Python objects are made of


@dataclass(frozen=True)
class _Part:
    """Rows of a row group of a file, which can be read in another process."""

    path: str
    group: int
    number: int
    first: int
    count: int

    def __iter__(self) -> Iterator[Sentence]:
        place, row = str(data_path(self.path)), self.first
        for batch in self._table(SCHEMA.names).to_batches(_AT_ONCE):
            try:
                records = batch.to_pylist()
            except UnicodeDecodeError as error:
                raise CorpusError(place, f"holds text that is no UTF-8 ({error})") from None
            for record in records:
                record["tokens"] = record["tokens"] or None
                yield sentence_from_record(_filled(record), place, row)
                row += 1

    def texts(self) -> Texts | None:
        """Read it as columns; None where it must be read row by row."""
        try:
            return Texts.from_table(self._table(("text", "mentions", "tokens")))
        except UnicodeError:
            return None

    def _table(self, names: Sequence[str]) -> pa.Table:
        with opened_parquet(self.path, data_path(self.path)) as file:
            parts = file.iter_batches(_LARGEST, [self.group], list(names), use_threads=False)
            batches = list(islice(parts, self.number, self.number + 1))
            count = sum(map(len, batches))
            if count != self.count:
                problem = f"expected {self.count:,} more rows, got {count:,}; is it complete?"
                raise CorpusError(data_path(self.path), problem, self.first)
            table = pa.Table.from_batches(batches)
            columns = {
                name: table[name].cast(SCHEMA.field(name).type)
                if name in table.column_names
                else pa.nulls(len(table), SCHEMA.field(name).type)
                for name in names
            }
        # A row with more than any sentence has is refused before objects are made of it.
        sizes = {
            "characters": (pc.utf8_length(columns["text"]), LONGEST_LINE),
            "mentions": (pc.list_value_length(columns["mentions"]), MOST_LINES),
            "tokens": (pc.list_value_length(columns["tokens"]), MOST_LINES),
        }
        for what, (counts, most) in sizes.items():
            largest = pc.max(counts).as_py() or 0
            if largest > most:
                row = self.first + pc.index(counts, largest).as_py()
                raise CorpusError(data_path(self.path), f"has more than {most:,} {what}", row)
        return pa.table(columns)


def _filled(record: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is null, in the lists of the record too."""
    return {
        key: [each and _filled(each) for each in value] if isinstance(value, list) else value
        for key, value in record.items()
        if value is not None
    }


def chunks(source: ParquetSource) -> Iterator[Iterable[Sentence]]:
    """Yield the rows of a file in parts, read when asked for; `CorpusError` at other columns."""
    place = data_path(source.path)
    with opened_parquet(source.path, place) as file:
        for problem in _problems(file.schema_arrow, SCHEMA):
            raise CorpusError(place, f"expected the columns {', '.join(SCHEMA.names)}; {problem}")
        counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    first = 1
    for group, count in enumerate(counts):
        for number, start in enumerate(range(0, count, _LARGEST)):
            size = min(_LARGEST, count - start)
            yield _Part(source.path, group, number, first + start, size)
        first += count


def _problems(theirs: Iterable[pa.Field], ours: pa.Schema, where: str = "") -> Iterator[str]:
    """Name the columns that are not as ours are, and the fields of mentions and tokens."""
    fields = list(theirs)
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            yield f"got '{where}{name}' twice"
    if not where and "text" not in names:
        yield "'text' is missing"
    for field in fields:
        if field.name not in ours.names:
            yield f"got '{where}{field.name}'"
        elif not _fits(field.type, ours.field(field.name).type, f"{where}{field.name}"):
            yield f"'{where}{field.name}' holds {field.type}"
        elif pa.types.is_struct(getattr(field.type, "value_type", pa.null())):
            inner = pa.schema(ours.field(field.name).type.value_type)
            yield from _problems(field.type.value_type, inner, f"{field.name}.")


def _fits(theirs: pa.DataType, ours: pa.DataType, name: str) -> bool:
    """Whether values of a type can be ours as they are, without guessing what they mean."""
    kinds = pa.types
    if kinds.is_dictionary(theirs):
        theirs = theirs.value_type
    if kinds.is_list(ours):
        is_list = kinds.is_list(theirs) or kinds.is_large_list(theirs)
        fits = is_list and (kinds.is_struct(theirs.value_type) or kinds.is_null(theirs.value_type))
    elif kinds.is_string(ours):
        named_by_number = name in ("id", "group") and kinds.is_integer(theirs)
        fits = named_by_number or kinds.is_large_string(theirs) or kinds.is_string_view(theirs)
    else:
        fits = kinds.is_integer(theirs) or (kinds.is_floating(ours) and kinds.is_floating(theirs))
    return bool(fits or theirs == ours or kinds.is_null(theirs))


def write_rows(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write a file with a row group per batch, whole or not at all, one batch in memory."""
    with (
        replacing_file(path) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)


@contextmanager
def opened_parquet(path: str, where: str | Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; what Arrow complains of is a `CorpusError` that names ``where``.

    It is one too if a row group unpacks to more than any honest one.
    """
    with opened(path) as file:
        try:
            with pq.ParquetFile(file) as parquet:
                # Not by column: Arrow aborts the process at one whose statistics are damaged.
                for group in range(parquet.num_row_groups):
                    size = parquet.metadata.row_group(group).total_byte_size
                    check_inflation(size, data_path(path))
                yield parquet
        except (pa.ArrowException, OSError, UnicodeError, OverflowError) as error:
            problem = " ".join(str(error).split())
            raise CorpusError(where, f"cannot be read as Parquet ({problem})") from error
