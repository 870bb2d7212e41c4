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
from typing import TYPE_CHECKING, Any, Literal, get_origin

import typer

from kakehashi.errors import ConfigError

if TYPE_CHECKING:
    from kakehashi.config.architecture import ModelSettings
    from kakehashi.config.segmenting import TextSettings
    from kakehashi.config.sources import Source


def opt(help: str, *names: str, default: object = None, **settings: Any) -> Any:  # noqa: ANN401
    """Return a Typer option with a help text."""
    return typer.Option(default, *names, help=help, **settings)


def flag(help: str, *names: str, **settings: Any) -> Any:  # noqa: ANN401
    """Return a Typer option that takes no value."""
    return typer.Option(False, *names, help=help, **settings)


def arg(help: str, *, default: object = ..., **settings: Any) -> Any:  # noqa: ANN401
    """Return a Typer argument with a help text."""
    return typer.Argument(default, help=help, **settings)


Executor = Literal["local", "ray"]
Tracker = StrEnum("Tracker", ["tensorboard", "mlflow"])  # Typer takes no list of literals
TableFormat = Literal["terminal", "markdown", "latex", "csv", "html"]

JSON = flag("Print the report as JSON.", "--json")
FORCE = flag("Replace an existing file.", "--force")
MAPPING = opt("Entity type mapping, e.g. irex-to-conll, or a file.")
LIKE_COLUMNS = opt("As --columns, for this file. Default: the same.")
EXECUTOR = opt("Run in processes of this machine, or on Ray.", default="local")
ADDRESS = opt("Ray cluster: HOST:PORT or auto. Default: one started for this command.")
TRACK = opt("Report training to TensorBoard or MLflow; repeat the option for both.")
N_TRIALS = 10_000
TRIALS = opt("Number of permutations of each test.", default=N_TRIALS, min=1)
TEST_SEED = opt("Random seed of the permutation tests.", "--seed", default=0, min=0)
_AS = "Format of the tables. Default: by the name of --out, or terminal."
AS, AS_OR_FORMAT = opt(_AS, "--as"), opt(_AS, "--as", "--format")
TEXT_LANGUAGE = opt("Language of the text, if the model is of another: its segmenter and view.")
TEXT_CONFIG = opt("Config whose segmenter and views the text needs, instead of --language.")
OUT = opt("File to write. Default: standard output.")


def check_free(output: Path, force: bool) -> None:
    """Raise a ConfigError if there is such a file already."""
    if output.exists() and not force:
        raise ConfigError(str(output), "exists already; choose another name, or add --force")


def refuse(given: Mapping[str, object], problem: str) -> None:
    """Raise a ConfigError for the first option that was given."""
    for option, value in given.items():
        if value:
            raise ConfigError(option, problem)


@dataclass(frozen=True)
class ColumnOptions:
    """How text is decoded and cut into columns: options of every verb that reads files."""

    columns: str | None = opt("Columns, with commas: token, reading, pos, tag, or _.")
    separator: str | None = opt("Column separator: space, tab, whitespace, or itself.")
    encoding: str | None = opt("Encoding of the input. Default: utf-8.")
    no_spaces: bool = flag("Join tokens of columns without spaces (Japanese).", "--no-spaces")

    def of_columns(self) -> dict[str, object]:
        """Return the settings of columns that were given."""
        columns = None if self.columns is None else self.columns.split(",")
        spaces = False if self.no_spaces else None
        given = {"columns": columns, "separator": self.separator, "spaces": spaces}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Reading(ColumnOptions):
    """How corpus files are read: the options of every verb that reads them in any format."""

    format: str | None = opt("Format of the input. Default: by its name.")
    types: str | None = opt("Elements of inline tags that are entities, with commas. Default: all.")
    set: list[str] | None = opt(
        "Another setting of the input's format (kakehashi settings), e.g. header_lines=1.",
        metavar="KEY=VALUE",
    )

    def source(
        self, path: Path, *, optional: Collection[str] = (), to_write: bool = False
    ) -> Source:
        """Return the source for a file; settings in ``optional`` need not exist in its format.

        `ConfigError` if another one does not exist in the format, or has a wrong value.
        """
        from kakehashi.corpora.formats import guess_source

        known = type(guess_source(path, self.format, to_write=to_write)).model_fields
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
        return guess_source(path, self.format, to_write=to_write, **given)


@dataclass(frozen=True)
class Cutting:
    """How corpus files are cut into tokens: the options of every verb that can cut them anew."""

    segmenter: str | None = opt("Segmenter of corpus files: unidic-lite, ipadic, words, …")
    language: str | None = opt("Language of corpus files, e.g. zh: its segmenter and view.")

    def text(self, *inputs: Path) -> TextSettings | None:
        """Return how the inputs that are no configs are cut; None if their tokens stay.

        `ConfigError` if a name is unknown, or if all of them are configs, which say it themselves.
        """
        from pydantic import ValidationError

        from kakehashi.config.reading import is_config
        from kakehashi.config.segmenting import TextSettings

        given = {name: value for name, value in vars(self).items() if value is not None}
        if given and inputs and all(map(is_config, inputs)):
            refuse({f"--{next(iter(given))}": True}, "is for corpus files; a config has its [text]")
        try:
            return TextSettings.model_validate(given) if given else None
        except ValidationError as error:
            first = error.errors()[0]
            problem = first["msg"].removeprefix("Value error, ")
            raise ConfigError(f"--{first['loc'][0]}", problem) from None

    def view(self) -> str | None:
        """Return what the character layer sees of the language, if one was given."""
        from kakehashi.config.languages import find_language

        return None if self.language is None else find_language(self.language).view


def settings_of_text(
    config: Path | None, language: str | None
) -> tuple[TextSettings, ModelSettings] | None:
    """Return how text is cut and seen that a config or a language is named for, if either is."""
    from kakehashi.config.architecture import ModelSettings
    from kakehashi.config.reading import read_settings

    if config is not None:
        refuse({"--language": language}, "says what --config does; name one of them")
        settings = read_settings(config)
        return settings.text, settings.model
    cutting = Cutting(segmenter=None, language=language)
    text, view = cutting.text(), cutting.view()
    return None if text is None or view is None else (text, ModelSettings(char_view=view))


def unlabeled_source(path: Path) -> Source:
    """Make a source of unlabeled text: a name that ends in .txt is plain text."""
    from kakehashi.corpora.formats import guess_source

    try:
        return guess_source(path, "text" if path.name.endswith((".txt", ".txt.gz")) else None)
    except ConfigError:
        problem = (
            "its name says nothing of its format; rename plain text to .txt, a sentence per line"
        )
        raise ConfigError(
            str(path), f"{problem}, or make JSON lines by `kakehashi corpus convert`"
        ) from None


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
