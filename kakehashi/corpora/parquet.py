"""Sentences as rows of Parquet: the fields of our JSON lines, each a column."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kakehashi.files import fill_atomically
from kakehashi.sentence import Sentence

_PLACE = (("start", pa.int32()), ("end", pa.int32()))
_MENTION = pa.struct(
    [*_PLACE, ("type", pa.string()), ("text", pa.string()), ("probability", pa.float64())]
)
_TOKEN = pa.struct([("text", pa.string()), *_PLACE, ("reading", pa.string()), ("pos", pa.string())])
_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "text": pa.string(),
        "mentions": pa.list_(_MENTION),
        "tokens": pa.list_(_TOKEN),
        "group": pa.string(),
    }
)


def rows(sentences: Iterable[Sentence]) -> pa.RecordBatch:
    """Make rows of sentences, which other processes can send us."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "id": sentence.id,
                "text": sentence.text,
                "mentions": [mention._asdict() for mention in sentence.mentions],
                "tokens": [token._asdict() for token in sentence.tokens or ()],
                "group": sentence.group,
            }
            for sentence in sentences
        ],
        _SCHEMA,
    )


def write_rows(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write a file with a row group per batch, whole or not at all, one batch in memory."""

    def fill(temporary: Path) -> None:
        with pq.ParquetWriter(temporary, _SCHEMA, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)

    fill_atomically(path, fill)
