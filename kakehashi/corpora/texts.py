"""Many sentences as columns: arrays, or rows of Arrow with the fields of our JSON lines.

`Texts` are the fast way from a file to an encoded corpus. Where a text or a mention is not as it
should be, or comes with tokens, there are no columns, and the caller reads the sentences one by
one, which also finds what is wrong and where.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json as pj

from kakehashi.corpora.checks import has_blank_edge, is_entity_type
from kakehashi.corpora.lines import LONGEST_LINE
from kakehashi.sentence import Mention, Sentence, Token
from kakehashi.text.marks import unmarked

_Numbers = npt.NDArray[np.int64]
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
        _lists([[*map(unmarked, sentence.tokens or ())] for sentence in sentences], _TOKEN),
        pa.array([sentence.group for sentence in sentences], pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _lists(parts: Sequence[Sequence[Mention] | Sequence[Token]], kind: pa.StructType) -> pa.Array:
    """List the mentions or tokens of each sentence; the struct has their fields in order."""
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


@dataclass(frozen=True)
class Texts:
    """Sentences without tokens; their mentions lie one after the other, in order."""

    texts: Sequence[str]  # raw
    lengths: _Numbers  # characters of each (sentences,) int64
    sentences: _Numbers  # which one each mention is in (mentions,) int64
    starts: _Numbers  # its first character there (mentions,) int64
    ends: _Numbers  # one past its last character (mentions,) int64
    types: Sequence[str]  # its entity type

    @property
    def begins(self) -> _Numbers:
        """Where each text begins (sentences,), if all are joined with one character between two."""
        begins: _Numbers = np.cumsum(self.lengths + 1) - self.lengths - 1
        return begins

    def mention(self, number: int) -> tuple[int, Mention]:
        """Return the number of a mention's sentence, and the mention."""
        columns = (self.sentences, self.starts, self.ends)
        sentence, start, end = (int(column[number]) for column in columns)
        return sentence, Mention(start, end, self.types[number], self.texts[sentence][start:end])

    @classmethod
    def from_sentences(cls, sentences: Iterable[Sentence]) -> Self:
        """Make columns of sentences that are as they should be; tokens are left out."""
        sentences = list(sentences)
        mentions = [mention for sentence in sentences for mention in sentence.mentions]
        counts = _numbers([len(sentence.mentions) for sentence in sentences])
        texts = [sentence.text for sentence in sentences]
        return cls(
            texts,
            _numbers(list(map(len, texts))),
            np.repeat(np.arange(len(texts)), counts),
            _numbers([mention.start for mention in mentions]),
            _numbers([mention.end for mention in mentions]),
            [mention.type for mention in mentions],
        )

    @classmethod
    def from_table(cls, table: pa.Table) -> Self | None:
        """Make columns of rows with ``text``, ``mentions``, ``tokens``; None if one is amiss."""
        names = ("text", "mentions", "tokens")
        text, mentions, tokens = (table[name].combine_chunks() for name in names)
        rows = mentions.flatten()
        start, end, type_ = (rows.field(name) for name in ("start", "end", "type"))
        required = (text, rows, start, end, type_)
        if len(tokens.flatten()) or any(column.null_count for column in required):
            return None
        texts = text.to_pylist()
        found = cls(
            texts,
            _numbers(list(map(len, texts))),
            mentions.value_parent_indices().to_numpy().astype(np.int64),
            start.to_numpy().astype(np.int64),
            end.to_numpy().astype(np.int64),
            type_.to_pylist(),
        )
        shares = rows.field("probability").drop_null().to_numpy()
        is_sound = found._is_sound(rows.field("text").to_pylist())
        return found if is_sound and ((shares >= 0) & (shares <= 1)).all() else None

    def _is_sound(self, forms: Sequence[str | None]) -> bool:
        """Whether `checked` would return all of this as it is, its mentions with these texts."""
        inside = (self.starts >= 0) & (self.starts < self.ends)
        inside &= self.ends <= self.lengths[self.sentences]
        neighbours = self.sentences[1:] == self.sentences[:-1]
        if not (
            self.lengths.all()
            and inside.all()
            and (self.starts[1:] >= self.ends[:-1])[neighbours].all()
            and not any("\0" in text for text in self.texts)
            and all(map(is_entity_type, set(self.types)))
        ):
            return False
        places = zip(self.sentences.tolist(), self.starts.tolist(), self.ends.tolist(), strict=True)
        found = [self.texts[sentence][start:end] for sentence, start, end in places]
        same = found == forms or all(a in (None, b) for a, b in zip(forms, found, strict=True))
        return same and not any(map(has_blank_edge, set(found)))


def _numbers(values: list[int]) -> _Numbers:
    return np.array(values, dtype=np.int64)
