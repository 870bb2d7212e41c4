"""What stands before every route: whom the server answers, and what it counts of each request."""

from __future__ import annotations

import hmac
import json
import sys
import time
import traceback
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kakehashi.serving.schemas import PROBLEM, Problem
from kakehashi.serving.service import Service

_LOCAL = ("localhost", "127.0.0.1", "::1")
_OPEN = ("/healthz", "/readyz")  # for those who only watch whether it runs
_TAGGING = ("/v1/extract", "/v1/huggingface")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        hosts: Names that a request may call the server by, beside localhost and the address that
            it came to; ``*`` is any. Another name means that a page of somebody else's asks (DNS
            rebinding).
        token: What ``Authorization: Bearer`` must have; None: nothing.
        pages: Paths that need no token, since they show nothing.
    """

    hosts: Collection[str] = ()
    token: str | None = None
    pages: Collection[str] = ()

    def check(self, scope: Scope) -> None:
        """Raise `Problem` 421, 403 or 401 unless the sender of a request may ask."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        server = (scope.get("server") or ("", 0))[0]
        if "*" not in self.hosts and _name(host) not in (*_LOCAL, server, *self.hosts):
            problem = "the server has another name; it is given one with --allow-host"
            raise Problem(HTTPStatus.MISDIRECTED_REQUEST, problem, close=True)
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin.decode("latin-1")).netloc != host:
            raise Problem(HTTPStatus.FORBIDDEN, "pages of other servers may not ask", close=True)
        if self.token is None or scope["path"] in (*_OPEN, *self.pages):
            return
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        right = hmac.compare_digest(given.strip(), self.token.encode())
        if scheme.lower() != b"bearer" or not right:
            problem = "send the server's token: Authorization: Bearer TOKEN"
            headers_ = {"www-authenticate": "Bearer"}
            raise Problem(HTTPStatus.UNAUTHORIZED, problem, headers=headers_)


class Guard:
    """An ASGI application around another: checks access, counts, and turns errors into answers."""

    def __init__(
        self, app: ASGIApp, access: Access, service: Service, routes: Iterable[str]
    ) -> None:
        self._app, self._access, self._service = app, access, service
        self._metrics, self._routes = service.metrics, frozenset(routes)
        answer = problem_response(_full())
        head = b"".join(b"%s: %s\r\n" % each for each in (*answer.raw_headers, *_HEADERS))
        self._full = b"HTTP/1.1 503 Service Unavailable\r\n%s\r\n%s" % (head, answer.body)

    def refusal(self, scope: Scope) -> bytes | None:
        """Return the whole answer to a request that no model has room for; None to all others.

        A server that sends it itself refuses without a task, and with one write.
        """
        if scope["path"] not in _TAGGING or not self._service.is_full():
            return None
        try:
            self._access.check(scope)
        except Problem:
            return None
        self._metrics.requests.labels(scope["path"], "503").inc()
        self._metrics.seconds.labels(scope["path"]).observe(0)
        return self._full

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        try:
            self._access.check(scope)
            if scope["path"] in _TAGGING and self._service.is_full():
                raise _full()  # before anything is read, since refusing must be cheap
            await self._app(scope, receive, send_marked)
        except Problem as problem:
            await problem_response(problem)(scope, receive, send_marked)
        except Exception as error:
            _report(error)
            if not status:  # else the client has the beginning of another answer
                bug = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a bug in kakehashi")
                await problem_response(bug)(scope, receive, send_marked)
        finally:
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._metrics.requests.labels(route, str(status or "none")).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - begin)


def _full() -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many texts are waiting; try again later")


def problem_response(problem: Problem) -> Response:
    """Return the answer to a refused request."""
    content = json.dumps(problem.to_dict(), ensure_ascii=False).encode()
    headers = {**problem.headers, "cache-control": "no-store"}
    return Response(content, problem.status, headers, PROBLEM)


def _name(host: str) -> str:
    """Return the name that a Host header has, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "") if not set("/?#@ ") & set(host) else ""
    except ValueError:
        return ""


def _report(error: Exception) -> None:
    where = traceback.extract_tb(error.__traceback__)[-1]
    problem = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    line = f"error: this is a bug in kakehashi: {problem} ({where.name}, line {where.lineno})"
    sys.stderr.write(f"{line}\n")
