"""All settings with their defaults as a commented config, written from the models themselves."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from types import NoneType
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from kakehashi.config.settings import PRESETS, RunSettings
from kakehashi.config.sources import Settings, Source

_WIDTH = 96


def reference() -> str:
    """Write a config that has every setting, commented out at its default.

    What is not commented out has no default. The formats of sources stand at the end.
    """
    return "\n".join([*_table(RunSettings, ""), *_formats(), ""])


def _table(model: type[Settings], path: str) -> Iterator[str]:
    """Write a table: its own keys first, then the tables in it."""
    tables = {}
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is not None:
            tables[name] = inner
        elif get_args(field.annotation)[:1] == (Source,):
            yield f"# [[{path}{name}]]"
        else:
            yield from _key(name, field)
    for name, inner in tables.items():
        yield ""
        yield from _comment((inner.__doc__ or "").splitlines()[0])
        yield f"[{path}{name}]"
        yield from _table(inner, f"{path}{name}.")


def _key(name: str, field: FieldInfo) -> Iterator[str]:
    choices = _choices(field.annotation)
    about = field.description or ""
    if len(choices) > 1:
        about = f"{about} One of {', '.join(choices)}.".strip()
    if name in RunSettings.model_fields and name == "preset":
        about += f" Sets {_presets()}."
    yield from _comment(about)
    if field.is_required():
        yield f'{name} = "…"'
    elif field.default is None:
        yield f"# {name} ="
    else:
        yield f"# {name} = {json.dumps(field.default, ensure_ascii=False)}"


def _formats() -> Iterator[str]:
    """Write what a table of corpus.train, dev, test or all holds, for every format."""
    for model in get_args(get_args(Source)[0]):
        yield ""
        yield from _comment((model.__doc__ or "").splitlines()[0])
        yield "# [[corpus.…]]"
        for name, field in model.model_fields.items():
            for line in _key(name, field):
                yield line if line.startswith("#") else f"# {line}"


def _presets() -> str:
    keys = {f"{table}.{key}": None for p in PRESETS.values() for table in p for key in p[table]}
    return ", ".join(keys)


def _comment(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in textwrap.wrap(text, _WIDTH))


def _choices(annotation: object) -> list[str]:
    if get_origin(annotation) is Literal:
        return list(map(str, get_args(annotation)))
    return [choice for argument in get_args(annotation) for choice in _choices(argument)]


def _model_in(annotation: object) -> type[Settings] | None:
    for part in (annotation, *(a for a in get_args(annotation) if a is not NoneType)):
        if isinstance(part, type) and issubclass(part, Settings):
            return part
    return None
