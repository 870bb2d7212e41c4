"""All settings with their defaults as a commented config, generated from the models themselves."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from kakehashi.config.settings import PRESETS, RunSettings
from kakehashi.config.sources import Settings, Source

_GENERATED = {"train": 1000, "dev": 200, "test": 200}


def reference() -> str:
    """Write a config that has every setting, commented out at its default, and that trains.

    It generates its corpus; an optional table is commented out as a whole. The formats of sources
    follow at the end.
    """
    lines = [*_table(RunSettings, "")]
    for model in get_args(get_args(Source)[0]):
        lines += ["", *_about(model), "# [[corpus.…]]"]
        for name, field in model.model_fields.items():
            lines += map(_commented_out, _key(name, field))
    return "\n".join([*lines, ""])


def _table(model: type[Settings], path: str) -> Iterator[str]:
    """Write a table: its own keys first, then lists of sources, then the tables in it."""
    tables, sources = [], []
    for name, field in model.model_fields.items():
        parts = (field.annotation, *get_args(field.annotation))
        inner = [part for part in parts if isinstance(part, type) and issubclass(part, Settings)]
        if inner:
            tables.append((name, inner[0], field.default is None))
        elif Source in parts:
            sources.append(name)
        else:
            yield from _key(name, field)
    for name in sources:
        yield ""
        generated = _GENERATED.get(name) if path == "corpus." else None
        if generated and name == "train":
            yield '# Generated; for your own say format = "jsonl" and path = "train.jsonl".'
        if generated:
            yield f'[[{path}{name}]]\nformat = "assistant"\nlanguage = "en"'
            yield f'utterances = {generated}\npartition = "{name}"'
        else:
            yield f"# [[{path}{name}]]"
    for name, table, optional in tables:
        yield from ("", *_about(table))
        lines = [f"[{path}{name}]", *_table(table, f"{path}{name}.")]
        yield from map(_commented_out, lines) if optional else lines


def _key(name: str, field: FieldInfo) -> Iterator[str]:
    choices = _choices(field.annotation)
    about = field.description or ""
    if len(choices) > 1:
        about += f" One of {', '.join(choices)}."
    if name == "preset":
        pairs = [
            (table, key) for tables in PRESETS.values() for table in tables for key in tables[table]
        ]
        about += f" Sets {', '.join(dict.fromkeys(map('.'.join, pairs)))}."
    yield from _comment(about.strip())
    if name == "name" and field.is_required():  # of the run
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


def _about(model: type[Settings]) -> list[str]:
    return _comment((model.__doc__ or "").splitlines()[0])


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 96)]


def _commented_out(line: str) -> str:
    return line if not line or line.startswith("#") else f"# {line}"
