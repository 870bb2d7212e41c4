"""Corpora by name: what `kakehashi fetch` brings, and how configs call it.

The catalogue that comes with the package is ``corpora/catalogue.toml``; that which the
environment variable ``KAKEHASHI_CATALOGUE`` names is added to it.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from kakehashi.config.sources import Settings
from kakehashi.errors import ConfigError, suggestion
from kakehashi.extras import require

PREFIX = "catalogue:"
CATALOGUE_VARIABLE = "KAKEHASHI_CATALOGUE"
_SHIPPED = Path(__file__).parents[1] / "corpora/catalogue.toml"


def _safe_address(address: str) -> str:
    if not address.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise ValueError("expected an address that begins with https://")
    return address


def _file_name(name: str) -> str:
    if name != Path(name).name:
        raise ValueError("expected the name of a file, without folders")
    return name


FileName = Annotated[str, AfterValidator(_file_name)]


class PinnedFile(Settings):
    """A file of a corpus: where it is, and what it must be."""

    address: Annotated[str, AfterValidator(_safe_address)]
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)
    unpack: tuple[str, ...] = Field((), description="Members of a tar archive that are kept.")


class CatalogueEntry(Settings):
    """A corpus of the catalogue; the paths of its sources are names of its files."""

    about: str
    language: str
    licence: str
    terms: str = Field(description="Address of the licence's text.")
    source: str = Field(description="Page of those who made it.")
    folder: FileName = Field("", description="Where its files are kept. Default: its name.")
    files: dict[FileName, PinnedFile]
    corpus: dict[str, Any] = Field(description="The table [corpus] of a config.")


def catalogue() -> dict[str, CatalogueEntry]:
    """Return all entries by name; `ConfigError` if the catalogue of one's own is not one."""
    own = os.environ.get(CATALOGUE_VARIABLE)
    return _read(_SHIPPED) | (_read(Path(own)) if own else {})


def find_entry(name: str) -> CatalogueEntry:
    """Return the entry of a name; `ConfigError` if there is none."""
    entries = catalogue()
    if name not in entries:
        problem = f"there is no such corpus in the catalogue; {suggestion(name, entries)}"
        raise ConfigError(f"{PREFIX}{name}", problem)
    return entries[name]


def corpus_table(name: str) -> dict[str, Any]:
    """Return the table ``[corpus]`` of an entry, whose paths `catalogue_path` resolves."""
    entry = find_entry(name)

    def placed(value: object) -> object:
        if isinstance(value, list):
            return [placed(each) for each in value]
        if isinstance(value, Mapping) and "path" in value:
            return {**value, "path": f"{PREFIX}{entry.folder}/{value['path']}"}
        return value

    return {key: placed(value) for key, value in entry.corpus.items()}


def name_of(path: str) -> str:
    """Return the name of the corpus that a fetched file is of, "" if there is none."""
    return next((name for name in catalogue() if path in json.dumps(corpus_table(name))), "")


def catalogue_path(path: str) -> Path:
    """Return where a fetched file is kept: ``catalogue:FOLDER/FILE``, in the user's cache folder.

    The variable ``XDG_CACHE_HOME`` moves it. `MissingExtraError` without the extra ``corpora``.
    """
    cache_folder = require("platformdirs", "corpora").user_cache_path("kakehashi")
    return Path(cache_folder, "corpora", path.removeprefix(PREFIX))


@cache
def _read(path: Path) -> dict[str, CatalogueEntry]:
    try:
        rows = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"is no catalogue of corpora ({error})") from None
    entries = {}
    for name, row in rows.items():
        if not isinstance(row, dict):
            raise ConfigError(str(path), f"expected tables, one for each corpus, got {name!r}")
        languages = row.pop("languages", None) or {"": ""}
        template = json.dumps([name, {"folder": name} | row])
        for language, locale in languages.items():
            text = template.replace("LANGUAGE", language).replace("LOCALE", locale)
            own_name, tree = json.loads(text)
            try:
                entries[own_name] = CatalogueEntry.model_validate(tree)
            except ValidationError as error:
                first = error.errors()[0]
                key = ".".join(map(str, (name, *first["loc"])))
                raise ConfigError(f"{path}: {key}", first["msg"]) from None
    return entries
