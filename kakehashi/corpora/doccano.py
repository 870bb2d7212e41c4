"""Doccano's JSON lines: a text a line, with its spans in ``label``, ``labels`` or ``entities``.

::

    {"id": 7, "text": "Eva sees Bonn.", "label": [[0, 3, "PER"], [9, 13, "LOC"]]}
    {"id": 7, "text": …, "entities": [{"label": "PER", "start_offset": 0, "end_offset": 3}], …}

Other keys are Doccano's metadata, of which ``id`` and ``group`` are read. Doccano keeps metadata
from import to export, so they come back from it. On import it drops spans that overlap.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, StrictInt

from kakehashi.config.reading import data_path
from kakehashi.config.sources import DoccanoSource
from kakehashi.corpora.checks import Name, parsed
from kakehashi.corpora.lines import read_lines
from kakehashi.corpora.spans import sentences_from_records
from kakehashi.corpora.units import Given, Record
from kakehashi.sentence import Sentence


def _named(label: object) -> object:
    if isinstance(label, int):
        raise ValueError("expected the name of a label, not its number; export with Doccano 1.0")
    return label


def _with_keys(span: object) -> object:
    if not isinstance(span, list):
        return span
    return dict(zip(("start_offset", "end_offset", "label"), span, strict=False))


class _Entity(BaseModel):
    start_offset: StrictInt
    end_offset: StrictInt
    label: Annotated[str, BeforeValidator(_named)]


class _Line(BaseModel):
    text: str = Field(validation_alias=AliasChoices("text", "data"))
    spans: list[Annotated[_Entity, BeforeValidator(_with_keys)]] = Field(
        fail_fast=True, validation_alias=AliasChoices("label", "labels", "entities", "annotations")
    )
    relations: list[object] = []
    id: Name = ""
    group: Name = ""


def read(source: DoccanoSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; `CorpusError` at a line that is not as above."""
    return sentences_from_records(partial(_records, source), source.offsets)


def _records(source: DoccanoSource) -> Iterator[Record]:
    path = str(data_path(source.path))
    for number, line in read_lines(source.path):
        if line.strip():
            found = parsed(_Line, line, path, number)
            given = [Given([(s.start_offset, s.end_offset)], s.label) for s in found.spans]
            notes = ["relation"] * len(found.relations)
            yield Record(found.text, given, path, number, found.id, found.group, notes=notes)


def lines(sentences: Iterable[Sentence], _source: DoccanoSource) -> Iterator[str]:
    """Yield a line per sentence, which `read` gives back but for tokens and probabilities."""
    for sentence in sentences:
        record = {
            "id": sentence.id,
            "text": sentence.text,
            "label": [mention[:3] for mention in sentence.mentions],
            "group": sentence.group,
        }
        kept = {key: value for key, value in record.items() if value != ""}
        yield json.dumps(kept, ensure_ascii=False) + "\n"
