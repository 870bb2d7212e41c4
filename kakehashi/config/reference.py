"""All settings with their defaults as a commented config, generated from the models themselves."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from kakehashi.config.settings import PRESETS, RunSettings
from kakehashi.config.sources import Settings, Source

_WIDTH = 96
_GENERATED = {"train": 1000, "dev": 200, "test": 200}


def reference() -> str:
    """Write a config that has every setting, commented out at its default, and that trains.

    It generates its corpus; an optional table is commented out as a whole. The formats of sources
    follow at the end.
    """
    lines = [*_table(RunSettings, "")]
    for model in get_args(get_args(Source)[0]):
        lines += ["", *_comment((model.__doc__ or "").splitlines()[0]), "# [[corpus.…]]"]
        for name, field in model.model_fields.items():
            lines += map(_commented_out, _key(name, field))
    return "\n".join([*lines, ""])


def _table(model: type[Settings], path: str) -> Iterator[str]:
    """Write a table: its own keys first, then lists of sources, then the tables in it."""
    tables: dict[str, FieldInfo] = {}
    sources = []
    for name, field in model.model_fields.items():
        if _table_in(field) is not None:
            tables[name] = field
        elif get_args(field.annotation)[:1] == (Source,):
            sources.append(name)
        else:
            yield from _key(name, field)
    for name in sources:
        yield ""
        if name == "train":
            yield '# Generated; for your own say format = "jsonl" and path = "train.jsonl".'
        if name in _GENERATED:
            yield f'[[{path}{name}]]\nformat = "assistant"\nlanguage = "en"'
            yield f'utterances = {_GENERATED[name]}\npartition = "{name}"'
        else:
            yield f"# [[{path}{name}]]"
    for name, field in tables.items():
        inner = _table_in(field) or Settings
        yield ""
        yield from _comment((inner.__doc__ or "").splitlines()[0])
        lines = [f"[{path}{name}]", *_table(inner, f"{path}{name}.")]
        yield from map(_commented_out, lines) if field.default is None else lines


def _table_in(field: FieldInfo) -> type[Settings] | None:
    for part in (field.annotation, *get_args(field.annotation)):
        if isinstance(part, type) and issubclass(part, Settings):
            return part
    return None


def _key(name: str, field: FieldInfo) -> Iterator[str]:
    choices = _choices(field.annotation)
    about = field.description or ""
    if len(choices) > 1:
        about = f"{about} One of {', '.join(choices)}.".strip()
    if name == "preset":
        keys = [
            f"{table}.{key}"
            for preset in PRESETS.values()
            for table in preset
            for key in preset[table]
        ]
        about += f" Sets {', '.join(dict.fromkeys(keys))}."
    yield from _comment(about)
    if name == "name":
        yield 'name = "my-corpus"'
    elif field.is_required():
        yield f"{name} = …"
    else:
        default = json.dumps(field.default, ensure_ascii=False)
        yield f"# {name} =" + (f" {default}" if field.default is not None else "")


def _choices(annotation: object) -> list[str]:
    if get_origin(annotation) is Literal:
        return list(map(str, get_args(annotation)))
    return [choice for argument in get_args(annotation) for choice in _choices(argument)]


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in textwrap.wrap(text, _WIDTH))


def _commented_out(line: str) -> str:
    return line if line.startswith("#") else f"# {line}"
