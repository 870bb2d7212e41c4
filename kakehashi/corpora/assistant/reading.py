"""Grammar files, read from the package or from a folder."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from kakehashi.corpora.assistant.grammar import (
    PHRASE,
    Alternative,
    Grammar,
    Rule,
    refuse_missing,
    refuse_unknown,
)
from kakehashi.corpora.assistant.template import parse_template
from kakehashi.errors import ConfigError

_TABLES = ("values", "rules", "intents")
_SCHEMA = "schema.toml"


def read_grammar(language: str, folder: Traversable | None = None) -> Grammar:
    """Read and check the grammar of a language.

    Args:
        language: A subfolder; its TOML files count as one.
        folder: Holds ``schema.toml`` and the languages; None for the shipped grammars.

    Raises:
        ConfigError: If there is no such language, a file is not TOML, a list is empty or its name
            taken, an intent of the schema is missing or unknown, or `Grammar.check` fails.
    """
    folder = folder or files(__package__) / "data"
    languages = sorted(place.name for place in folder.iterdir() if place.is_dir())
    if language not in languages:
        raise ConfigError("language", f"expected one of {', '.join(languages)}, got {language!r}")
    schema = _read_toml(folder / _SCHEMA)
    rules: dict[str, Rule] = {}
    intents: dict[str, Rule] = {}
    for file in sorted((folder / language).iterdir(), key=lambda file: file.name):
        for table, name, members, key in _lists(_read_toml(file), f"{language}/{file.name}"):
            known = intents if table == "intents" else rules
            if name in known or name == PHRASE:
                raise ConfigError(key, "the name is taken; choose another")
            known[name] = _rule(members, key, open=table != "rules")
    refuse_unknown("intent", intents, schema["intents"], language)
    refuse_missing("intent", intents, schema["intents"], language)
    grammar = Grammar(language, rules, {name: intents[name] for name in schema["intents"]})
    grammar.check(schema["types"])
    return grammar


def _read_toml(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("", f"{file}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigError("", f"{file}: is not well-formed ({error})") from None


def _lists(tree: dict[str, Any], where: str) -> Iterator[tuple[str, str, object, str]]:
    """Yield table, name, members and place of every list in a file."""
    refuse_unknown("table", tree, _TABLES, where)
    for table in tree:
        for name, members in _items(tree[table], f"{where}: {table}"):
            key = f"{where}: {table}.{name}"
            if table == "intents":
                for intent, phrases in _items(members, key):
                    yield table, f"{name}.{intent}", phrases, f"{key}.{intent}"
            else:
                yield table, name, members, key


def _items(table: object, key: str) -> Iterator[tuple[str, object]]:
    if not isinstance(table, dict):
        raise ConfigError(key, f"expected a table of lists, got {table!r}")
    yield from table.items()


def _rule(members: object, key: str, *, open: bool) -> Rule:
    if not isinstance(members, list) or not members:
        raise ConfigError(key, f"expected a list with at least one string, got {members!r}")
    seen: set[str] = set()
    for member in members:
        if not isinstance(member, str):
            raise ConfigError(key, f"expected a string, got {member!r}; put it in quotes")
        if open and member in seen:
            raise ConfigError(key, f"{member!r} stands there twice; leave one out")
        seen.add(member)
    return Rule(tuple(Alternative(text, parse_template(text, key)) for text in members), open)
