"""The program ``kakehashi``: its verbs, and the names that they had before."""

from __future__ import annotations

import re
import sys
from inspect import cleandoc
from typing import Any

import typer
from typer.core import TyperGroup

from kakehashi import __version__
from kakehashi.cli import corpus_verbs as corpora
from kakehashi.cli import experiment_verbs as grids
from kakehashi.cli import exports, model_info
from kakehashi.cli import model_verbs as models
from kakehashi.cli import score_verbs as scores
from kakehashi.cli import serve_verbs as serving
from kakehashi.cli import teach_verbs as teaching
from kakehashi.cli import vector_verbs as vectors
from kakehashi.cli.calibrate_verb import calibrate
from kakehashi.cli.console import print_warnings
from kakehashi.cli.fetch_verb import fetch
from kakehashi.cli.languages_verb import languages
from kakehashi.cli.options import flag, with_groups
from kakehashi.cli.process import run_program
from kakehashi.cli.progress_verb import progress
from kakehashi.cli.romanization_verb import romanization
from kakehashi.cli.suggest_verb import suggest
from kakehashi.errors import ConfigError, suggestion

_RENAMED = {
    "annotate": "predict --annotate",
    "convert": "corpus convert",
    "corpora": "corpus stats",
    "distribution": "corpus types",
    "experiment explain": "experiment diff",
    "generate": "corpus generate",
    "homophones": "corpus homophones",
    "inspect": "corpus stats",
    "score": "evaluate",
}
"""Verbs of version 0.1 under their old names, which go in version 0.2."""

# Of every mistake in a command line. Click's own, or that of typer's copy of it.
_UsageError: Any = typer.BadParameter.__base__


class _Verbs(TyperGroup):
    """A family of verbs, which answer to their old names too."""

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """Run a command line; a mistake in it is a `ConfigError`, and so one line."""
        try:
            status = super().main(*args, **(options | {"standalone_mode": False}))
        except _UsageError as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                typer.echo(error.format_message(), err=True)
                raise SystemExit(error.exit_code) from None
            line = error.ctx.command_path if error.ctx else "kakehashi"
            problem = " ".join(error.format_message().split()).rstrip(".")
            raise ConfigError("", f"{problem}; see `{line} --help`") from None
        raise SystemExit(status)

    # Typer has no public name for the context that the method takes, only for a subclass.
    def resolve_command(  # type: ignore[override]
        self, ctx: typer.Context, args: list[str]
    ) -> tuple[str | None, Any, list[str]]:
        name, *rest = args
        family = "" if self.name == "kakehashi" else f"{self.name} "
        new = _RENAMED.get(f"{family}{name}")
        if new is not None:
            now = new.removesuffix(" --annotate")
            sys.stderr.write(
                f"note: `kakehashi {family}{name}` is now `kakehashi {now}`; the old name will be"
                " removed in version 0.2\n"
            )
            if name == "corpora":  # its --format was that of the table
                rest = [re.sub("^--format(?==|$)", "--as", argument) for argument in rest]
            args = [*new.removeprefix(family).split(), *rest]
        elif name not in self.commands:
            raise ConfigError(f"{family}{name}", f"there is no such verb; {self._hint(name)}")
        return super().resolve_command(ctx, args)

    def _hint(self, name: str) -> str:
        for family, group in self.commands.items():
            if name in getattr(group, "commands", ()):
                return f"did you mean '{family} {name}'?"
        return suggestion(name, self.commands)


class _Program(_Verbs):
    """The program, whose help lists its verbs by job on one screen of a terminal."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the usage, a line per verb, and the options."""
        formatter.write(f"Usage: {ctx.command_path} VERB …: {_HELP}\n")
        for job, verbs in _JOBS.items():
            heading = typer.style(f"{job:9}", bold=True)
            for name, does in map(_named, verbs):
                formatter.write(f"{heading}{name:12}{does}\n")
                heading = " " * 9
        formatter.write(_OPTIONS)


def _named(verb: Any) -> tuple[str, str]:  # noqa: ANN401
    """Return the name of a verb or family, and the first sentence of its help."""
    family = isinstance(verb, typer.Typer)
    name, about = (verb.info.name, verb.info.help) if family else (verb.__name__, verb.__doc__)
    return name, cleandoc(about).partition("\n\n")[0].replace("\n", " ")


def _family(name: str, help: str, *verbs: Any) -> typer.Typer:  # noqa: ANN401
    group = typer.Typer(
        name=name,
        help=_unwrapped(help),
        cls=_Verbs if verbs else _Program,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for verb in verbs:
        group.command(help=_unwrapped(verb.__doc__))(with_groups(verb))
    return group


def _unwrapped(text: str) -> str:
    """Join the lines of paragraphs, which the terminal wraps again, but not those of examples."""
    about, *examples = re.split("(?m)^(?=Examples?:)", cleandoc(text))
    return re.sub(r"(?<!\n)\n(?!\n)", " ", about) + "".join(f"\b\n{each}" for each in examples)


_HELP = "bootstrap an entity recognizer for a new language."
_OPTIONS = "VERB --help, --version, --debug. Exit: 0 done, 2 yours to fix, 1 a bug.\n"
_CORPUS = _family(
    "corpus",
    "Count, compare, check, convert and generate corpora.",
    *(*corpora.VERBS, languages, romanization, teaching.encode),
)
_EXPERIMENT = _family("experiment", "Plan, run and report grids of runs.", *grids.VERBS)
_JOBS: dict[str, tuple[Any, ...]] = {
    "data": (fetch, _CORPUS, vectors.align),
    "train": (models.train, teaching.teach, teaching.distill, models.settings, models.demo),
    "use": (
        models.predict,
        exports.export,
        exports.push,
        serving.serve,
        _family("model", "Describe trained models.", model_info.info),
    ),
    "improve": (
        scores.evaluate,
        scores.errors,
        calibrate,
        suggest,
        serving.review,
        progress,
        teaching.label,
    ),
    "study": (scores.compare, _EXPERIMENT),
}
"""All verbs and families by what one wants to do, in the order of `kakehashi --help`."""

app = _family("kakehashi", _HELP)
for _verb in (verb for verbs in _JOBS.values() for verb in verbs):
    if isinstance(_verb, typer.Typer):
        app.add_typer(_verb)
    else:
        app.command(help=_unwrapped(_verb.__doc__))(with_groups(_verb))
# The screen of the help is full; who looks for it by this name finds it all the same.
app.command(hidden=True, help=_unwrapped(languages.__doc__ or ""))(languages)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kakehashi {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = flag("Print the version.", "--version", callback=_print_version, is_eager=True),
    debug: bool = flag("Show tracebacks; may stand anywhere.", "--debug"),
) -> None:
    """Options of the program itself."""
    print_warnings()


def main() -> None:
    """Run the program."""
    run_program(app)
