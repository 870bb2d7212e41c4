"""The program ``kakehashi``: verbs, and how errors leave it.

Exit status: 0 done, 2 something the user can mend, 1 our bug, 130 stopped by Ctrl-C, 143
by SIGTERM.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
from threading import Timer
from typing import Annotated

import typer

from kakehashi import __version__
from kakehashi.cli import corpus_verbs, experiment_verbs, predict_verbs, report_verbs, score_verbs
from kakehashi.cli.output import prepare_outputs
from kakehashi.errors import KakehashiError, system_problem

_SOON = 0.01

app = typer.Typer(
    name="kakehashi",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
predict_verbs.register(app)
predict_verbs.register_annotating(app)
corpus_verbs.register_corpora(app)
score_verbs.register(app)
corpus_verbs.register_homophones(app)
report_verbs.register(experiment_verbs.register(app))
corpus_verbs.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kakehashi {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; anywhere on the line.")
    ] = False,
) -> None:
    """Bootstrap a named-entity recognizer for a new language from one that already works.

    Results go to stdout, everything else to stderr. Exit status: 0 done, 2 something you can mend,
    1 a bug in kakehashi, 130 stopped by Ctrl-C, 143 by SIGTERM.
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
