"""The application: routes over a `Service`, for any ASGI server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from kakehashi.errors import suggestion
from kakehashi.sentence import Sentence
from kakehashi.serving.guard import Access, Guard, problem_response
from kakehashi.serving.openapi import describe_routes
from kakehashi.serving.pages import Page
from kakehashi.serving.results import Wanted
from kakehashi.serving.schemas import (
    LINES,
    MEDIA_TYPE,
    ExtractRequest,
    HuggingFaceRequest,
    LineOptions,
    Problem,
    parse,
    refusal,
)
from kakehashi.serving.service import ServedModel, Service
from kakehashi.serving.streaming import LineAnswers, check_text

Endpoint = Callable[[Request], Awaitable[Response]]
_OVERHANG = 8  # times the largest body that is read off a client before the connection ends
_OVERHANG_SECONDS = 2.0


class Api:
    """The endpoints that answer programs."""

    def __init__(self, service: Service) -> None:
        self._service, self._limits = service, service.limits

    def routes(self) -> dict[tuple[str, str], Endpoint]:
        """Return the endpoints by path and method."""
        return {
            ("/v1/extract", "POST"): self.extract,
            ("/v1/huggingface", "POST"): self.huggingface,
            ("/v1/model", "GET"): self.model,
            ("/healthz", "GET"): self.health,
            ("/readyz", "GET"): self.ready,
            ("/metrics", "GET"): self.metrics,
            ("/openapi.json", "GET"): self.openapi,
        }

    async def extract(self, request: Request) -> Any:  # noqa: ANN401
        """Find the entities of texts, of a JSON object or a stream of lines."""
        if media_type(request) == LINES:
            return self._lines(request)
        asked = parse(ExtractRequest, await read_json_body(request, self._service))
        model, wanted = self._wanted(asked)
        sentences = await self._tag(request, model, asked.texts, "/texts/{}")
        results = list(map(wanted.result, sentences))
        answer = {"model": model.identity(), "offsets": asked.offsets, "results": results}
        return json_response(answer, asked.offsets)

    def _lines(self, request: Request) -> LineAnswers:
        self._service.check_ready()
        query: dict[str, object] = dict(request.query_params)
        if isinstance(query.get("types"), str):
            query["types"] = str(query["types"]).split(",")
        try:
            options = LineOptions.model_validate(query)
        except ValidationError as error:
            problem = refusal(error)
            raise Problem(problem.status, f"in the query: {problem.pointer}: {problem}") from None
        model, wanted = self._wanted(options)
        if model.batcher.is_full():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many texts are waiting", close=True)
        return LineAnswers(_chunks(request, self._limits.seconds), model, wanted, self._limits)

    async def huggingface(self, request: Request) -> Response:
        """Answer as Hugging Face's inference API does for token classification."""
        asked = parse(HuggingFaceRequest, await read_json_body(request, self._service))
        if asked.parameters.aggregation_strategy == "none":
            problem = "tags of single tokens are not served; choose simple"
            pointer = "/parameters/aggregation_strategy"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, problem, pointer=pointer)
        model = self._service.find(None)
        one = isinstance(asked.inputs, str)
        texts = [asked.inputs] if isinstance(asked.inputs, str) else asked.inputs
        sentences = await self._tag(request, model, texts, "/inputs" if one else "/inputs/{}")
        ignored = set(asked.parameters.ignore_labels)
        groups = [
            [
                {
                    "entity_group": mention.type,
                    "score": mention.probability,
                    "word": mention.text,
                    "start": mention.start,
                    "end": mention.end,
                }
                for mention in sentence.mentions
                if mention.type not in ignored
            ]
            for sentence in sentences
        ]
        return json_response(groups[0] if one else groups, "codepoint")

    async def model(self, request: Request) -> Response:
        """Describe the models and the limits."""
        self._service.check_ready()
        models = [model.describe() for model in self._service.models.values()]
        limits = {
            "body_bytes": self._limits.body,
            "texts": self._limits.texts,
            "characters": self._limits.characters,
            "queue_texts": self._limits.queue,
            "seconds": self._limits.seconds,
        }
        return json_response({"models": models, "limits": limits})

    async def health(self, request: Request) -> Response:
        """Answer as long as the process lives."""
        return json_response({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        """Answer 200 if requests are welcome."""
        self._service.check_ready()
        return json_response({"status": "ready"})

    async def metrics(self, request: Request) -> Response:
        """Return all metrics."""
        return Response(
            self._service.metrics.text(),
            media_type="text/plain; version=0.0.4; charset=utf-8",
            headers={"cache-control": "no-store"},
        )

    async def openapi(self, request: Request) -> Response:
        """Return the description of all routes."""
        return json_response(describe_routes(self._limits))

    def _wanted(self, options: ExtractRequest | LineOptions) -> tuple[ServedModel, Wanted]:
        model = self._service.find(options.model)
        for number, name in enumerate(options.types or ()):
            if name not in model.recognizer.types:
                advice = suggestion(name, model.recognizer.types)
                problem = f"the model knows no type {name[:60]!r}; {advice[:300]}"
                pointer = f"/types/{number}"
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, problem, pointer=pointer)
        types = None if options.types is None else frozenset(options.types)
        view = model.view if options.tokens else None
        return model, Wanted(options.offsets, types, options.min_probability, view)

    async def _tag(
        self, request: Request, model: ServedModel, texts: Sequence[str], pointer: str
    ) -> list[Sentence]:
        """Tag the texts of a request; none that nobody waits for any more."""
        if len(texts) > self._limits.texts:
            problem = f"expected at most {self._limits.texts} texts, got {len(texts):,}"
            where = pointer.removesuffix("/{}")
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, problem, pointer=where)
        for number, text in enumerate(texts):
            check_text(text, self._limits, pointer.format(number))
        answer = asyncio.ensure_future(model.batcher.tag(texts))
        gone = asyncio.ensure_future(request.receive())
        try:
            await asyncio.wait(
                {answer, gone},
                timeout=self._limits.seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answer.done():
                return answer.result()
            if gone.done():
                raise ClientDisconnect
            problem = f"no answer within {self._limits.seconds:g} s; send fewer or shorter texts"
            raise Problem(HTTPStatus.GATEWAY_TIMEOUT, problem)
        finally:
            answer.cancel()
            gone.cancel()


def make_app(
    service: Service,
    access: Access,
    pages: Collection[Page] = (),
    more: Mapping[tuple[str, str], Endpoint] = MappingProxyType({}),
) -> Guard:
    """Make the application.

    Args:
        service: What it serves.
        access: Who may ask.
        pages: What browsers get.
        more: Other endpoints by path and method.
    """
    calls = {**Api(service).routes(), **more}
    routes = [Route(path, call, methods=[method]) for (path, method), call in calls.items()]
    routes += [Route(page.path, page.serve, methods=["GET"]) for page in pages]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        service.close()

    handlers: Any = {
        HTTPException: _refuse,
        Problem: _answer_problem,
        ClientDisconnect: _answer_nobody,
    }
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    app.router.redirect_slashes = False
    return Guard(app, access, service, {route.path for route in routes})


def media_type(request: Request) -> str:
    """Return the content type of a request, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json_body(request: Request, service: Service) -> bytearray:
    """Read a body; `Problem` if it is no JSON by its header, too large, or does not come."""
    service.check_ready()
    if media_type(request) != MEDIA_TYPE:
        problem = f"expected Content-Type: {MEDIA_TYPE}; streams of lines have {LINES}"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, problem, close=True)
    most = service.limits.body
    body = bytearray()
    chunks = _chunks(request, service.limits.seconds)
    try:
        async with asyncio.timeout(service.limits.seconds):
            async for chunk in chunks:
                body += chunk
                if len(body) > most:
                    break
            else:
                return body
    except TimeoutError:
        problem = f"the body did not come within {service.limits.seconds:g} s"
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, problem, close=True) from None
    n_bytes = len(body)
    try:  # A client who is still sending when the connection ends may not see the answer.
        async with asyncio.timeout(_OVERHANG_SECONDS):
            async for chunk in chunks:
                n_bytes += len(chunk)
                if n_bytes > _OVERHANG * most:
                    break
    except TimeoutError:
        pass
    problem = f"the body has more than {most:,} bytes; send fewer texts, or a stream of lines"
    raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, problem, close=True)


async def _chunks(request: Request, seconds: float) -> AsyncIterator[bytes]:
    """Yield the body as it comes; `TimeoutError` if nothing does for so long."""
    stream = request.stream()
    while True:
        async with asyncio.timeout(seconds):
            chunk = await anext(stream, None)
        if chunk is None:
            return
        yield chunk


def json_response(value: object, unit: str | None = None) -> Response:
    """Return an answer of JSON; the unit of its offsets is in a header, too."""
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"cache-control": "no-store"} | ({} if unit is None else {"kakehashi-offsets": unit})
    return Response(content, 200, headers, MEDIA_TYPE)


async def _refuse(request: Request, error: HTTPException) -> Response:
    details = {404: "there is no such path; see /openapi.json", 405: "the path has other methods"}
    detail = details.get(error.status_code, str(error.detail))
    return problem_response(
        Problem(error.status_code, detail, headers=dict(error.headers or {}), close=True)
    )


async def _answer_problem(request: Request, problem: Problem) -> Response:
    return problem_response(problem)


async def _answer_nobody(request: Request, _: ClientDisconnect) -> Response:
    return Response(status_code=499)
