"""What verbs that read corpora have in common: their options, and what these say of a file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
FormatName = Annotated[
    str | None, typer.Option("--format", help="Format of the input; default: by its name.")
]
Columns = Annotated[
    str | None,
    typer.Option(help="What the columns hold: token, reading, pos, tag, or _; with commas."),
]
Separator = Annotated[
    str | None, typer.Option(help="What parts columns: space, tab, whitespace, or itself.")
]
Encoding = Annotated[str | None, typer.Option(help="Encoding of the input; default UTF-8.")]
Mapping = Annotated[
    str | None, typer.Option(help="Entity type mapping, e.g. irex-to-conll, or a file.")
]
Segmenter = Annotated[
    str | None, typer.Option(help="Segment the text: unidic-lite, ipadic, sudachi, words, …")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")]


def source_of(
    path: Path,
    format: str | None,
    columns: str | None,
    separator: str | None,
    encoding: str | None,
    types: str | None = None,
    **settings: str | None,
) -> Source:
    """Make a source of what was said on the command line; what was not said has its default."""
    from kakehashi.corpora.formats import guess_source

    given: dict[str, object] = {key: value for key, value in settings.items() if value is not None}
    if types is not None and guess_source(path, format).format == "inline":
        given["types"] = tuple(types.split(","))
    if columns is not None:
        given["columns"] = tuple(columns.split(","))
    if separator is not None:
        given["separator"] = separator
    if encoding is not None:
        given["encoding"] = encoding
    return guess_source(path, format, **given)
