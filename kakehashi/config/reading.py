"""Read a TOML config: preset, then file, then overrides; unknown keys are errors."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from kakehashi.config.settings import PRESETS, RunSettings
from kakehashi.errors import ConfigError, CorpusError

DATA_VARIABLE = "KAKEHASHI_DATA"


def data_path(path: str | Path) -> Path:
    """Resolve a relative path in the folder ``KAKEHASHI_DATA`` or, unset, the working directory."""
    return Path(os.environ.get(DATA_VARIABLE, "")) / path


def missing_hint(path: str | Path) -> str:
    """Explain how a relative path was resolved, for a message that there is no such file."""
    if Path(path).is_absolute():
        return ""
    folder = os.environ.get(DATA_VARIABLE)
    place = f"{DATA_VARIABLE}={folder}" if folder else "the working directory"
    return f"; relative paths start at {place}" + f", since {DATA_VARIABLE} is not set" * (
        not folder
    )


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


Tree = dict[str, Any]

_DEEPEST = 32
# The time that tomllib takes for a key grows with the square of its parts.
_MANY_DOTS = re.compile(rf"(?<![^\s.=])(?:[^\s.=]++[ \t]*+\.[ \t]*+){{{_DEEPEST}}}")


def read_settings(
    path: str | Path, overrides: Iterable[str | tuple[str, object]] = ()
) -> RunSettings:
    """Read the settings of a run.

    Args:
        path: TOML file, the ``config.json`` that an earlier run saved, or the name of a config
            that comes with the package (``demo-en``, ``demo-ja``). Relative paths in it are
            resolved by `data_path` or, where nothing is there, in the folder of the config.
        overrides: A dotted key and its value each; or one string ``dotted.key=value``, the value as
            in TOML, plain words without quotes if you like; ``null`` removes a setting.

    Raises:
        ConfigError: If the file is missing or is not TOML, or a key or value is wrong.
    """
    tree = read_tree(path)
    for override in overrides:
        key, value = _key_and_value(override) if isinstance(override, str) else override
        put(tree, key, value)
    return settings_from_tree(tree, where=str(path))


def settings_from_tree(tree: Mapping[str, Any], where: str = "config") -> RunSettings:
    """Validate a tree of settings over the defaults of its preset.

    Raises:
        ConfigError: Naming ``where``, the dotted key, and the nearest known key for a typo.
    """
    preset = PRESETS.get(str(tree.get("preset", RunSettings.model_fields["preset"].default)), {})
    try:
        # JSON mode, since TOML has lists where the models have tuples.
        return RunSettings.model_validate_json(json.dumps(_merged(preset, tree), default=str))
    except RecursionError:
        raise ConfigError(where, "is nested too deeply") from None
    except ValidationError as error:
        raise config_error(error, where) from None


def read_tree(path: str | Path) -> Tree:
    """Read a TOML or JSON file, or a config that comes with the package, unchecked.

    Raises:
        ConfigError: If the file is missing or is not well-formed.
    """
    path, problem = find_config(Path(path)), ""
    try:
        text = path.read_text(encoding="utf-8")
        if _MANY_DOTS.search(text):
            raise ValueError(f"a key of more than {_DEEPEST} parts")
        tree: Tree = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        if not isinstance(tree, dict):
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
    if problem:
        raise ConfigError(str(path), problem)
    _find_beside(path.parent, tree)
    return tree


def check_files(settings: RunSettings, config: str | Path) -> None:
    """Check that every file that settings name is there; ``config`` is where they were read from.

    Raises:
        CorpusError: If one is missing; it names both places where a relative path is looked for.
    """
    for path in _paths(settings.model_dump(mode="json")).values():
        if not data_path(path).exists():
            places = f"{data_path(path).absolute()} and {Path(config).parent.absolute() / path}"
            where = "" if Path(path).is_absolute() else f"; looked for {places}"
            raise CorpusError(path, f"there is no such file{where}")


def _find_beside(folder: Path, tree: Tree) -> None:
    """Resolve relative paths in the config's own folder where they lead nowhere else."""
    for (*way, last), path in _paths(tree).items():
        if not data_path(path).exists() and (folder / path).exists():
            branch: Any = tree
            for step in way:
                branch = branch[step]
            branch[last] = str(folder / path)


def _paths(tree: Mapping[str, Any]) -> dict[tuple[str | int, ...], str]:
    """Find the paths of corpora and vectors in a tree of settings, by their place in it."""
    corpus, vectors = tree.get("corpus"), tree.get("vectors")
    found: dict[tuple[str | int, ...], object] = {}
    if isinstance(corpus, Mapping):
        for part in ("train", "dev", "test", "all"):
            sources = corpus.get(part)
            for number, source in enumerate(sources if isinstance(sources, list) else ()):
                if isinstance(source, Mapping):
                    found["corpus", part, number, "path"] = source.get("path")
    if isinstance(vectors, Mapping):
        found["vectors", "path"] = vectors.get("path")
    return {key: path for key, path in found.items() if isinstance(path, str)}


def put(tree: Tree, key: str, value: object) -> None:
    """Set a dotted key of a tree.

    Raises:
        ConfigError: If the key leads through a value that is no table.

    Example:
        >>> tree = {"training": {"seed": 1}}
        >>> put(tree, "training.epochs", 5)
        >>> tree
        {'training': {'seed': 1, 'epochs': 5}}
    """
    *tables, last = key.split(".", _DEEPEST)
    if "." in last:
        raise ConfigError(f"{key[:40]}…", f"expected a key of at most {_DEEPEST} parts")
    for table in tables:
        branch = tree.setdefault(table, {})
        if not isinstance(branch, dict):
            raise ConfigError(key, f"{table!r} is a value here, not a table")
        tree = branch
    tree[last] = value


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
    try:
        return key, tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return key, text


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = _merged(old, value)
        merged[key] = value
    return merged


def config_error(
    error: ValidationError, where: str, root: type[BaseModel] = RunSettings
) -> ConfigError:
    """Describe in one line the first problem that pydantic found in a file, read as ``root``."""
    first = error.errors()[0]
    path = first["loc"]
    key = ".".join(str(part) for part in path)
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        models = _models_at(root, path[:-1])
        names = sorted({name for model in models for name in model.model_fields})
        near = difflib.get_close_matches(str(path[-1]), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"
        problem = f"unknown setting; {hint}"
    elif first["type"] != "missing" and not isinstance(first["input"], Mapping):
        problem += f", got {first['input']!r}"
    return ConfigError(f"{where}: {key}" if key else where, problem)


def _models_at(root: type[BaseModel], path: Sequence[str | int]) -> list[type[BaseModel]]:
    """Return the models that may describe a place in the settings."""
    models = [root]
    for part in path:
        if isinstance(part, int):
            continue
        if len(models) > 1:  # the chosen member of a union, named by its format
            models = [m for m in models if part in get_args(m.model_fields["format"].annotation)]
        else:
            fields = [m.model_fields[part] for m in models if part in m.model_fields]
            found = [model for field in fields for model in _models_in(field.annotation)]
            models = found or models  # a key of a mapping leads to no other model
    return models


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
