"""Wikipedia sentences with character spans, as Stockmark published them: one JSON list.

A record's ``curid`` is the page it comes from, so it is the group; entities may stand in any order.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, TypeAdapter

from kakehashi.config.paths import data_path
from kakehashi.config.sources import StockmarkSource
from kakehashi.corpora.checks import checked
from kakehashi.corpora.lines import read_whole
from kakehashi.corpora.records import parsed
from kakehashi.sentence import Mention, Sentence


class _Entity(BaseModel):
    name: str
    span: tuple[int, int]
    type: str


class _Record(BaseModel):
    curid: str = ""
    text: str
    entities: list[_Entity]


_RECORDS = TypeAdapter(list[_Record])


def read(source: StockmarkSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; one is named by its place in the list, from 1.

    Raises:
        CorpusError: If the file is no such list, or an entity's name is not what stands at its
            span.
    """
    path = str(data_path(source.path))
    records = parsed(_RECORDS, read_whole(source.path), path)
    for number, record in enumerate(records, 1):
        mentions = tuple(
            Mention(*entity.span, entity.type, entity.name) for entity in record.entities
        )
        sentence = Sentence(record.text, mentions, id=str(number), group=record.curid)
        yield checked(sentence, path)
