"""JSON lines, the format of our own: one sentence an object, offsets in characters.

::

    {"text": "昨日東京に着いた",
     "mentions": [{"start": 2, "end": 4, "type": "LOC", "text": "東京", "probability": 0.98}],
     "tokens": [{"text": "昨日", "start": 0, "end": 2, "reading": "キノウ", "pos": "名詞"}, …],
     "id": "12", "group": "article 3",
     "selection": {"strategy": "mnlp", "score": 0.41}}

Only ``text`` is required, and of mentions and tokens all but ``probability``, ``reading``, ``pos``
and a mention's ``text``. What `kakehashi suggest` chose a sentence for, its ``selection``, is
passed over. Any other key is refused, so that a misspelt one is not silently nothing.
Lines of Doccano, Prodigy and Hugging Face have formats of their own.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, ValidationError

from kakehashi.config.reading import data_path
from kakehashi.config.sources import JsonlSource
from kakehashi.corpora.checks import Name, checked, json_error, parsed
from kakehashi.corpora.lines import LONGEST_LINE, numbered_lines, opened
from kakehashi.errors import CorpusError
from kakehashi.files import write_atomically
from kakehashi.sentence import Mention, Sentence, Token
from kakehashi.text.marks import unmarked

if TYPE_CHECKING:
    from kakehashi.corpora.texts import Texts

_BLOCK = 1 << 22  # bytes
HUGGING_FACE = {"ner_tags", "tags", "ner"}
# Keys by which lines of other tools are known.
OTHERS = {
    **dict.fromkeys(("label", "labels", "entities", "annotations"), "doccano"),
    **dict.fromkeys(("spans", "answer", "meta", "_task_hash"), "prodigy"),
    **dict.fromkeys(sorted(HUGGING_FACE), "huggingface"),
}


class _Mention(BaseModel, extra="forbid", strict=True):
    start: int
    end: int
    type: str
    text: str | None = None
    probability: float | None = Field(None, ge=0, le=1)


class _Token(BaseModel, extra="forbid", strict=True):
    text: str
    start: int
    end: int
    reading: str = ""
    pos: str = ""


class _Sentence(BaseModel, extra="forbid", strict=True):
    text: str
    # A list of a million mistakes is a gigabyte of errors, if one does not stop at the first.
    mentions: list[_Mention] = Field([], fail_fast=True)
    tokens: list[_Token] | None = Field(None, fail_fast=True)
    id: Name = ""
    group: Name = ""
    selection: dict[str, object] | None = None  # of `kakehashi.selection.suggest`


class _Other(BaseModel):
    text: str
    id: Name = ""


@dataclass(frozen=True)
class _Block:
    """Some lines of a file, which can be read in another process."""

    path: str
    first: int
    lines: bytes

    def __iter__(self) -> Iterator[Sentence]:
        file = io.BytesIO(self.lines)
        for number, line in numbered_lines(file, self.path, first=self.first):
            if line.strip():
                yield sentence_from_line(line, self.path, number)

    def texts(self) -> Texts | None:
        """Read it as columns; None where it must be read line by line."""
        from kakehashi.corpora.texts import Texts, rows_from_lines

        table = rows_from_lines(self.lines)
        return None if table is None else Texts.from_table(table)


def chunks(source: JsonlSource) -> Iterator[Iterable[Sentence]]:
    """Yield blocks of lines, blank ones passed over, that are read when sentences are asked for."""
    path, first = str(data_path(source.path)), 1
    with opened(source.path) as file:
        while block := file.read(_BLOCK):
            block += file.readline(LONGEST_LINE + 1)
            if not block.isspace():
                yield _Block(path, first, block)
            first += block.count(b"\n")


def read_jsonl(path: str | Path) -> Iterator[Sentence]:
    """Yield the sentences of one file, its path taken from the working directory."""
    return chain.from_iterable(chunks(JsonlSource(path=str(Path(path).absolute()))))


def sentence_from_line(line: str, path: str, number: int, may_be_empty: bool = False) -> Sentence:
    """Read one sentence; with ``may_be_empty``, to tag text, lines of other tools are text."""
    try:
        sentence = _sentence(_Sentence.model_validate_json(line))
    except ValidationError as error:
        keys = {entry["loc"][0] for entry in error.errors() if entry["type"] == "extra_forbidden"}
        if not keys.intersection(OTHERS):
            raise json_error(error, path, number) from None
        if not may_be_empty:
            problem = "is a line of another tool by its keys; the format is"
            advice = f"{', '.join(dict.fromkeys(OTHERS.values()))} (--format)"
            raise CorpusError(path, f"{problem} one of {advice}", number) from None
        other = parsed(_Other, line, path, number)
        sentence = Sentence(other.text, id=other.id)
    if may_be_empty and not (sentence.text or sentence.tokens or sentence.mentions):
        return sentence
    return checked(sentence, path, number)


def sentence_from_record(record: Mapping[str, object], path: str, number: int) -> Sentence:
    """Make a sentence of the fields of a row; raises `CorpusError` if they are not ours."""
    try:
        return checked(_sentence(_Sentence.model_validate(record)), path, number)
    except ValidationError as error:
        raise json_error(error, path, number) from None


def _sentence(record: _Sentence) -> Sentence:
    mentions = tuple(_mention(record.text, each) for each in record.mentions)
    tokens = None
    if record.tokens is not None:
        tokens = tuple(Token(t.text, t.start, t.end, t.reading, t.pos) for t in record.tokens)
    return Sentence(record.text, mentions, tokens, record.id, record.group)


def _mention(text: str, each: _Mention) -> Mention:
    form = text[each.start : each.end] if each.text is None else each.text
    return Mention(each.start, each.end, each.type, form, each.probability)


def lines(sentences: Iterable[Sentence], _source: JsonlSource | None = None) -> Iterator[str]:
    """Yield one line per sentence; `read` returns the same sentence."""
    return (line_from_sentence(sentence) + "\n" for sentence in sentences)


def write_jsonl(path: str | Path, sentences: Iterable[Sentence]) -> None:
    """Write a file of sentences, whole or not at all."""
    write_atomically(Path(path), lines(sentences))


def keep_jsonl(sentences: Iterable[Sentence], folder: Path, name: str) -> tuple[JsonlSource, ...]:
    """Write sentences to a file that is named after them, and return it as a source."""
    text = "".join(lines(sentences))
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    path = folder.absolute() / f"{name}-{digest}.jsonl"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    return (JsonlSource(path=str(path)),)


def line_from_sentence(sentence: Sentence) -> str:
    """Write one sentence as JSON, without a line end; what is empty is left out.

    Example:
        >>> line_from_sentence(Sentence("Oslo", (Mention(0, 4, "LOC", "Oslo"),)))
        '{"text": "Oslo", "mentions": [{"start": 0, "end": 4, "type": "LOC", "text": "Oslo"}]}'
    """
    mentions = [mention.to_dict() for mention in sentence.mentions]
    record: dict[str, object] = {"text": sentence.text, "mentions": mentions}
    if sentence.tokens is not None:
        record["tokens"] = [_filled(each._asdict()) for each in map(unmarked, sentence.tokens)]
    record |= _filled({"id": sentence.id, "group": sentence.group})
    return json.dumps(record, ensure_ascii=False)


def _filled(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value not in ("", None)}
