"""Grammars of utterances, whose notation README.md beside this file describes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple, TypeAlias

from kakehashi.errors import ConfigError

FRAME = "frame"
PHRASE = "phrase"
_PIECE = re.compile(
    r"(?P<literal>[^()\[\]{}<>|]+)"
    r"|(?P<mark>[()\[\]|])"
    r"|<(?P<rule>\w+)>"
    r"|\{(?P<type>\w+)(?::(?P<from>\w+))?\}"
)
_CLOSING = {"(": ")", "[": "]"}


class Reference(NamedTuple):
    """A place filled by a rule; ``type`` is the entity type it is a mention of, or ``""``."""

    rule: str
    type: str


class Group(NamedTuple):
    """Alternatives in brackets, equally likely; ``optional`` ones are left out half the time."""

    options: tuple[Template, ...]
    optional: bool


Template: TypeAlias = "tuple[str | Reference | Group, ...]"


class Rule(NamedTuple):
    """A list, the most frequent member first; ``open`` if some are for dev or test alone."""

    texts: tuple[str, ...]
    templates: tuple[Template, ...]
    open: bool


class Grammar(NamedTuple):
    """One language: its rules by name, its intents as ``domain.intent``, most frequent first."""

    rules: Mapping[str, Rule]
    intents: Mapping[str, Rule]


def read_grammar(language: str, folder: Traversable | None = None) -> Grammar:
    """Read the grammar of a language; ``folder`` is by default that of the shipped grammars.

    Raises:
        ConfigError: If there is no such language, a name is taken twice, or a template is wrong.
    """
    folder = folder or files(__package__) / "data"
    languages = sorted(place.name for place in folder.iterdir() if place.is_dir())
    if language not in languages:
        raise ConfigError("language", f"expected one of {', '.join(languages)}, got {language!r}")
    lists: dict[str, Rule] = {}
    for file in sorted((folder / language).iterdir(), key=lambda file: file.name):
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
        for domain, intents in tree.pop("intents", {}).items():
            tree[f"intents.{domain}"] = {
                f"{domain}.{intent}": intents[intent] for intent in intents
            }
        for table, members in tree.items():
            for name, texts in members.items():
                key = f"{language}/{file.name}: {table}.{name}"
                if name in lists or name == PHRASE:
                    raise ConfigError(key, "the name is taken; choose another")
                templates = tuple(parse_template(text, key) for text in texts)
                lists[name] = Rule(tuple(texts), templates, open=table != "rules")
    schema = tomllib.loads((folder / "schema.toml").read_text(encoding="utf-8"))
    intents = {name: lists.pop(name) for name in schema["intents"]}
    return Grammar(lists, intents)


def parse_template(text: str, key: str) -> Template:
    """Parse one member of a list; raises `ConfigError` with the key if brackets do not match.

    Example:
        >>> parse_template("am {date:weekday}", "de: rules.when")
        ('am ', Reference(rule='weekday', type='date'))
    """
    try:
        if stray := _PIECE.sub("", text):
            raise ValueError(f"has a stray {stray[0]!r}")
        options = _options(_PIECE.finditer(text), "")
        if options == ((),):
            raise ValueError("is empty; write at least one character")
    except ValueError as error:
        raise ConfigError(key, f"{text!r} {error}") from None
    return options[0] if len(options) == 1 else (Group(options, optional=False),)


def _options(pieces: Iterator[re.Match[str]], closing: str) -> tuple[Template, ...]:
    """Read alternatives up to a closing bracket, or with ``""`` up to the end."""
    options: list[Template] = []
    parts: list[str | Reference | Group] = []
    for piece in pieces:
        mark = piece["mark"]
        if mark == closing:
            return (*options, tuple(parts))
        if mark == "|":
            options.append(tuple(parts))
            parts = []
        elif mark in _CLOSING:
            parts.append(Group(_options(pieces, _CLOSING[mark]), optional=mark == "["))
        elif mark:
            raise ValueError(f"has a stray {mark!r}")
        else:
            name = piece["rule"] or piece["from"] or piece["type"]
            parts.append(piece["literal"] or Reference(name, piece["type"] or ""))
    if closing:
        raise ValueError(f"lacks a closing {closing!r}")
    return (*options, tuple(parts))
