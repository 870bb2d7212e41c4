"""The verbs that serve: a recognizer behind HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from kakehashi.cli import console, options
from kakehashi.cli.options import arg, opt, refuse
from kakehashi.errors import ConfigError

Precision = Literal["float32", "int8"]
_SHORTEST_TOKEN = 16  # characters
_LOCAL = ("127.0.0.1", "localhost", "::1")


def serve(
    models: list[str] = arg("Run or model folders, or NAME=FOLDER.", metavar="MODEL…"),
    host: str = opt("Address to listen at; 0.0.0.0 is all of this machine.", default="127.0.0.1"),
    port: int = opt("Port; 0 is any that is free.", default=8000, min=0, max=65535),
    token_file: Path | None = opt("File with a token that clients must send.", metavar="FILE"),
    allow_host: list[str] | None = opt(
        "Another name of this server; repeat the option for several.", metavar="NAME"
    ),
    precision: Precision | None = opt("float32 is as models are scored. Default: int8."),
    queue: int = opt("Texts that may wait; more are refused with 503.", default=256, min=1),
    max_body: int = opt("Bytes that a request may have.", default=1 << 20, min=1024),
    max_texts: int = opt("Texts that a request may have.", default=256, min=1),
    max_characters: int = opt("Characters that a text may have.", default=20_000, min=1),
    timeout: float = opt("Seconds that a request may take.", default=30.0, min=0.1),
    drain: float = opt("Seconds in which to finish after SIGTERM.", default=30.0, min=0),
    executor: options.Executor = opt("Serve here, or by Ray Serve.", default="local"),
    address: str | None = options.ADDRESS,
    replicas: int | None = opt("Most replicas of Ray Serve. Default: 1.", min=1),
) -> None:
    """Serve recognizers over HTTP, with a page to try them.

    The page is at /, what programs may ask at /openapi.json, metrics for Prometheus at /metrics.
    SIGTERM or Ctrl-C ends the server once it has answered what it accepted.

    Examples:
      kakehashi serve runs/massive-ja-seed1
      kakehashi serve en=runs/massive-en-seed1 ja=runs/massive-ja-seed1 --port 9000
      kakehashi serve runs/massive-ja-seed1 --host 0.0.0.0 --token-file token --allow-host ner.lan
      kakehashi serve runs/massive-ja-seed1 --executor ray --replicas 4
    """
    from kakehashi.extras import require

    for library in ("starlette", "uvicorn", "prometheus_client"):
        require(library, "serve")
    from kakehashi.serving.app import make_app
    from kakehashi.serving.guard import Access
    from kakehashi.serving.pages import EXTRACT_PAGES, open_pages
    from kakehashi.serving.schemas import Limits
    from kakehashi.serving.server import Server, address_of, listen
    from kakehashi.serving.service import Service, name_models

    if executor != "ray":
        ray_only = {"--replicas": replicas, "--address": address}
        refuse(ray_only, "needs --executor ray")
    progress = console.ProgressBars()
    token = None if token_file is None else read_token(token_file)
    limits = Limits(max_body, max_texts, max_characters, queue, timeout)
    access = Access(tuple(allow_host or ()), token, tuple(EXTRACT_PAGES))
    paths = name_models(models)
    listener = listen(host, port)
    if token is None and host not in _LOCAL:
        progress.warn(f"whoever reaches {host} may ask; --token-file makes them send a token")
    if executor == "ray":
        from kakehashi.serving.on_ray import serve_on_ray

        listener.close()  # it was free, and Ray opens it again
        place = (host, port)
        serve_on_ray(paths, limits, access, precision, place, address, replicas or 1, progress)
        return
    service = Service(paths, limits, precision)
    app = make_app(service, access, open_pages(EXTRACT_PAGES))
    url = address_of(listener)
    progress.say(f"loading {', '.join(paths)}")
    server = Server(
        service, app, listener, drain=drain, when_ready=lambda: progress.say(f"ready at {url}")
    )
    server.serve_until_told()


def read_token(path: Path) -> str:
    """Read a token; `ConfigError` if it is too short to be one, or has more than a line."""
    token = path.read_text(encoding="utf-8").strip()
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        problem = f"expected one line of at least {_SHORTEST_TOKEN} ASCII characters"
        advice = "make one: openssl rand -hex 16"
        raise ConfigError(str(path), f"{problem}; {advice}")
    return token
