"""Prodigy's JSON lines: a text a line with ``spans``, as spaCy has them too.

::

    {"text": "Eva sees Bonn.", "spans": [{"start": 0, "end": 3, "label": "PER"}],
     "tokens": [{"text": "Eva", "start": 0, "end": 3, "id": 0, "ws": true}, …],
     "answer": "accept", "meta": {"id": "7"}, "_task_hash": …}

Lines that were rejected or ignored are left out, and those of a yes-or-no question, since what was
not asked is not annotated. Names of sentences and articles are ``id`` and ``group`` of ``meta``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Literal

from pydantic import BaseModel, Field, StrictInt

from kakehashi.config.reading import data_path
from kakehashi.config.sources import ProdigySource
from kakehashi.corpora.checks import Name, parsed
from kakehashi.corpora.lines import read_lines
from kakehashi.corpora.spans import sentences_from_records
from kakehashi.corpora.units import Given, Record
from kakehashi.sentence import Sentence


class _Span(BaseModel):
    start: StrictInt
    end: StrictInt
    label: str
    text: str | None = None


class _Token(BaseModel):
    start: StrictInt
    end: StrictInt


class _Meta(BaseModel):
    id: Name = ""
    group: Name = ""


class _Line(BaseModel):
    text: str
    spans: list[_Span] = Field([], fail_fast=True)
    tokens: list[_Token] | None = Field(None, fail_fast=True)
    relations: list[object] = []
    answer: Literal["accept", "reject", "ignore"] = "accept"
    is_binary: bool = Field(False, validation_alias="_is_binary")
    meta: _Meta = _Meta()
    id: Name = ""


def read(source: ProdigySource) -> Iterator[Sentence]:
    """Yield the sentences of a file; `CorpusError` at a line that is not as above."""
    return sentences_from_records(partial(_records, source), source.offsets)


def _records(source: ProdigySource) -> Iterator[Record]:
    path = str(data_path(source.path))
    for number, line in read_lines(source.path):
        if line.strip():
            found = parsed(_Line, line, path, number)
            skipped = "line of a yes-or-no question" if found.is_binary else ""
            skipped = (
                f"line with the answer {found.answer}" if found.answer != "accept" else skipped
            )
            if skipped:
                yield Record("", (), path, number, notes=[skipped])
                continue
            given = [Given([(s.start, s.end)], s.label, s.text) for s in found.spans]
            tokens = None if found.tokens is None else [(t.start, t.end) for t in found.tokens]
            name, notes = found.id or found.meta.id, ["relation"] * len(found.relations)
            yield Record(found.text, given, path, number, name, found.meta.group, tokens, notes)


def lines(sentences: Iterable[Sentence], _source: ProdigySource) -> Iterator[str]:
    """Yield a line per sentence, which `read` gives back but for readings and probabilities."""
    for sentence in sentences:
        spans: list[dict[str, object]] = [
            {"start": mention.start, "end": mention.end, "label": mention.type}
            for mention in sentence.mentions
        ]
        record: dict[str, object] = {"text": sentence.text, "spans": spans}
        if sentence.tokens is not None:
            record["tokens"] = [
                {"text": token.text, "start": token.start, "end": token.end, "id": number}
                | {"ws": sentence.text[token.end : token.end + 1] == " "}
                for number, token in enumerate(sentence.tokens)
            ]
            starts = {token.start: number for number, token in enumerate(sentence.tokens)}
            ends = {token.end: number for number, token in enumerate(sentence.tokens)}
            for span in spans:
                if span["start"] in starts and span["end"] in ends:
                    span |= {"token_start": starts[span["start"]], "token_end": ends[span["end"]]}
        names = {"id": sentence.id, "group": sentence.group}
        record["meta"] = {key: name for key, name in names.items() if name}
        yield json.dumps(record, ensure_ascii=False) + "\n"
