"""Reviewing over HTTP: what the page asks for, and the files that come of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from kakehashi.corpora.checks import find_problem
from kakehashi.corpora.jsonl import line_from_sentence
from kakehashi.errors import ConfigError
from kakehashi.files import write_atomically
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.sentence import Mention, Sentence
from kakehashi.serving.app import Endpoint, json_response, read_json_body
from kakehashi.serving.offsets import from_utf16, to_unit
from kakehashi.serving.review_store import (
    STATES,
    ConflictError,
    Decision,
    Reviewed,
    ReviewStore,
    State,
    Suggestion,
    Undone,
    agreement,
)
from kakehashi.serving.schemas import MEDIA_TYPE, Limits, Problem, parse
from kakehashi.serving.service import Service

_MOST_DECISIONS = 2000  # of one request
_MOST_SENTENCES = 20_000  # that a page holds
_HEADERS = {"cache-control": "no-store", "kakehashi-offsets": "utf16"}
_Answer = TypeVar("_Answer")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Range(_Body):
    start: int  # in UTF-16 units, as browsers count
    end: int
    type: str


class _Decision(_Body):
    number: int
    version: int
    state: State
    mentions: list[_Range] = Field(max_length=1000)


class _Act(_Body):
    who: str = Field(min_length=1, max_length=60)
    act: str = Field(
        default_factory=lambda: uuid4().hex, min_length=1, max_length=60,
        description="A new name for it; sent again under it, it is done once.",
    )  # fmt: skip


class _Decisions(_Act):
    decisions: list[_Decision] = Field(min_length=1, max_length=_MOST_DECISIONS)


@dataclass
class Review:
    """A batch under review: the endpoints of its page, and its files.

    Args:
        store: Used in one thread, one call at a time.
        types: That mentions may have, those that the model knows first.
        n_known: How many of them the model knows.
        out: The file of reviewed sentences; all decisions go to ``NAME.decisions.jsonl`` beside it.
        annotator: Who decides, unless the page says otherwise.
    """

    store: ReviewStore
    service: Service
    types: Sequence[str]
    n_known: int
    out: Path
    annotator: str
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "store"))
    _records: dict[int, str] = field(init=False)  # what the page gets of each sentence, as JSON
    _frequent: list[str] = field(init=False)

    def __post_init__(self) -> None:
        sentences = self.store.sentences()
        self._records = {each.number: _record(each) for each in sentences}
        counts = Counter(mention.type for each in sentences for mention in each.machine)
        self._frequent = [name for name, _ in counts.most_common() if name in self.types]

    def routes(self) -> dict[tuple[str, str], Endpoint]:
        """Return the endpoints by path and method."""
        return {
            ("/v1/review", "GET"): self.overview,
            ("/v1/review/decisions", "POST"): self.decide,
            ("/v1/review/undo", "POST"): self.undo,
            ("/v1/review/export", "POST"): self.write,
        }

    async def overview(self, request: Request) -> Response:
        """Return all sentences, types, and how far the review is."""
        return self._answer(
            list(self._records),
            batch=self.out.name,
            annotator=self.annotator,
            types=self.types,
            known=self.n_known,
            frequent=self._frequent,
        )

    async def decide(self, request: Request) -> Response:
        """Store decisions, all or none; 409 with the sentences as they stand if they changed."""
        asked = parse(_Decisions, await read_json_body(request, self.service))
        numbers = [each.number for each in asked.decisions]
        if len(set(numbers)) < len(numbers):
            raise _unfit("a sentence can be decided once in a request", "/decisions")
        stored = {s.number: s for s in await self._call(self.store.sentences, numbers)}
        decisions = []
        for place, each in enumerate(asked.decisions):
            pointer = f"/decisions/{place}"
            if each.number not in stored:
                raise _unfit(f"there is no sentence {each.number}", f"{pointer}/number")
            decisions.append(self._read(each, stored[each.number].sentence, pointer))

        def store() -> None:
            self.store.decide(decisions, asked.who.strip() or self.annotator, asked.act)
            self._refresh(numbers)

        try:
            await self._call(store)
        except ConflictError as conflict:
            return self._answer(conflict.numbers, HTTPStatus.CONFLICT)
        return self._answer(numbers)

    async def undo(self, request: Request) -> Response:
        """Take back the last act of an annotator, from the history: a reload does not matter."""
        asked = parse(_Act, await read_json_body(request, self.service))

        def store() -> Undone:
            undone = self.store.undo(asked.who.strip() or self.annotator, asked.act)
            self._refresh(undone.numbers)
            return undone

        undone = await self._call(store)
        return self._answer(undone.numbers, kept=undone.n_kept)

    async def write(self, request: Request) -> Response:
        """Write the files."""
        await read_json_body(request, self.service)
        return json_response(await self._call(self.export))

    def export(self) -> dict[str, Any]:
        """Write both files, and return how far the review is, and how the machine did."""
        sentences = self.store.sentences()
        done = (_reviewed_line(each) for each in sentences if each.state == "reviewed")
        write_atomically(self.out, done)
        decided = (_decision_line(each) for each in sentences if each.version > 1)
        write_atomically(decisions_path(self.out), decided)
        counts = Counter(each.state for each in sentences)
        return {
            "states": {state: counts[state] for state in STATES},
            "agreement": agreement(sentences),
            "out": self.out.name,
        }

    def close(self) -> None:
        """Wait for what is being stored, and close the store."""
        self._thread.shutdown()
        self.store.close()

    async def _call(self, function: Callable[..., _Answer], *arguments: object) -> _Answer:
        """Use the store in its thread; what is being stored is finished even if nobody waits."""
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.shield(
                loop.run_in_executor(self._thread, partial(function, *arguments))
            )
        except (sqlite3.OperationalError, OSError) as error:
            problem = f"nothing was stored ({error}); make room on the disk, then decide again"
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, problem) from None

    def _refresh(self, numbers: Sequence[int]) -> None:
        for each in self.store.sentences(numbers):
            self._records[each.number] = _record(each)

    def _answer(self, numbers: Sequence[int], status: int = 200, **fields: object) -> Response:
        """Return sentences as they stand, and other fields."""
        others = json.dumps({"offsets": "utf16", **fields}, ensure_ascii=False)
        sentences = ",".join(self._records[number] for number in numbers)
        content = f'{others[:-1]},"sentences":[{sentences}]}}'.encode()
        return Response(content, status, _HEADERS, MEDIA_TYPE)

    def _read(self, each: _Decision, sentence: Sentence, pointer: str) -> Decision:
        mentions = []
        for place, mention in enumerate(each.mentions):
            where = f"{pointer}/mentions/{place}"
            if mention.type not in self.types:
                raise _unfit(f"there is no type {mention.type[:60]!r}", f"{where}/type")
            try:
                start, end = (from_utf16(sentence.text, o) for o in (mention.start, mention.end))
            except ValueError as error:
                raise _unfit(str(error), where) from None
            mentions.append(Mention(start, end, mention.type, sentence.text[start:end]))
        found = tuple(sorted(mentions))
        if problem := find_problem(Sentence(sentence.text, found)):
            raise _unfit(problem, f"{pointer}/mentions")
        return Decision(each.number, each.version, each.state, found)


def decisions_path(out: Path) -> Path:
    """Return the file of all decisions beside the file of reviewed sentences."""
    return out.with_name(f"{out.stem}.decisions.jsonl")


def store_path(out: Path) -> Path:
    """Return the database beside the file of reviewed sentences."""
    return out.with_name(f"{out.stem}.sqlite")


def check_batch(batch: Sequence[Sentence], name: str, limits: Limits) -> None:
    """Raise `ConfigError` if a page cannot hold so many sentences, or a text is too long for it."""
    if len(batch) > _MOST_SENTENCES:
        raise ConfigError(name, f"has more than {_MOST_SENTENCES:,} sentences; review it in parts")
    for number, sentence in enumerate(batch, 1):
        if len(sentence.text) > limits.characters:
            problem = f"sentence {number} has {len(sentence.text):,} characters; split it, at most"
            raise ConfigError(name, f"{problem} {limits.characters:,} can be reviewed")


def read_selections(path: Path, n_sentences: int) -> list[object]:
    """Read why each sentence of a batch of `kakehashi suggest` was chosen; None in other files."""
    try:
        with path.open("rb") as file:
            found = [json.loads(line).get("selection") for line in file if not line.isspace()]
    except (AttributeError, OSError, ValueError):
        found = []
    return found if len(found) == n_sentences else [None] * n_sentences


def suggest_mentions(
    batch: Sequence[Sentence], recognizer: Recognizer, hidden: float, selections: Sequence[object]
) -> list[Suggestion]:
    """Find the mentions of a batch, where it has none of its own, and the tokens.

    A random share of the sentences, always the same ones, has its suggestions ``hidden``.
    """
    draw = random.Random(batch_sha256(batch))
    found = recognizer.annotate(batch)
    pairs = zip(batch, found, strict=True)
    tagged = (replace(own, mentions=given.mentions or own.mentions) for given, own in pairs)
    return [
        Suggestion(sentence, draw.random() < hidden, selection)
        for sentence, selection in zip(tagged, selections, strict=True)
    ]


def batch_sha256(batch: Sequence[Sentence]) -> str:
    """Hash the texts of a batch."""
    texts = json.dumps([sentence.text for sentence in batch])
    return hashlib.sha256(texts.encode()).hexdigest()


def _unfit(problem: str, pointer: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, problem, pointer=pointer)


def _record(each: Reviewed) -> str:
    """Return what the page gets, as JSON; the machine's mentions only where they are suggested."""
    offset = to_unit(each.sentence.text, "utf16")
    is_open = each.state in ("unseen", "predicted")
    shown = {m[:3]: m.probability for m in each.machine} if not (each.hidden and is_open) else {}
    record = {
        "number": each.number,
        "id": each.sentence.id,
        "text": each.sentence.text,
        "tokens": [(offset(t.start), offset(t.end)) for t in each.sentence.tokens or ()],
        "mentions": [
            {
                "start": offset(m.start),
                "end": offset(m.end),
                "type": m.type,
                "probability": shown.get(m[:3]),
            }
            for m in each.sentence.mentions
        ],
        "state": each.state,
        "hidden": each.hidden,
        "version": each.version,
        "who": each.who,
        "at": each.at,
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _reviewed_line(each: Reviewed) -> str:
    """Return a line to train on: the reviewed mentions alone, and why the sentence was chosen."""
    mentions = tuple(mention._replace(probability=None) for mention in each.sentence.mentions)
    line = line_from_sentence(replace(each.sentence, mentions=mentions, tokens=None))
    if each.selection is not None:
        record = {**json.loads(line), "selection": each.selection}
        line = json.dumps(record, ensure_ascii=False)
    return f"{line}\n"


def _decision_line(each: Reviewed) -> str:
    def ranges(mentions: Sequence[Mention]) -> list[dict[str, object]]:
        return [m.to_dict() for m in mentions]

    record = {
        "number": each.number,
        "id": each.sentence.id,
        "text": each.sentence.text,
        "state": each.state,
        "mentions": ranges(each.sentence.mentions),
        "machine": ranges(each.machine),
        "hidden": each.hidden,
        "who": each.who,
        "at": each.at,
        "version": each.version,
        "selection": each.selection,
    }
    return json.dumps(record, ensure_ascii=False) + "\n"
