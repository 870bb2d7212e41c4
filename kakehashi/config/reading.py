"""Read a TOML config: preset, then file, then overrides; unknown keys are errors."""

from __future__ import annotations

import copy
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from kakehashi.config.catalogue import PREFIX, catalogue_path, corpus_table, find_entry, name_of
from kakehashi.config.languages import languages
from kakehashi.config.settings import PRESETS, RunSettings
from kakehashi.errors import ConfigError, CorpusError, suggestion

Tree = dict[str, Any]

DATA_VARIABLE = "KAKEHASHI_DATA"


def data_path(path: str | Path) -> Path:
    """Resolve a relative path in the folder ``KAKEHASHI_DATA`` or, unset, the working directory.

    One of the catalogue is where `kakehashi.corpora.fetching` keeps it.
    """
    if str(path).startswith(PREFIX):
        return catalogue_path(str(path))
    return Path(os.environ.get(DATA_VARIABLE, "")) / path


def typed_path(path: str | Path) -> Path:
    """Return a path as `data_path` takes it, of one that was typed on the command line.

    What is in the working directory is meant before what is in ``KAKEHASHI_DATA``.
    """
    return Path(path).absolute() if Path(path).exists() else Path(path)


def missing_hint(path: str | Path) -> str:
    """Explain how a relative path was resolved, for a message that there is no such file."""
    if Path(path).is_absolute():
        return ""
    if str(path).startswith(PREFIX):
        return f"; bring it to this machine: kakehashi fetch {name_of(str(path))}"
    folder = os.environ.get(DATA_VARIABLE)
    unset = f"the working directory, since {DATA_VARIABLE} is not set"
    return f"; relative paths start at {f'{DATA_VARIABLE}={folder}' if folder else unset}"


