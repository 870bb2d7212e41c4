"""Sentences as rows of Arrow: the fields of our JSON lines, each a column."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain

import pyarrow as pa
import pyarrow.json as pj

from kakehashi.corpora.lines import LONGEST_LINE
from kakehashi.sentence import Mention, Sentence, Token

_PLACE = (("start", pa.int32()), ("end", pa.int32()))
_MENTION = pa.struct(
    [*_PLACE, ("type", pa.string()), ("text", pa.string()), ("probability", pa.float64())]
)
_TOKEN = pa.struct([("text", pa.string()), *_PLACE, ("reading", pa.string()), ("pos", pa.string())])
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "text": pa.string(),
        "mentions": pa.list_(_MENTION),
        "tokens": pa.list_(_TOKEN),
        "group": pa.string(),
    }
)
_NULL = re.compile(rb"[:\[,][ \t]*null")


def rows(sentences: Iterable[Sentence]) -> pa.RecordBatch:
    """Make rows of sentences, which other processes can send us."""
    sentences = list(sentences)
    columns = [
        pa.array([sentence.id for sentence in sentences], pa.string()),
        pa.array([sentence.text for sentence in sentences], pa.string()),
        _lists([sentence.mentions for sentence in sentences], _MENTION),
        _lists([sentence.tokens or () for sentence in sentences], _TOKEN),
        pa.array([sentence.group for sentence in sentences], pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _lists(parts: Sequence[Sequence[Mention] | Sequence[Token]], kind: pa.StructType) -> pa.Array:
    """Lay out the mentions or tokens of each sentence; the struct has their fields in order."""
    flat = list(chain.from_iterable(parts))
    ends = pa.array(accumulate(map(len, parts), initial=0), pa.int32())
    columns = [
        pa.array([each[index] for each in flat], field.type) for index, field in enumerate(kind)
    ]
    return pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays(columns, fields=list(kind)))


def rows_from_lines(block: bytes) -> pa.Table | None:
    r"""Parse lines of JSON as Arrow does; None where that might not be what our models take.

    Arrow passes over line ends between objects, takes null for a key left out, and decodes nothing.
    Lines that lie between ``}\n{`` are an object each if there are as many objects as lines: inside
    one, Arrow lets no line end stand between these two.
    """
    lines = block.removesuffix(b"\n")
    n_ends = lines.count(b"\n")
    if (
        not (lines.startswith(b"{") and lines.endswith(b"}"))
        or lines.count(b"}\n{") != n_ends
        or (b"null" in lines and _NULL.search(lines))
        or max(map(len, lines.split(b"\n"))) >= LONGEST_LINE
    ):
        return None
    try:
        lines.decode()
        table = pj.read_json(
            io.BytesIO(lines),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=SCHEMA, unexpected_field_behavior="error"
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return table if len(table) == n_ends + 1 else None
