"""Wikipedia sentences with character spans, as Stockmark published them: one JSON list.

A record's ``curid`` is the page it comes from, so it is the group; entities may stand in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel, Field, StrictInt

from kakehashi.config.reading import data_path
from kakehashi.config.sources import StockmarkSource
from kakehashi.corpora.checks import checked, excerpt, parsed
from kakehashi.corpora.lines import LONGEST_LINE, decoded, opened, read_bounded
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence

_PIECE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]', re.DOTALL)


class _Entity(BaseModel):
    name: str
    span: tuple[StrictInt, StrictInt]
    type: str


class _Record(BaseModel):
    curid: str = ""
    text: str
    entities: list[_Entity] = Field(fail_fast=True)


def read(source: StockmarkSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; one is named by its place in the list, from 1.

    In a `CorpusError` a record has its number for a line.
    """
    path = str(data_path(source.path))
    with opened(source.path) as file:
        content = decoded(read_bounded(file, path), path, None)
    for number, text in enumerate(_records(content, path), 1):
        record = parsed(_Record, text, path, number)
        mentions = tuple(Mention(*each.span, each.type, each.name) for each in record.entities)
        yield checked(Sentence(record.text, mentions, id=str(number), group=record.curid), path)


def _records(text: str, path: str) -> Iterator[str]:
    """Yield the elements of a JSON list as they are written, so that one is parsed at a time."""
    if not text.lstrip().startswith("["):
        raise CorpusError(path, f"expected a JSON list, got {excerpt(text)}")
    depth = number = start = end = 0
    for piece in _PIECE.finditer(text):
        opens, closes = piece[0] in ("[", "{"), piece[0] in ("]", "}")
        if depth == 1:
            between = text[end : piece.start()].strip()
            if not (closes or opens) or between != ("," if opens and number else ""):
                raise CorpusError(path, "expected objects between commas", number + 1)
            start, number = piece.start(), number + opens
        depth += opens - closes
        if depth < 2:
            end = piece.end()
        if depth == 1 and closes:
            if end - start > LONGEST_LINE:
                raise CorpusError(path, f"is longer than {LONGEST_LINE:,} characters", number)
            yield text[start:end]
        elif depth == 0:
            break
    if depth or text[end:].strip():
        raise CorpusError(path, "expected one JSON list and nothing after it; is it complete?")
