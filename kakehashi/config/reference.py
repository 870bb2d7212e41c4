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
_GENERATED = {"train": 1000, "dev": 200, "test": 200}


def reference() -> str:
    """Write a config that has every setting, commented out at its default, and that trains.

    What has no default names the run and generates its corpus; a table that may be left out is
    commented out as a whole. The formats of sources stand at the end.
    """
    return "\n".join([*_table(RunSettings, ""), *_formats(), ""])


def _table(model: type[Settings], path: str) -> Iterator[str]:
    """Write a table: its own keys first, then the tables in it."""
    tables, sources = {}, []
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is not None:
            tables[name] = inner, field.default is None
        elif get_args(field.annotation)[:1] == (Source,):
            sources.append(name)
        else:
            yield from _key(name, field)
    for name in sources:
        yield from _sources(f"{path}{name}", _GENERATED.get(name))
    for name, (inner, optional) in tables.items():
        yield ""
        yield from _comment((inner.__doc__ or "").splitlines()[0])
        lines = [f"[{path}{name}]", *_table(inner, f"{path}{name}.")]
        yield from map(_commented_out, lines) if optional else lines


def _sources(path: str, utterances: int | None) -> Iterator[str]:
    """Write where the sentences of a part come from: generated ones, for a config that trains."""
    yield ""
    if utterances is None:
        yield f"# [[{path}]]"
        return
    if path.endswith("train"):
        yield '# Generated; name your own instead, as format = "jsonl" and path = "train.jsonl".'
    yield f"[[{path}]]"
    yield 'format = "assistant"'
    yield 'language = "en"'
    yield f"utterances = {utterances}"
    yield f'partition = "{path.rpartition(".")[2]}"'


def _commented_out(line: str) -> str:
    return line if line.startswith("#") else f"# {line}"


def _key(name: str, field: FieldInfo) -> Iterator[str]:
    choices = _choices(field.annotation)
    about = field.description or ""
    if len(choices) > 1:
        about = f"{about} One of {', '.join(choices)}.".strip()
    if name in RunSettings.model_fields and name == "preset":
        about += f" Sets {_presets()}."
    yield from _comment(about)
    if name == "name":
        yield 'name = "my-corpus"'
    elif field.is_required():
        yield f"{name} = …"
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
            yield from map(_commented_out, _key(name, field))


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
