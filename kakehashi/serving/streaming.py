"""Lines in, answers out, over one request: a bounded window of texts is in memory at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from kakehashi.serving.results import Wanted
from kakehashi.serving.schemas import LINES, Limits, Line, Problem, parse
from kakehashi.serving.service import ServedModel

_WINDOW = 64  # texts that are tagged together at most
_AHEAD = 2  # windows that are read before their turn


class LineAnswers:
    """An ASGI response: an answer a line, in order, each as soon as it can be.

    A bad line is answered by ``{"error": …}``, with a problem's fields, and costs itself alone.
    What has come in is answered before more is waited for. A client who neither sends nor reads
    for `Limits.seconds` is cut.
    """

    def __init__(
        self, chunks: AsyncIterator[bytes], model: ServedModel, wanted: Wanted, limits: Limits
    ) -> None:
        self._chunks, self._model, self._wanted, self._limits = chunks, model, wanted, limits
        self._answers: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue(_AHEAD)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answers."""
        headers = [(b"content-type", LINES.encode()), (b"cache-control", b"no-store")]
        headers.append((b"kakehashi-offsets", self._wanted.unit.encode()))
        with suppress(ClientDisconnect, TimeoutError):
            reader = asyncio.create_task(self._read())
            try:
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                while (answer := await self._answers.get()) is not None:
                    content = await answer
                    async with asyncio.timeout(self._limits.seconds):
                        body = {"type": "http.response.body", "body": content}
                        await send({**body, "more_body": True})
                await reader
                await send({"type": "http.response.body", "body": b""})
            finally:
                reader.cancel()
                while not self._answers.empty():
                    if answer := self._answers.get_nowait():
                        answer.cancel()

    async def _read(self) -> None:
        try:
            async for lines in self._windows():
                await self._answers.put(asyncio.create_task(self._answer(lines)))
        finally:
            await self._answers.put(None)

    async def _windows(self) -> AsyncIterator[list[bytes]]:
        rest, is_too_long = b"", False
        async for chunk in self._chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            if is_too_long and lines:  # the first is the end of the one that was too long
                lines, is_too_long = lines[1:], False
            if len(rest) > self._limits.body:
                lines, rest = ([*lines, rest] if not is_too_long else lines), b""
                is_too_long = True
            for begin in range(0, len(lines), _WINDOW):
                yield lines[begin : begin + _WINDOW]
        if rest and not is_too_long:
            yield [rest]

    async def _answer(self, lines: Sequence[bytes]) -> bytes:
        read = [_read_line(line, self._limits) for line in lines if line and not line.isspace()]
        texts = [line.text for line in read if isinstance(line, Line)]
        sentences = iter(await self._model.batcher.tag_later(texts))
        return b"".join(
            _line(
                {"error": line.to_dict()}
                if isinstance(line, Problem)
                else self._wanted.result(next(sentences))
                | {"offsets": self._wanted.unit}
                | ({} if line.id is None else {"id": line.id})
            )
            for line in read
        )


def _read_line(line: bytes, limits: Limits) -> Line | Problem:
    try:
        if len(line) > limits.body:
            problem = f"the line is longer than {limits.body:,} bytes"
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, problem)
        read = parse(Line, line)
        check_text(read.text, limits, "/text")
    except Problem as problem:
        return problem
    return read


def check_text(text: str, limits: Limits, pointer: str) -> None:
    """Raise `Problem` if a text is longer than texts may be, or holds what no text does."""
    if len(text) > limits.characters:
        problem = f"expected at most {limits.characters:,} characters, got {len(text):,}; split it"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, problem, pointer=pointer)
    if "\0" in text:
        problem = "the text holds a NUL character"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, problem, pointer=pointer)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
