"""The program ``kakehashi``: verbs, and how errors leave it.

Exit status: 0 done, 2 something the user can mend, 1 our bug, 130 stopped by Ctrl-C, 143
by SIGTERM.
"""

from __future__ import annotations

import _thread
import os
import re
import signal
import sys
from threading import Timer
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kakehashi import __version__
from kakehashi.cli import corpus_verbs as corpora
from kakehashi.cli import experiment_verbs as grids
from kakehashi.cli import model_verbs as models
from kakehashi.cli import score_verbs as scores
from kakehashi.cli.output import prepare_outputs
from kakehashi.errors import KakehashiError, system_problem

_SOON = 0.01
_RENAMED = {
    "annotate": "predict",
    "convert": "corpus convert",
    "corpora": "corpus stats",
    "distribution": "corpus types",
    "experiment explain": "experiment diff",
    "generate": "corpus generate",
    "homophones": "corpus homophones",
    "inspect": "corpus stats",
    "score": "evaluate",
}
"""Verbs that had another name before version 0.2, which drops the old ones."""


class _Verbs(TyperGroup):
    """Verbs, also under the names that they had before."""

    # Typer exports only a subtype of the context that the method takes.
    def resolve_command(  # type: ignore[override]
        self, ctx: typer.Context, args: list[str]
    ) -> tuple[str | None, Any, list[str]]:
        name, *rest = args
        family = "" if self.name == app.info.name else f"{self.name} "
        new = _RENAMED.get(f"{family}{name}")
        if new is not None:
            sys.stderr.write(
                f"note: `kakehashi {family}{name}` is now `kakehashi {new}`; version 0.2 drops the"
                " old name\n"
            )
            if name == "corpora":  # its --format was that of the table
                rest = [re.sub("^--format(?==|$)", "--as", argument) for argument in rest]
            if name == "annotate":  # its last argument was the folder
                rest.insert(0, "--annotate")
            args = [*new.removeprefix(family).split(), *rest]
        return super().resolve_command(ctx, args)


def _group(name: str, help: str | None = None) -> typer.Typer:
    return typer.Typer(
        name=name,
        help=help,
        cls=_Verbs,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = _group("kakehashi")
corpus = _group("corpus", "Corpora: count, compare, convert and generate them.")
experiment = _group("experiment", "Grids of runs: plan, run and report them.")
for _family, _verbs in (
    (
        app,
        (
            models.train,
            models.predict,
            scores.evaluate,
            scores.compare,
            models.demo,
            models.settings,
        ),
    ),
    (
        corpus,
        (
            corpora.stats,
            corpora.types,
            corpora.overlap,
            corpora.homophones,
            corpora.convert,
            corpora.generate,
        ),
    ),
    (
        experiment,
        (grids.plan, grids.run, grids.status, grids.table, grids.figure, grids.page, grids.diff),
    ),
):
    for _verb in _verbs:
        _family.command()(_verb)
app.add_typer(corpus)
app.add_typer(experiment)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kakehashi {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere on the line.")
    ] = False,
) -> None:
    """Bootstrap a named-entity recognizer for a new language from one that already works.

    Results go to stdout, everything else to stderr. Exit status: 0 done, 2 an error that you can
    fix, 1 a bug in kakehashi, 130 stopped by Ctrl-C, 143 by SIGTERM.
    """


def main() -> None:
    """Run the program; every error of ours becomes one line on stderr."""
    debug = _take_debug(sys.argv)
    prepare_outputs()
    stopped = _on_signals()
    try:
        try:
            app(standalone_mode=True)
        finally:
            sys.stdout.flush()
            for number in (signal.SIGINT, signal.SIGTERM):
                if callable(signal.getsignal(number)):  # nothing is left that could be saved
                    signal.signal(number, signal.SIG_DFL)
    except SystemExit:
        if stopped:
            raise SystemExit(128 + stopped[0]) from None
        raise
    except Exception as error:
        if debug:
            raise
        message, status = _described(error)
        sys.stderr.write(f"error: {' '.join(message.splitlines())}\n")
        raise SystemExit(status) from None


def _take_debug(arguments: list[str]) -> bool:
    """Take ``--debug`` from wherever it stands on the command line."""
    wanted = "--debug" in arguments
    if wanted:
        arguments.remove("--debug")
    return wanted


class _Stopped(KeyboardInterrupt):
    """A signal asks us to stop.

    Were it KeyboardInterrupt itself, and raised where Python runs the text of a program, as modules
    do while they are loaded, the process would end by SIGINT whatever exit status we give.
    """


def _on_signals() -> list[int]:
    """Stop at SIGTERM as at Ctrl-C; the list that is returned then has the signal in it.

    Python drops what is raised while it cleans up behind an object, so it is raised again then.
    Processes that torchrun has started are ended all at once, and wait for nobody.
    """
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        received.append(number)
        raise _Stopped

    def raise_again(dropped: sys.UnraisableHookArgs) -> None:
        if issubclass(dropped.exc_type, _Stopped):  # if raised from here, it would be dropped again
            Timer(_SOON, _thread.interrupt_main, received[:1]).start()
        else:
            sys.__unraisablehook__(dropped)

    if "WORLD_SIZE" not in os.environ:
        sys.unraisablehook = raise_again
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, stop)
    return received


def _described(error: Exception) -> tuple[str, int]:
    """Describe an error in one line, and tell its exit status."""
    if isinstance(error, KakehashiError):
        return str(error), 2
    if isinstance(error, OSError):
        return system_problem(error), 2
    return f"this is a bug in kakehashi: {type(error).__name__}: {error}; rerun with --debug", 1
