"""JSON lines, the format of our own: one sentence an object, offsets in characters.

::

    {"text": "昨日東京に着いた",
     "mentions": [{"start": 2, "end": 4, "type": "LOC", "text": "東京", "probability": 0.98}],
     "tokens": [{"text": "昨日", "start": 0, "end": 2, "reading": "キノウ", "pos": "名詞"}, …],
     "id": "12", "group": "article 3"}

Only ``text`` is required; of a mention ``start``, ``end`` and ``type``; of a token ``text``,
``start`` and ``end``. Any other key is refused, so that a misspelt one is not silently nothing. A
mention's text, where given, must be what stands at its place.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from kakehashi.config.paths import data_path
from kakehashi.config.sources import JsonlSource
from kakehashi.corpora.checks import checked
from kakehashi.corpora.lines import numbered_lines, read_blocks
from kakehashi.corpora.records import parsed, validated
from kakehashi.files import write_atomically
from kakehashi.sentence import Mention, Sentence, Token

if TYPE_CHECKING:
    from kakehashi.corpora.texts import Texts


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Mention(_Record):
    start: int
    end: int
    type: str
    text: str | None = None
    probability: float | None = Field(None, ge=0, le=1)


class _Token(_Record):
    text: str
    start: int
    end: int
    reading: str = ""
    pos: str = ""


class _Sentence(_Record):
    text: str
    mentions: list[_Mention] = []
    tokens: list[_Token] | None = None
    id: str = ""
    group: str = ""


_SENTENCE = TypeAdapter(_Sentence)


@dataclass(frozen=True)
class _Block:
    """Some lines of a file, which can be read in another process."""

    path: str
    first: int
    lines: bytes

    def __iter__(self) -> Iterator[Sentence]:
        file = io.BytesIO(self.lines)
        for number, line in numbered_lines(file, self.path, "utf-8", self.first):
            if line.strip():
                yield sentence_from_line(line, self.path, number)

    def texts(self) -> Texts | None:
        """Read it as columns; None where it must be read line by line."""
        from kakehashi.corpora.rows import rows_from_lines
        from kakehashi.corpora.texts import Texts

        table = rows_from_lines(self.lines)
        return None if table is None else Texts.from_table(table)


def chunks(source: JsonlSource) -> Iterator[Iterable[Sentence]]:
    """Yield the file in blocks of lines that are read when the sentences are asked for."""
    path = str(data_path(source.path))
    for first, block in read_blocks(source.path):
        if not block.isspace():
            yield _Block(path, first, block)


def read(source: JsonlSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; blank lines are passed over.

    Raises:
        CorpusError: If a line is not such an object.
    """
    return chain.from_iterable(chunks(source))


def read_jsonl(path: str | Path) -> Iterator[Sentence]:
    """Yield the sentences of one file, its path taken from the working directory."""
    return read(JsonlSource(path=str(Path(path).absolute())))


def sentence_from_line(
    line: str, path: str, number: int, *, may_be_empty: bool = False
) -> Sentence:
    """Read one sentence.

    Args:
        line: What a line holds.
        path: The file, for messages.
        number: Of the line.
        may_be_empty: Take a sentence without any text, too.

    Raises:
        CorpusError: If the line is not such an object.
    """
    sentence = _sentence(parsed(_SENTENCE, line, path, number))
    if may_be_empty and not (sentence.text or sentence.tokens or sentence.mentions):
        return sentence
    return checked(sentence, path, number)


def sentence_from_record(record: Mapping[str, object], path: str, number: int) -> Sentence:
    """Make a sentence of the fields of a line, or of a row of another file.

    Raises:
        CorpusError: If they are not what they should be.
    """
    return checked(_sentence(validated(_SENTENCE, record, path, number)), path, number)


def _sentence(record: _Sentence) -> Sentence:
    return Sentence(
        record.text,
        tuple(_mention(mention, record.text) for mention in record.mentions),
        None
        if record.tokens is None
        else tuple(Token(t.text, t.start, t.end, t.reading, t.pos) for t in record.tokens),
        record.id,
        record.group,
    )


def _mention(record: _Mention, text: str) -> Mention:
    form = text[record.start : record.end] if record.text is None else record.text
    return Mention(record.start, record.end, record.type, form, record.probability)


def lines(sentences: Iterable[Sentence], source: JsonlSource) -> Iterator[str]:
    """Yield one line per sentence; `read` gives the same sentence back."""
    return (line_from_sentence(sentence) + "\n" for sentence in sentences)


def write_jsonl(path: str | Path, sentences: Iterable[Sentence]) -> None:
    """Write a file of sentences, whole or not at all."""
    write_atomically(Path(path), (line_from_sentence(each) + "\n" for each in sentences))


def line_from_sentence(sentence: Sentence) -> str:
    """Write one sentence as JSON, without a line end; what is empty is left out.

    Example:
        >>> line_from_sentence(Sentence("Oslo", (Mention(0, 4, "LOC", "Oslo"),)))
        '{"text": "Oslo", "mentions": [{"start": 0, "end": 4, "type": "LOC", "text": "Oslo"}]}'
    """
    record: dict[str, object] = {
        "text": sentence.text,
        "mentions": [_filled(mention._asdict()) for mention in sentence.mentions],
    }
    if sentence.tokens is not None:
        record["tokens"] = [_filled(token._asdict()) for token in sentence.tokens]
    record |= _filled({"id": sentence.id, "group": sentence.group})
    return json.dumps(record, ensure_ascii=False)


def _filled(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value not in ("", None)}
