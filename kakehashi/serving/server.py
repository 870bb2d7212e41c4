"""A `Service` on a port: uvicorn, with slow clients cut, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from kakehashi.errors import ConfigError
from kakehashi.serving.guard import Guard
from kakehashi.serving.service import Service

_LINGER = 0.5  # seconds in which clients learn that the server is about to end
_SWITCH = 0.001  # seconds after which a thread that tags lets the server's have its turn
_LAST = 0.05  # seconds in which those who wait to be accepted are
_LONGEST_HEAD = 1 << 16  # bytes
_BACKLOG = 2048  # connections that wait to be accepted


class _Connection(HttpToolsProtocol):
    """Cut if the head of a request is too long, or too long in coming; refuses at little cost."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401
        head_seconds: float,
        refusal: Callable[[Any], bytes | None],
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **options)
        self._head_seconds, self._refusal = head_seconds, refusal
        self._n_head, self._is_in_body = 0, False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        if not self._is_in_body:
            self._n_head += len(data)
        super().data_received(data)
        self._watch()

    def on_headers_complete(self) -> None:
        self._n_head, self._is_in_body = 0, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_in_body = False
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401
        answer = self._refusal(cycle.scope) if cycle.keep_alive else None
        if answer is None:
            super()._start_asgi_task(cycle, app)
        else:
            cycle.response_started = cycle.response_complete = True
            self.transport.write(answer)
            self.on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self.cycle is not None:  # a request may be on its way over a new connection
            super().shutdown()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget()
        elif self._n_head > _LONGEST_HEAD:
            self.transport.close()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self._head_seconds, self.transport.close)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """Ends in order: told to, it refuses what is new, finishes what it has, and stops.

    Args:
        service: Loaded while the server already answers ``/readyz`` with 503.
        app: Of `kakehashi.serving.app.make_app`.
        listener: An open socket.
        drain: Seconds that what is at work may take to end.
        when_ready: Called once the models are loaded.
    """

    def __init__(
        self,
        service: Service,
        app: Guard,
        listener: socket.socket,
        *,
        drain: float = 30.0,
        when_ready: Callable[[], None] = lambda: None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=partial(  # type: ignore[arg-type]
                _Connection, head_seconds=service.limits.seconds, refusal=app.refusal
            ),
            ws="none",
            proxy_headers=False,
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._service, self._listener, self._drain = service, listener, drain
        self._when_ready = when_ready
        self._ends = 0.0  # when linger and drain are over, at the earliest and at the latest
        self._error: Exception | None = None

    def serve_until_told(self) -> None:
        """Serve until SIGTERM or Ctrl-C, twice for at once; raises what loading raises."""
        sys.setswitchinterval(_SWITCH)
        threading.Thread(target=self._load, daemon=True).start()
        self.run([self._listener])
        if self._error is not None:
            raise self._error

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; the second time, end."""
        if self._service.state == "draining" and sig == signal.SIGINT:
            self.should_exit = self.force_exit = True
        if self._service.state != "draining":
            self._service.state = "draining"
            self._ends = time.monotonic()

    async def on_tick(self, counter: int) -> bool:
        """Say whether to stop, ten times a second."""
        if await super().on_tick(counter) or self._error is not None:
            return True
        if self._service.state != "draining":
            return False
        waited = time.monotonic() - self._ends
        return waited > self._drain or (waited > _LINGER and not self.server_state.tasks)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept those who are in the queue, and nobody behind them; then end."""
        self._listener.listen(0)
        await asyncio.sleep(_LAST)
        await super().shutdown(sockets)

    def _load(self) -> None:
        try:
            self._service.load()
        except Exception as error:
            self._error = error
        else:
            self._when_ready()


def listen(host: str, port: int) -> socket.socket:
    """Open a socket to listen at; `ConfigError` if the address cannot be had."""
    with ExitStack() as undo:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, *_, address = found[0]
            # Of this protocol by name, or asyncio lets packets wait for each other (TCP_NODELAY).
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            undo.callback(listener.close)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError as error:
            problem = f"cannot be listened at ({error.strerror or error})"
            advice = "choose another --host or --port, or end what listens there"
            raise ConfigError(f"{host}:{port}", f"{problem}; {advice}") from None
        undo.pop_all()
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the URL of a socket that listens."""
    host, port = listener.getsockname()[:2]
    place: Any = f"[{host}]" if ":" in host else host
    return f"http://{place}:{port}/"
