"""Many sentences as columns, for encoding them without an object for each.

Only what is as it should be has columns. Where a text or a mention is not, or comes with tokens,
the sentences are read one by one, which also reports what is wrong and where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from kakehashi.corpora.checks import has_blank_edge, is_entity_type
from kakehashi.sentence import Mention, Sentence

if TYPE_CHECKING:
    import pyarrow as pa

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """Sentences without tokens; their mentions stand one after the other, in order.

    Attributes:
        texts: The raw text of each sentence.
        lengths: Its characters (sentences,) int64.
        sentences: Which sentence each mention is in (mentions,) int64.
        starts: Its first character there (mentions,) int64.
        ends: One past its last character (mentions,) int64.
        types: Its entity type.
    """

    texts: Sequence[str]
    lengths: _Numbers
    sentences: _Numbers
    starts: _Numbers
    ends: _Numbers
    types: Sequence[str]

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
        """Make columns of rows with ``text``, ``mentions``, ``tokens``; None if one is amiss.

        Raises:
            UnicodeError: If a text is no UTF-8.
        """
        text, mentions, tokens = (
            table[name].combine_chunks() for name in ("text", "mentions", "tokens")
        )
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
        sound = ((shares >= 0) & (shares <= 1)).all()
        return found if sound and found._is_sound(rows.field("text").to_pylist()) else None

    def _is_sound(self, forms: Sequence[str | None]) -> bool:
        """Whether `kakehashi.corpora.checks.checked` would accept all of this unchanged.

        Args:
            forms: The texts of the mentions according to the file; None where it has none.
        """
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


@runtime_checkable
class Columnar(Protocol):
    """A part of a corpus that may be had as columns."""

    def texts(self) -> Texts | None:
        """Read it as columns; None where it must be read sentence by sentence."""


def _numbers(values: list[int]) -> _Numbers:
    return np.array(values, dtype=np.int64)
