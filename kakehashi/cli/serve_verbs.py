"""The verbs that serve: a recognizer behind HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from kakehashi.cli import console, options
from kakehashi.cli.options import arg, flag, opt, refuse, settings_of_text
from kakehashi.errors import ConfigError, CorpusError

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

    for library in ("starlette", "uvicorn", "httptools", "prometheus_client"):
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
    with listen(host, port) as listener:
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
        progress.say(f"loading {', '.join(paths)}")
        ready = f"ready at {address_of(listener)}"
        Server(
            service, app, listener, drain=drain, when_ready=lambda: progress.say(ready)
        ).serve_until_told()


def review(
    batch: Path = arg(
        "Sentences to review, as `kakehashi suggest` writes them, or any corpus file."
    ),
    model: str = opt("Run or model folder that suggests.", default=..., metavar="MODEL"),
    out: Path = opt("File for what has been reviewed (.jsonl).", default=..., metavar="FILE"),
    language: str | None = options.TEXT_LANGUAGE,
    config: Path | None = options.TEXT_CONFIG,
    format: str | None = opt("Format of the batch: jsonl, text, … Default: by its name."),
    annotator: str | None = opt("Who decides, unless the page says. Default: the user."),
    types: str | None = opt("More entity types, with commas, that the model does not know."),
    hidden: float = opt(
        "Share of sentences whose suggestions are hidden, to measure what they bias.",
        default=0.1,
        min=0,
        max=1,
    ),
    export: bool = flag("Write the files of a review, and serve nothing.", "--export"),
    host: str = opt(
        "Address to listen at; others than 127.0.0.1 need a token.", default="127.0.0.1"
    ),
    port: int = opt("Port; 0 is any that is free.", default=8000, min=0, max=65535),
    token_file: Path | None = opt("File with a token that clients must send.", metavar="FILE"),
    allow_host: list[str] | None = opt(
        "Another name of this server; repeat the option for several.", metavar="NAME"
    ),
) -> None:
    """Correct what a model suggests, on a page in the browser.

    The keyboard is enough. Each decision is in a database beside --out before it is acknowledged;
    the same command goes on with it. --out gets the reviewed sentences, to train on, when the
    server ends or the page asks, and NAME.decisions.jsonl everything: the machine's mentions, the
    reviewed ones, who, when.

    Examples:
      kakehashi review batch.jsonl --model runs/massive-ja-seed1 --out reviewed.jsonl
      kakehashi review batch.jsonl --model runs/massive-en-seed1 --language ja --out first.jsonl
    """
    import getpass

    from kakehashi.corpora.formats import guess_source, read_source
    from kakehashi.extras import require

    for library in ("starlette", "uvicorn", "httptools", "prometheus_client"):
        require(library, "serve")
    from kakehashi.files import lock
    from kakehashi.runtime.checked_folder import model_fingerprint
    from kakehashi.runtime.recognizer import Recognizer
    from kakehashi.serving.app import make_app
    from kakehashi.serving.guard import Access
    from kakehashi.serving.pages import REVIEW_PAGES, open_pages
    from kakehashi.serving.review import (
        Review,
        batch_sha256,
        check_batch,
        read_selections,
        store_path,
        suggest_mentions,
    )
    from kakehashi.serving.review_store import ReviewStore
    from kakehashi.serving.schemas import Limits
    from kakehashi.serving.server import Server, address_of, listen
    from kakehashi.serving.service import Service, name_models

    token = None if token_file is None else read_token(token_file)
    if token is None and host not in _LOCAL:
        raise ConfigError("--host", f"whoever reaches {host} could decide; add --token-file")
    of_text = settings_of_text(config, language)
    progress = console.ProgressBars()
    service = Service({}, Limits())
    try:
        sentences = list(read_source(guess_source(batch, format)))
    except CorpusError as error:
        if format is not None or batch.suffix != ".txt" or not batch.is_file():
            raise
        problem = "is not in columns, as .txt is read; if it has a sentence per line, add"
        raise ConfigError(str(batch), f"{problem} --format text") from error
    check_batch(sentences, str(batch), service.limits)
    ((name, folder),) = name_models([model]).items()
    path = store_path(out)
    with (
        lock(path.with_name(f".{path.name}.lock"), wait=False) as mine,
        listen(host, 0 if export else port) as listener,
    ):
        if not mine:
            raise ConfigError(str(path), "another process reviews into it; end that one first")
        store = ReviewStore(path, batch_sha256(sentences))
        progress.say(f"loading {name}")
        recognizer = Recognizer.load(folder)
        if of_text is not None:
            recognizer = recognizer.for_text(*of_text)
        if store.is_new:
            selections = read_selections(batch, len(sentences))
            suggested = suggest_mentions(sentences, recognizer, hidden, selections)
            uncut = sum(len(each.sentence.tokens or ()) == 1 for each in suggested)
            if 2 * uncut > len(sentences) and of_text is None:
                problem = f"{uncut:,} of {len(sentences):,} sentences are one token to the model"
                progress.warn(f"{problem}; name the language of the text with --language")
            store.fill(batch.name, suggested)
        known = recognizer.types
        own = [mention.type for sentence in sentences for mention in sentence.mentions]
        more = [each.strip() for each in (types or "").split(",") if each.strip()]
        every = list(dict.fromkeys([*known, *own, *more]))
        who = annotator or getpass.getuser()
        review = Review(store, service, every, len(known), out, who)
        if not export:
            service.add(name, model_fingerprint(folder), recognizer)
            access = Access(tuple(allow_host or ()), token, tuple(REVIEW_PAGES))
            app = make_app(service, access, open_pages(REVIEW_PAGES), review.routes())
            ready = f"ready at {address_of(listener)}review"
            Server(
                service, app, listener, when_ready=lambda: progress.say(ready)
            ).serve_until_told()
        summary = review.export()
        review.close()
    progress.say(json.dumps(summary, ensure_ascii=False))
    console.print_line(str(out))


def read_token(path: Path) -> str:
    """Read a token; `ConfigError` if it is too short to be one, or has more than a line."""
    token = path.read_text(encoding="utf-8").strip()
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        problem = f"expected one line of at least {_SHORTEST_TOKEN} ASCII characters"
        advice = "make one: openssl rand -hex 16"
        raise ConfigError(str(path), f"{problem}; {advice}")
    return token
