"""The options that several verbs share, each defined once.

Choices are repeated here as literals because the modules that define them load pydantic or numpy,
which ``--help`` must not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_origin, get_type_hints

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
Columns = Annotated[str | None, opt("Columns, with commas: token, reading, pos, tag, or _.")]
Separator = Annotated[str | None, opt("Column separator: space, tab, whitespace, or itself.")]
LikeColumns = Annotated[str | None, opt("As --columns, for this file. Default: the same.")]
Encoding = Annotated[str | None, opt("Encoding of the input. Default: utf-8.")]
NoSpaces = Annotated[bool, opt("Join tokens of columns without spaces (Japanese).", "--no-spaces")]
ExecutorChoice = Annotated[Executor, opt("Run in processes of this machine, or on Ray.")]
Address = Annotated[
    str | None, opt("Ray cluster: HOST:PORT or auto. Default: one started for this command.")
]
Track = Annotated[
    list[Tracker] | None,
    opt("Report training to TensorBoard or MLflow; repeat the option for both."),
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
class Reading:
    """How corpus files are read: the options of every verb that reads them."""

    format: Annotated[str | None, opt("Format of the input. Default: by its name.")] = None
    columns: Columns = None
    separator: Separator = None
    encoding: Encoding = None
    no_spaces: NoSpaces = False
    types: Annotated[
        str | None, opt("Elements of inline tags that are entities, with commas. Default: all.")
    ] = None
    settings: Annotated[
        list[str] | None,
        opt(
            "Another setting of the input's format (kakehashi settings), e.g. header_lines=1.",
            "--set",
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
        given: dict[str, object] = {}
        for name, value in self._given().items():
            if name in known or name not in optional:
                is_list = name in known and get_origin(known[name].annotation) is tuple
                given[name] = tuple(value.split(",")) if is_list else value
        return guess_source(path, self.format, **given)

    def _given(self) -> dict[str, str]:
        given = {
            "columns": self.columns,
            "separator": self.separator,
            "encoding": self.encoding,
            "spaces": "false" if self.no_spaces else None,
            "types": self.types,
        }
        for setting in self.settings or ():
            name, equals, value = setting.partition("=")
            if not equals or name in ("", "path", "format"):
                raise ConfigError("--set", f"expected e.g. --set header_lines=1, got {setting!r}")
            given[name] = value
        return {name: value for name, value in given.items() if value is not None}


def reads_files(verb: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `Reading` to a verb, which receives them as its argument ``reading``."""
    hints = get_type_hints(Reading, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(field.name, keyword, default=field.default, annotation=hints[field.name])
        for field in fields(Reading)
    ]
    own = inspect.signature(verb, eval_str=True).parameters.values()
    parameters = [*(p.replace(kind=keyword) for p in own if p.name != "reading"), *options]

    @wraps(verb)
    def with_options(**values: object) -> None:
        reading: dict[str, Any] = {option.name: values.pop(option.name) for option in options}
        verb(**values, reading=Reading(**reading))

    annotations = {each.name: each.annotation for each in parameters}
    vars(with_options).update(
        __signature__=inspect.Signature(parameters), __annotations__=annotations
    )
    return with_options