def dotted(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Flatten a tree of settings to dotted names; lists become JSON.

    Example:
        >>> dict(dotted({"name": "a", "corpus": {"mapping": None, "types": ["LOC"]}}))
        {'name': 'a', 'corpus.mapping': None, 'corpus.types': '["LOC"]'}
    """
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{path}{name}.")
        else:
            is_list = isinstance(value, list)
            yield f"{path}{name}", json.dumps(value, ensure_ascii=False) if is_list else value


_DEEPEST = 32
# The time that tomllib takes for a key grows with the square of its parts.
_MANY_DOTS = re.compile(rf"(?<![^\s.=])(?:[^\s.=]++[ \t]*+\.[ \t]*+){{{_DEEPEST}}}")


def read_settings(
    path: str | Path | Mapping[str, Any],
    overrides: Iterable[str | tuple[str, object]] = (),
    **settings: object,
) -> RunSettings:
    """Read the settings of a run: a TOML file, the ``config.json`` of an earlier run, or a mapping.

    Keywords change them: ``read_settings("demo-ja", preset="strong", training={"seed": 2})``.

    ``demo-en`` and ``demo-ja`` come with the package; ``corpus = "catalogue:NAME"`` is a corpus of
    the catalogue. Relative paths in a config are resolved by
    `data_path` or, where nothing is there, in its folder. An override is a dotted key and its
    value; or one string ``dotted.key=value``, the value as in TOML, plain words without quotes if
    you like; ``null`` removes a setting. `ConfigError` if the file is missing or is not TOML, or a
    key or value is wrong.
    """
    if isinstance(path, Mapping):
        where, tree = "settings", copy.deepcopy(dict(path))
    else:
        where, tree = str(path), read_tree(path)
    _name_corpus(tree)
    for override in overrides:
        put(tree, *(_key_and_value(override) if isinstance(override, str) else override))
    _merge(tree, settings)
    return settings_from_tree(tree, where)


def settings_from_tree(tree: Mapping[str, Any], where: str = "config") -> RunSettings:
    """Validate a tree of settings over the defaults of its preset.

    A `ConfigError` names ``where``, the dotted key, and the nearest known key for a typo.
    """
    merged = dict(tree)
    corpus = merged.get("corpus")
    if isinstance(corpus, Mapping) and "catalogue" in corpus:
        own = {key: value for key, value in corpus.items() if key != "catalogue"}
        merged["corpus"] = corpus_table(str(corpus["catalogue"])) | own
    preset = str(tree.get("preset", RunSettings.model_fields["preset"].default))
    for table, values in PRESETS.get(preset, {}).items():
        own = tree.get(table, {})
        merged[table] = {**values, **own} if isinstance(own, Mapping) else own
    try:
        # JSON mode, since TOML has lists where the models have tuples.
        return RunSettings.model_validate_json(json.dumps(merged, default=str))
    except RecursionError:
        raise ConfigError(where, "is nested too deeply") from None
    except ValidationError as error:
        raise config_error(error, where) from None


def read_tree(path: str | Path) -> Tree:
    """Read a TOML or JSON file unchecked; raise `ConfigError` if it is missing or malformed.

    ``catalogue:NAME`` is the config that names a corpus of the catalogue, and nothing else.
    """
    if str(path).startswith(PREFIX):
        name = str(path).removeprefix(PREFIX)
        code = find_entry(name).language
        language = {"text": {"language": code}} if code in languages() else {}
        return {"name": name, "corpus": {"catalogue": name}, **language}
    path = find_config(Path(path))
    try:
        text = path.read_text(encoding="utf-8")
        if _MANY_DOTS.search(text):
            raise ValueError(f"a key of more than {_DEEPEST} parts")
        tree: Tree = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        if isinstance(tree, dict):
            _name_corpus(tree)
            _find_beside(path.parent, tree)
            return tree
        problem = f"expected a table of settings, got {text.strip()[:40]!r}"
    except FileNotFoundError:
        problem = "there is no such config file"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        problem = "expected UTF-8 text"
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError as error:
        problem = f"is not well-formed ({error})"
    raise ConfigError(str(path), problem)


def check_files(settings: RunSettings, config: str | Path) -> None:
    """Check that every file is there that settings, read from a ``config``, name.

    A `CorpusError` names both places where a relative path is looked for.
    """
    for table, key in _paths(settings.model_dump(mode="json")):
        name = table[key]
        path, beside = data_path(name).absolute(), Path(config).parent.absolute() / name
        if not path.exists():
            where = f"; looked for {path} and {beside}" if path != beside else ""
            where = missing_hint(name) if name.startswith(PREFIX) else where
            raise CorpusError(name, f"there is no such file{where}")


def _find_beside(folder: Path, tree: Tree) -> None:
    """Resolve relative paths in the config's own folder where they lead nowhere else."""
    for table, key in _paths(tree):
        beside = folder / table[key]
        if not data_path(table[key]).exists() and beside.exists():
            table[key] = str(beside)


def _name_corpus(tree: Tree) -> None:
    """Make a table of ``corpus = "catalogue:NAME"``, which others of its settings may join."""
    corpus = tree.get("corpus")
    if isinstance(corpus, str) and corpus.startswith(PREFIX):
        tree["corpus"] = {"catalogue": corpus.removeprefix(PREFIX)}


def _paths(tree: Tree) -> Iterator[tuple[Tree, str]]:
    """Yield each table of corpora, text and vectors that names a file, and the key that does."""
    tables = (tree.get(name) for name in ("corpus", "teach", "joint"))
    lists = [value for table in tables if isinstance(table, dict) for value in table.values()]
    sources = (source for each in lists if isinstance(each, list) for source in each)
    for table in (*sources, tree.get("vectors")):
        if isinstance(table, dict):
            keys = ("path", "align_to")
            yield from ((table, key) for key in keys if isinstance(table.get(key), str))


def put(tree: Tree, key: str, value: object) -> None:
    """Set a dotted key of a tree; raise `ConfigError` if it leads through a value, not a table."""
    *tables, last = key.split(".", _DEEPEST)
    if "." in last:
        raise ConfigError(f"{key[:40]}…", f"expected a key of at most {_DEEPEST} parts")
    for table in tables:
        if tree.get(table) is None:
            tree[table] = {}
        branch = tree[table]
        if not isinstance(branch, dict):
            raise ConfigError(key, f"{table!r} is a value here, not a table")
        tree = branch
    tree[last] = value


def _merge(tree: Tree, changes: Mapping[str, object]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def is_config(path: Path) -> bool:
    """Whether a name on the command line is that of a config: .toml, shipped, or of the catalogue.

    Example:
        >>> [is_config(Path(name)) for name in ("ja.toml", "demo-ja", "catalogue:x", "ja.jsonl")]
        [True, True, True, False]
    """
    return str(path).startswith(PREFIX) or find_config(path).suffix == ".toml"


def find_config(path: Path) -> Path:
    """Return the file of a config that comes with the package, or the path as it is."""
    shipped = Path(__file__).parent / f"{path.name}.toml"
    named = path.name == str(path) and not path.exists()
    return shipped if named and shipped.is_file() else path


def _key_and_value(override: str) -> tuple[str, object]:
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(override, "expected --set KEY=VALUE, e.g. --set training.epochs=5")
    if text == "null":
        return key, None
    with suppress(tomllib.TOMLDecodeError, RecursionError):
        return key, tomllib.loads(f"value = {text}")["value"]
    return key, text


def config_error(
    error: ValidationError, where: str, root: type[BaseModel] = RunSettings
) -> ConfigError:
    """Describe in one line the first problem that pydantic found in a file, read as ``root``."""
    first = error.errors()[0]
    *place, last = map(str, first["loc"]) if first["loc"] else ("",)
    key = ".".join([*place, last])
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        problem = f"unknown setting; {suggestion(last, sorted(_names_at(root, place)))}"
    elif first["type"] != "missing" and not isinstance(first["input"], Mapping):
        came = repr(first["input"])
        problem += "" if came.startswith("'") and came in problem else f", got {came}"
    return ConfigError(f"{where}: {key}" if key else where, problem)


def _names_at(annotation: object, path: Sequence[str]) -> set[str]:
    """Collect the names of the settings at a place; in a union, a format names the model."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        inside = path[1:] if get_origin(annotation) in (tuple, Mapping) else path
        return {name for each in get_args(annotation) for name in _names_at(each, inside)}
    fields = annotation.model_fields
    if not path:
        return set(fields)
    if "format" in fields and path[0] in get_args(fields["format"].annotation):
        return _names_at(annotation, path[1:])
    return _names_at(fields[path[0]].annotation, path[1:]) if path[0] in fields else set()
