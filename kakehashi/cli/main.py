"""The program ``kakehashi``: verbs, and how errors leave it.

Exit status: 0 done, 2 something the user can mend, 1 our bug, 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kakehashi import __version__
from kakehashi.cli import (
    annotating,
    comparing,
    corpora,
    experiments,
    findings,
    homophones,
    models,
    surveys,
)
from kakehashi.errors import KakehashiError

app = typer.Typer(
    name="kakehashi",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
models.register(app)
annotating.register(app)
corpora.register(app)
comparing.register(app)
homophones.register(app)
findings.register(experiments.register(app))
surveys.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kakehashi {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Bootstrap a named-entity recognizer for a new language from one that already works."""


def main() -> None:
    """Run the program; every error of ours becomes one line on stderr."""
    try:
        app(standalone_mode=True)
    except KakehashiError as error:
        _fail(str(error), 2)
    except BrokenPipeError:
        # Whoever read our output has gone, e.g. head; nothing is wrong with us.
        sys.stdout = None
        raise SystemExit(0) from None
    except Exception as error:
        _fail(f"this is a bug in kakehashi: {type(error).__name__}: {error}; rerun with --debug", 1)


def _fail(message: str, status: int) -> None:
    if "--debug" in sys.argv:
        raise
    sys.stderr.write(f"error: {' '.join(message.splitlines())}\n")
    raise SystemExit(status) from None
