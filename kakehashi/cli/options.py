"""What verbs that read corpora have in common: their options, and what these say of a file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin, get_type_hints

import typer

if TYPE_CHECKING:
    from kakehashi.config.sources import Source


class Tracker(StrEnum):
    """Another program that shows trainings."""

    tensorboard = "tensorboard"
    mlflow = "mlflow"


Track = Annotated[
    list[Tracker] | None,
    typer.Option(help="Tell TensorBoard or MLflow how it goes; give it again for both."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
Mapping = Annotated[
    str | None, typer.Option(help="Entity type mapping, e.g. irex-to-conll, or a file.")
]
Segmenter = Annotated[
    str | None, typer.Option(help="Segment the text: unidic-lite, ipadic, sudachi, words, …")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")]
Columns = Annotated[
    str | None,
    typer.Option(help="What the columns hold: token, reading, pos, tag, or _; with commas."),
]
Separator = Annotated[
    str | None, typer.Option(help="What parts columns: space, tab, whitespace, or itself.")
]
Encoding = Annotated[str | None, typer.Option(help="Encoding of the input; default UTF-8.")]
NoSpaces = Annotated[
    bool, typer.Option("--no-spaces", help="Tokens in columns stand without spaces: Japanese.")
]


_KEYWORD = inspect.Parameter.KEYWORD_ONLY


@dataclass(frozen=True)
class Reading:
    """How corpus files are read: the options that every verb has that reads them."""

    format: Annotated[
        str | None, typer.Option("--format", help="Format of the input; default: by its name.")
    ] = None
    columns: Columns = None
    separator: Separator = None
    encoding: Encoding = None
    no_spaces: NoSpaces = False
    types: Annotated[
        str | None,
        typer.Option(help="Elements of inline tags that are entities, with commas; default: all."),
    ] = None
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Another setting of the input's format (kakehashi settings), e.g. header_lines=1.",
        ),
    ] = None

    def source(self, path: Path, *, optional: Collection[str] = ()) -> Source:
        """Make a source of a file; what was not said has its default.

        Args:
            path: The file.
            optional: Settings that do not matter where the file's format does not have them.

        Raises:
            ConfigError: If something was said that the format does not have, or is wrong.
        """
        from kakehashi.corpora.formats import guess_source

        known = type(guess_source(path, self.format)).model_fields
        given: dict[str, object] = {}
        for name, value in self._said().items():
            if name in known or name not in optional:
                is_list = name in known and get_origin(known[name].annotation) is tuple
                given[name] = tuple(value.split(",")) if is_list else value
        return guess_source(path, self.format, **given)

    def _said(self) -> dict[str, str]:
        from kakehashi.errors import ConfigError

        said = {
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
            said[name] = value
        return {name: value for name, value in said.items() if value is not None}


def reads_files(verb: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `Reading` to a verb, which receives their values as ``reading``."""
    hints = get_type_hints(Reading, include_extras=True)
    options = [
        inspect.Parameter(field.name, _KEYWORD, default=field.default, annotation=hints[field.name])
        for field in fields(Reading)
    ]
    own = inspect.signature(verb, eval_str=True).parameters.values()
    parameters = [
        *(each.replace(kind=_KEYWORD) for each in own if each.name != "reading"),
        *options,
    ]

    @wraps(verb)
    def with_options(**said: object) -> None:
        values: dict[str, Any] = {option.name: said.pop(option.name) for option in options}
        verb(**said, reading=Reading(**values))

    annotations = {each.name: each.annotation for each in parameters}
    vars(with_options).update(
        __signature__=inspect.Signature(parameters), __annotations__=annotations
    )
    return with_options
