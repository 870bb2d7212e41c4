"""Annotated sentences of a block, in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.files import write_atomically
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


def write_parquet(path: Path, sentences: Iterable[Sentence]) -> None:
    """Write a Parquet file, a row per sentence, whole or not at all."""
    rows = [
        {
            "id": sentence.id,
            "text": sentence.text,
            "mentions": [mention._asdict() for mention in sentence.mentions],
            "tokens": [token._asdict() for token in sentence.tokens or ()],
            "group": sentence.group,
        }
        for sentence in sentences
    ]
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), buffer, compression="zstd")
    write_atomically(path, bytes(buffer.getvalue()))


WRITERS: Mapping[str, Callable[[Path, Iterable[Sentence]], None]] = {
    "jsonl": write_jsonl,
    "parquet": write_parquet,
}
"""By the format's name, which is also what names of files end in."""
