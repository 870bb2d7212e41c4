"""Templates: the notation of one grammar alternative.

``literal``, ``(a|b)`` one of, ``[a|b]`` one of or nothing, ``<rule>`` plain text from a rule,
``{type}`` a mention whose text comes from the rule of the same name, ``{type:rule}`` from another.

A grammar of one language, and the check that everything in it can be meant.

Grammar files, read from the package or from a folder.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple, NoReturn, TypeAlias

from kakehashi.errors import ConfigError


class Reference(NamedTuple):
    """A place filled by a rule; ``type`` is the entity type it is a mention of, or ``""``."""

    rule: str
    type: str


class Group(NamedTuple):
    """Alternatives in brackets, equally likely; ``optional`` ones are left out half the time."""

    options: tuple[Template, ...]
    optional: bool


Template: TypeAlias = "tuple[str | Reference | Group, ...]"

_PIECE = re.compile(
    r"(?P<literal>[^()\[\]{}<>|]+)"
    r"|(?P<mark>[()\[\]|])"
    r"|<(?P<rule>\w+)>"
    r"|\{(?P<type>\w+)(?::(?P<from>\w+))?\}"
)
_CLOSING = {"(": ")", "[": "]"}


def parse_template(text: str, key: str) -> Template:
    """Read one alternative of a grammar.

    Args:
        text: The alternative as written in the grammar file.
        key: Where it stands, for messages.

    Raises:
        ConfigError: If brackets do not match or the text is empty.

    Example:
        >>> parse_template("am {date:weekday}", "de: rules.when")
        ('am ', Reference(rule='weekday', type='date'))
    """
    parser = _Parser(text, key)
    options = parser.options("")
    if options == ((),):
        parser.fail("is empty; write at least one character")
    return options[0] if len(options) == 1 else (Group(options, optional=False),)


class _Parser:
    def __init__(self, text: str, key: str) -> None:
        self.text = text
        self.key = key
        self.position = 0

    def fail(self, problem: str) -> NoReturn:
        raise ConfigError(self.key, f"{self.text!r} {problem}")

    def options(self, closing: str) -> tuple[Template, ...]:
        """Read alternatives up to a closing bracket, or with ``""`` up to the end."""
        options: list[Template] = []
        parts: list[str | Reference | Group] = []
        while self.position < len(self.text):
            match = _PIECE.match(self.text, self.position)
            if match is None:
                self.fail(f"has a stray {self.text[self.position]!r} at {self.position}")
            self.position = match.end()
            mark = match["mark"]
            if mark == closing:
                return (*options, tuple(parts))
            if mark == "|":
                options.append(tuple(parts))
                parts = []
            else:
                parts.append(self._part(match))
        if closing:
            self.fail(f"lacks a closing {closing!r}")
        return (*options, tuple(parts))

    def _part(self, match: re.Match[str]) -> str | Reference | Group:
        if match["literal"]:
            return match["literal"]
        if match["rule"]:
            return Reference(match["rule"], "")
        if match["type"]:
            return Reference(match["from"] or match["type"], match["type"])
        if match["mark"] not in _CLOSING:
            self.fail(f"has a stray {match['mark']!r} at {match.start()}")
        return Group(self.options(_CLOSING[match["mark"]]), optional=match["mark"] == "[")


FRAME = "frame"
PHRASE = "phrase"


class Alternative(NamedTuple):
    """One line of a list: as written, and parsed."""

    text: str
    template: Template


class Rule(NamedTuple):
    """A list of alternatives, the most frequent first.

    An ``open`` list is divided: some of its alternatives are for dev alone, some for test alone.
    """

    alternatives: tuple[Alternative, ...]
    open: bool

    def references(self) -> Iterator[Reference]:
        """Walk over all places that other rules fill."""
        for alternative in self.alternatives:
            yield from _references(alternative.template)


@dataclass(frozen=True)
class Grammar:
    """One language: its rules by name, its intents as ``domain.intent``, most frequent first.

    The rule ``frame`` is where an utterance starts; its ``<phrase>`` is a phrase of the intent.
    """

    language: str
    rules: Mapping[str, Rule]
    intents: Mapping[str, Rule]

    def check(self, types: Iterable[str]) -> None:
        """Refuse a grammar in which something cannot be meant.

        Args:
            types: The entity types that its mentions must have, no more and no less.

        Raises:
            ConfigError: If a rule is unknown, unused or contains itself, if a mention stands inside
                another, or if an entity type is unknown or has no mention.
        """
        refuse_missing("rule", self.rules, [FRAME], self.language)
        if Reference(PHRASE, "") not in self.rules[FRAME].references():
            raise ConfigError(f"{self.language}: {FRAME}", f"expected <{PHRASE}> in it; add it")
        walk = _Walk(self)
        walk.visit(FRAME, "")
        for name, intent in self.intents.items():
            walk.follow(name, intent, "")
        refuse_unknown("entity type", walk.types, types, self.language)
        refuse_missing("entity type", walk.types, types, self.language)
        unused = sorted(set(self.rules) - {name for name, _ in walk.done})
        if unused:
            raise ConfigError(f"{self.language}: {unused[0]}", "nothing uses this list; remove it")


@dataclass
class _Walk:
    """A walk from the frame and the intents down to every rule."""

    grammar: Grammar
    types: set[str] = field(default_factory=set)
    done: set[tuple[str, str]] = field(default_factory=set)
    path: list[str] = field(default_factory=list)

    def visit(self, name: str, mention: str) -> None:
        """Go down into a rule, inside of a mention of some type, or of none (``""``)."""
        if name in self.path:
            self._fail(f"a list contains itself: {' > '.join([*self.path, name])}")
        if name not in self.grammar.rules and (self.path, name) != ([FRAME], PHRASE):
            near = _did_you_mean(name, self.grammar.rules) or "add it to the values or the rules"
            self._fail(f"unknown rule {name!r}; {near}")
        if name in self.grammar.rules and (name, mention) not in self.done:
            self.follow(name, self.grammar.rules[name], mention)
            self.done.add((name, mention))

    def follow(self, name: str, rule: Rule, mention: str) -> None:
        """Go down into everything that a rule refers to."""
        self.path.append(name)
        for reference in rule.references():
            if reference.type:
                self.types.add(reference.type)
                if mention:
                    self._fail(f"a mention of {reference.type!r} stands inside one of {mention!r}")
            self.visit(reference.rule, reference.type or mention)
        self.path.pop()

    def _fail(self, problem: str) -> None:
        raise ConfigError(f"{self.grammar.language}: {self.path[-1]}", problem)


def _references(template: Template) -> Iterator[Reference]:
    for part in template:
        if isinstance(part, Reference):
            yield part
        elif isinstance(part, Group):
            for option in part.options:
                yield from _references(option)


def refuse_missing(what: str, given: Iterable[str], expected: Iterable[str], where: str) -> None:
    """Raise `ConfigError` for the first name that is expected and not given."""
    missing = sorted(set(expected) - set(given))
    if missing:
        raise ConfigError(where, f"{what} {missing[0]!r} is missing; add it")


def refuse_unknown(what: str, given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise `ConfigError` for the first name that is given and not known."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        near = _did_you_mean(unknown[0], known) or f"known: {', '.join(known)}"
        raise ConfigError(where, f"unknown {what} {unknown[0]!r}; {near}")


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


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
