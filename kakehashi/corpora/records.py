"""Published corpora of JSON records, MASSIVE's utterances and Stockmark's sentences; plain text.

MASSIVE (FitzGerald et al., 2022): a record a line; ``utt`` is the raw text, ``annot_utt`` the same
with its slots, ``[date : 金曜日] の …``; blanks around slots are the annotation's, so the two are
aligned by everything else. Stockmark: one JSON list; ``curid`` is the page, so it is the group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel, Field, StrictInt

from kakehashi.config.reading import data_path
from kakehashi.config.sources import AnnotatedSource, StockmarkSource, TextSource
from kakehashi.corpora.checks import checked, excerpt, parsed
from kakehashi.corpora.lines import LONGEST_LINE, decoded, opened, read_bounded, read_lines
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence

_SLOT = re.compile(r"\[([^\[\]:]*):([^\[\]]*)\]")
_PIECE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]', re.DOTALL)


class _Utterance(BaseModel):
    utt: str
    annot_utt: str
    id: str = ""
    partition: str = ""


def read_annotated(source: AnnotatedSource) -> Iterator[Sentence]:
    """Yield the utterances of a file; a line whose texts differ in more than blanks is an error."""
    path = str(data_path(source.path))
    for number, line in read_lines(source.path):
        record = parsed(_Utterance, line, path, number) if line.strip() else None
        if record is not None and source.partition in (None, record.partition):
            mentions = _mentions(record.utt, record.annot_utt)
            if mentions is None:
                problem = f"'annot_utt' {excerpt(record.annot_utt)} is not 'utt'"
                problem += f" {excerpt(record.utt)} with slots as in [date : Friday]"
                raise CorpusError(path, problem, number)
            yield checked(Sentence(record.utt, mentions, id=record.id), path, number)


def _mentions(text: str, annotated: str) -> tuple[Mention, ...] | None:
    """Find the slots of the annotated text in the raw one; None if they are not the same text."""
    places = [index for index, character in enumerate(text) if not character.isspace()]
    bare = ["".join(part.split()) for part in _SLOT.split(annotated)]  # outside, type, value, …
    position, mentions = len(bare[0]), []
    for index, entity_type in enumerate(_SLOT.split(annotated)[1::3]):
        value, outside = bare[3 * index + 2 : 3 * index + 4]
        end = position + len(value)
        if not position < end <= len(places):
            return None
        first, last = places[position], places[end - 1] + 1
        mentions.append(Mention(first, last, entity_type.strip(), text[first:last]))
        position = end + len(outside)
    del bare[1::3]
    return tuple(mentions) if "".join(bare) == "".join(text.split()) else None


class _Entity(BaseModel):
    name: str
    span: tuple[StrictInt, StrictInt]
    type: str


class _Record(BaseModel):
    curid: str = ""
    text: str
    entities: list[_Entity] = Field(fail_fast=True)


def read_stockmark(source: StockmarkSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; the number of one in the list is its id."""
    path = str(data_path(source.path))
    with opened(source.path) as file:
        content = decoded(read_bounded(file, path), path, None)
    for number, text in enumerate(elements(content, path), 1):
        record = parsed(_Record, text, path, number)
        mentions = tuple(Mention(*each.span, each.type, each.name) for each in record.entities)
        yield checked(Sentence(record.text, mentions, id=str(number), group=record.curid), path)


def elements(text: str, path: str) -> Iterator[str]:
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


def read_text(source: TextSource) -> Iterator[Sentence]:
    """Yield the lines of a file that are not blank."""
    lines = read_lines(source.path, source.encoding)
    return (Sentence(line) for _, line in lines if line.strip())
