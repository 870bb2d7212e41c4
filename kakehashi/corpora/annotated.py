"""Voice-assistant utterances as MASSIVE has them (FitzGerald et al., 2022).

``utt`` is the raw text, ``annot_utt`` the same with its slots, ``[date : 金曜日] の …``; blanks
around slots are the annotation's, so the two are aligned by everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel

from kakehashi.config.reading import data_path
from kakehashi.config.sources import AnnotatedSource
from kakehashi.corpora.checks import checked, excerpt, parsed
from kakehashi.corpora.lines import read_lines
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence

_SLOT = re.compile(r"\[([^\[\]:]*):([^\[\]]*)\]")


class _Utterance(BaseModel):
    utt: str
    annot_utt: str
    id: str = ""
    partition: str = ""


def read(source: AnnotatedSource) -> Iterator[Sentence]:
    """Yield the utterances of a file; a line whose texts differ in more than blanks is an error."""
    path = str(data_path(source.path))
    for number, line in read_lines(source.path):
        record = parsed(_Utterance, line, path, number) if line.strip() else None
        if record is not None and source.partition in (None, record.partition):
            mentions = _mentions(record.utt, record.annot_utt)
            if mentions is None:
                problem = (
                    f"'annot_utt' {excerpt(record.annot_utt)} is not 'utt' {excerpt(record.utt)}"
                    " with slots as in [date : Friday]"
                )
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
