"""Parquet: the fields of our JSON lines, each a column; a row a sentence.

Only the column ``text`` is required, and what is null counts as left out. As in JSON lines, any
other is refused. An empty list of tokens means that there are none yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kakehashi.config.paths import data_path
from kakehashi.config.sources import ParquetSource
from kakehashi.corpora.jsonl import sentence_from_record
from kakehashi.corpora.lines import opened
from kakehashi.corpora.rows import SCHEMA
from kakehashi.corpora.texts import Texts
from kakehashi.errors import CorpusError
from kakehashi.files import fill_atomically
from kakehashi.sentence import Sentence

_LARGEST = 1 << 16
"""Rows of a part; those of a larger row group are decoded up to the part again for each."""

_AT_ONCE = 1 << 13
"""Rows made Python objects of."""


@dataclass(frozen=True)
class _Part:
    """Rows of a row group of a file, which can be read in another process."""

    path: str
    group: int
    number: int
    first: int

    def __iter__(self) -> Iterator[Sentence]:
        place, row = str(data_path(self.path)), self.first
        for batch in self._table(SCHEMA.names).to_batches(_AT_ONCE):
            for record in self._records(batch):
                yield sentence_from_record(record, place, row)
                row += 1

    def texts(self) -> Texts | None:
        """Read it as columns; None where it must be read row by row."""
        try:
            return Texts.from_table(self._table(("text", "mentions", "tokens")))
        except UnicodeError:
            return None

    def _table(self, names: Sequence[str]) -> pa.Table:
        with _opened(self.path) as file:
            parts = file.iter_batches(_LARGEST, [self.group], list(names), use_threads=False)
            table = pa.Table.from_batches([next(islice(parts, self.number, None))])
            columns = {
                name: table[name].cast(SCHEMA.field(name).type)
                if name in table.column_names
                else pa.nulls(len(table), SCHEMA.field(name).type)
                for name in names
            }
        return pa.table(columns)

    def _records(self, batch: pa.RecordBatch) -> list[dict[str, Any]]:
        try:
            records = batch.to_pylist()
        except UnicodeDecodeError as error:
            raise CorpusError(
                data_path(self.path), f"holds text that is no UTF-8 ({error})"
            ) from None
        return [_filled({**record, "tokens": record["tokens"] or None}) for record in records]


def chunks(source: ParquetSource) -> Iterator[Iterable[Sentence]]:
    """Yield the rows of a file in parts, which are read when the sentences are asked for.

    Raises:
        CorpusError: If it cannot be read, or has other columns than ours.
    """
    with _opened(source.path) as file:
        schema = file.schema_arrow
        counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    strange = list(_unknown(schema))
    if strange or "text" not in schema.names:
        problem = f"got {strange[0]!r}" if strange else "'text' is missing"
        expected = ", ".join(SCHEMA.names)
        raise CorpusError(data_path(source.path), f"expected the columns {expected}; {problem}")
    first = 1
    for group, count in enumerate(counts):
        for number, start in enumerate(range(0, count, _LARGEST)):
            yield _Part(source.path, group, number, first + start)
        first += count


def _unknown(schema: pa.Schema) -> Iterator[str]:
    """Name the columns that are none of ours, and the fields of mentions and tokens."""
    for field in schema:
        inner = getattr(field.type, "value_type", None)
        if field.name not in SCHEMA.names:
            yield field.name
        elif inner is not None and pa.types.is_struct(inner):
            ours = pa.schema(SCHEMA.field(field.name).type.value_type)
            yield from (
                f"{field.name}.{each.name}" for each in inner if each.name not in ours.names
            )


def read(source: ParquetSource) -> Iterator[Sentence]:
    """Yield the sentences of a file.

    Raises:
        CorpusError: If it is no Parquet file with our columns, or a row is no sentence; that has
            its number for a line.
    """
    return chain.from_iterable(chunks(source))


def write_rows(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write a file with a row group per batch, whole or not at all, one batch in memory."""

    def fill(temporary: Path) -> None:
        with pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)

    fill_atomically(path, fill)


def _filled(record: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is null, there and in the lists of the record."""
    return {
        key: [each and _filled(each) for each in value] if isinstance(value, list) else value
        for key, value in record.items()
        if value is not None
    }


@contextmanager
def _opened(path: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, and turn what Arrow complains of into a `CorpusError`."""
    with opened(path) as file:
        try:
            with pq.ParquetFile(file) as parquet:
                yield parquet
        except pa.ArrowException as error:
            problem = " ".join(str(error).split())
            place = data_path(path)
            raise CorpusError(place, f"cannot be read as Parquet ({problem})") from error
