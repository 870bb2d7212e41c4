"""The options that several verbs share, each defined once.

Choices are repeated here as literals because the modules that define them load pydantic or numpy,
which ``--help`` must not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_origin

import typer

from kakehashi.errors import ConfigError

if TYPE_CHECKING:
    from kakehashi.config.sources import Source


def opt(help: str, *names: str, **settings: Any) -> Any:  # noqa: ANN401
    """Return a Typer option with a help text."""
    return typer.Option(*names, help=help, **settings)


def arg(help: str, **settings: Any) -> Any:  # noqa: ANN401
    """Return a Typer argument with a help text."""
    return typer.Argument(help=help, **settings)


Executor = Literal["local", "ray"]
Tracker = StrEnum("Tracker", ["tensorboard", "mlflow"])  # Typer takes no list of literals
TableFormat = Literal["terminal", "markdown", "latex", "csv", "html"]

Json = Annotated[bool, opt("Print the report as JSON.", "--json")]
Force = Annotated[bool, opt("Replace an existing file.", "--force")]
MappingFile = Annotated[str | None, opt("Entity type mapping, e.g. irex-to-conll, or a file.")]
Segmenter = Annotated[str | None, opt("Segmenter: unidic-lite, ipadic, sudachi, words, …")]
LikeColumns = Annotated[str | None, opt("As --columns, for this file. Default: the same.")]
ExecutorChoice = Annotated[Executor, opt("Run in processes of this machine, or on Ray.")]
Address = Annotated[
    str | None, opt("Ray cluster: HOST:PORT or auto. Default: one started for this command.")
]
Track = Annotated[
    list[Tracker] | None, opt("Report training to TensorBoard or MLflow; may be repeated.")
]
TRIALS = 10_000
Trials = Annotated[int, opt("Number of permutations of each test.", min=1)]
TestSeed = Annotated[int, opt("Random seed of the permutation tests.", "--seed", min=0)]
_AS = "Format of the tables. Default: by the name of --out, or terminal."
As = Annotated[TableFormat | None, opt(_AS, "--as")]
AsOrFormat = Annotated[TableFormat | None, opt(_AS, "--as", "--format")]
Out = Annotated[Path | None, opt("File to write. Default: standard output.")]


def refuse(given: Mapping[str, object], problem: str) -> None:
    """Raise a ConfigError for the first option that was given."""
    for option, value in given.items():
        if value:
            raise ConfigError(option, problem)


@dataclass(frozen=True)
class ColumnOptions:
    """How text is decoded and cut into columns: options of every verb that reads files."""

    columns: Annotated[str | None, opt("Columns, e.g. token,reading,pos,tag; _ skips one.")] = None
    separator: Annotated[str | None, opt("Of columns: space, tab, whitespace, or itself.")] = None
    encoding: Annotated[str | None, opt("Encoding of the input. Default: utf-8.")] = None
    no_spaces: Annotated[bool, opt("Join tokens without spaces (Japanese).", "--no-spaces")] = False

    def of_columns(self) -> dict[str, object]:
        """Return the settings of columns that were given."""
        columns = None if self.columns is None else self.columns.split(",")
        spaces = False if self.no_spaces else None
        given = {"columns": columns, "separator": self.separator, "spaces": spaces}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Reading(ColumnOptions):
    """How corpus files are read: the options of every verb that reads them in any format."""

    format: Annotated[str | None, opt("Format of the input. Default: by its name.")] = None
    types: Annotated[
        str | None, opt("Elements of inline tags that are entities, with commas. Default: all.")
    ] = None
    set: Annotated[
        list[str] | None,
        opt(
            "Another setting of the input's format (kakehashi settings), e.g. header_lines=1.",
            metavar="KEY=VALUE",
        ),
    ] = None

    def source(self, path: Path, *, optional: Collection[str] = ()) -> Source:
        """Return the source for a file; settings in ``optional`` need not exist in its format.

        Raises:
            ConfigError: If a setting does not exist in the format, or has a wrong value.
        """
        from kakehashi.corpora.formats import guess_source

        known = type(guess_source(path, self.format)).model_fields
        given = self.of_columns()
        texts = {"encoding": self.encoding, "types": self.types}
        for setting in self.set or ():
            name, equals, value = setting.partition("=")
            if not equals or name in ("", "path", "format"):
                raise ConfigError("--set", f"expected e.g. --set header_lines=1, got {setting!r}")
            texts[name] = value
        for name, text in texts.items():
            if text is not None:
                is_list = name in known and get_origin(known[name].annotation) is tuple
                given[name] = text.split(",") if is_list else text
        for name in set(optional) - set(known):
            given.pop(name, None)
        return guess_source(path, self.format, **given)


def with_groups(verb: Callable[..., None]) -> Callable[..., None]:
    """Replace the parameters of a verb that are dataclasses of options by these options."""
    groups, parameters = {}, []
    for own in inspect.signature(verb, eval_str=True).parameters.values():
        parts = [own]
        if isinstance(own.annotation, type) and is_dataclass(own.annotation):
            parts = list(inspect.signature(own.annotation, eval_str=True).parameters.values())
            groups[own.name] = own.annotation, [part.name for part in parts]
        parameters += [part.replace(kind=inspect.Parameter.KEYWORD_ONLY) for part in parts]

    @wraps(verb)
    def flat(**values: Any) -> None:  # noqa: ANN401
        for name, (group, options) in groups.items():
            values[name] = group(**{option: values.pop(option) for option in options})
        verb(**values)

    annotations = {each.name: each.annotation for each in parameters}
    vars(flat).update(__signature__=inspect.Signature(parameters), __annotations__=annotations)
    return flat
