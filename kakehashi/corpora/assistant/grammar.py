"""Grammars of utterances: their notation, the files they are read from, and their check.

``schema.toml`` names the entity types and the intents, the most frequent intent first; every
language must cover all of them. A language is a folder of TOML files that count as one: a file per
domain, and ``names``, ``values`` and ``rules`` for what several domains share. They have three
tables of lists; in every list the first member is the most frequent:

``[intents.DOMAIN]``
    ``intent = [phrases]``. The domain becomes the ``group`` of the sentence.
``[values]``
    Open lists: names, titles, goods. One member in six is kept for dev alone, one in six for test
    alone, and so are phrases: what is learnt by heart from train does not help there.
``[rules]``
    Closed lists and patterns: numbers, times, politeness. The same in all partitions; a member that
    stands there twice is more frequent.

A member of a list is a template:

=================  =================================================================
``play``           itself
``(a|b|c)``        one of them, equally often; an empty one is allowed
``[a|b]``          one of them or, half the time, nothing
``<rule>``         a member of that list
``{type}``         a mention of that entity type, a member of the list of that name
``{type:list}``    the same, from another list: ``am {date:weekday}``
=================  =================================================================

Spaces count: write ``[please ]play``, not ``[please] play``. The rule ``frame`` is the whole
utterance; ``<phrase>`` in it is a phrase of the intent drawn. A list used inside a mention cannot
hold mentions. To add an intent, name it in ``schema.toml`` and give each language at least six
phrases, else none can be kept for dev and test.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple, NoReturn, TypeAlias

from kakehashi.errors import ConfigError

FRAME = "frame"
PHRASE = "phrase"
_SCHEMA = "schema.toml"
_TABLES = ("values", "rules", "intents")
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


class Alternative(NamedTuple):
    """One member of a list: as written, and parsed."""

    text: str
    template: Template


class Rule(NamedTuple):
    """A list of alternatives, the most frequent first; ``open`` if dev and test have their own."""

    alternatives: tuple[Alternative, ...]
    open: bool

    def references(self) -> Iterator[Reference]:
        """Walk over all places that other rules fill."""
        for alternative in self.alternatives:
            yield from _references(alternative.template)


def _references(template: Template) -> Iterator[Reference]:
    for part in template:
        if isinstance(part, Reference):
            yield part
        elif isinstance(part, Group):
            for option in part.options:
                yield from _references(option)


class Grammar(NamedTuple):
    """One language: its rules by name, its intents as ``domain.intent``, most frequent first."""

    language: str
    rules: Mapping[str, Rule]
    intents: Mapping[str, Rule]


def parse_template(text: str, key: str) -> Template:
    """Parse one alternative; ``key`` is where it stands, for messages.

    Raises:
        ConfigError: If brackets do not match or the text is empty.

    Example:
        >>> parse_template("am {date:weekday}", "de: rules.when")
        ('am ', Reference(rule='weekday', type='date'))
    """
    options = _Parser(text, key).options("")
    if options == ((),):
        raise ConfigError(key, f"{text!r} is empty; write at least one character")
    return options[0] if len(options) == 1 else (Group(options, optional=False),)


class _Parser:
    def __init__(self, text: str, key: str) -> None:
        self.text = text
        self.key = key
        self.position = 0

    def options(self, closing: str) -> tuple[Template, ...]:
        """Read alternatives up to a closing bracket, or with ``""`` up to the end."""
        options: list[Template] = []
        parts: list[str | Reference | Group] = []
        while self.position < len(self.text):
            match = _PIECE.match(self.text, self.position)
            if match is None:
                self._fail(f"has a stray {self.text[self.position]!r} at {self.position}")
            self.position = match.end()
            mark = match["mark"]
            if mark == closing:
                return (*options, tuple(parts))
            if mark == "|":
                options.append(tuple(parts))
                parts = []
            elif mark in _CLOSING:
                parts.append(Group(self.options(_CLOSING[mark]), optional=mark == "["))
            elif mark:
                self._fail(f"has a stray {mark!r} at {match.start()}")
            elif match["literal"]:
                parts.append(match["literal"])
            else:
                rule = match["rule"] or match["from"] or match["type"]
                parts.append(Reference(rule, match["type"] or ""))
        if closing:
            self._fail(f"lacks a closing {closing!r}")
        return (*options, tuple(parts))

    def _fail(self, problem: str) -> NoReturn:
        raise ConfigError(self.key, f"{self.text!r} {problem}")


def read_grammar(language: str, folder: Traversable | None = None) -> Grammar:
    """Read and check the grammar of a language.

    ``folder`` holds ``schema.toml`` and the languages; None is that of the shipped grammars.

    Raises:
        ConfigError: If there is no such language, a file is not TOML, a list is empty or its name
            taken, an intent of the schema is missing or unknown, a rule is unknown, unused or
            contains itself, a mention stands inside another, or an entity type is unknown or has
            no mention.
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
    _compare_names("intent", intents, schema["intents"], language)
    grammar = Grammar(language, rules, {name: intents[name] for name in schema["intents"]})
    _check(grammar, schema["types"])
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
    _compare_names("table", tree, _TABLES, where, all_needed=False)
    for table in tree:
        for name, members in _items(tree[table], f"{where}: {table}"):
            key = f"{where}: {table}.{name}"
            if table == "intents":
                for intent, phrases in _items(members, key):
                    yield table, f"{name}.{intent}", phrases, f"{key}.{intent}"
            else:
                yield table, name, members, key


def _items(table: object, key: str) -> Iterable[tuple[str, object]]:
    if not isinstance(table, dict):
        raise ConfigError(key, f"expected a table of lists, got {table!r}")
    return table.items()


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


def _check(grammar: Grammar, types: Iterable[str]) -> None:
    language, rules = grammar.language, grammar.rules
    if FRAME not in rules:
        raise ConfigError(language, f"rule {FRAME!r} is missing; add it")
    if Reference(PHRASE, "") not in rules[FRAME].references():
        raise ConfigError(f"{language}: {FRAME}", f"expected <{PHRASE}> in it; add it")
    walk = _Walk(grammar)
    for name, rule in ((FRAME, rules[FRAME]), *grammar.intents.items()):
        walk.follow(name, rule, "")
    _compare_names("entity type", walk.types, types, language)
    unused = sorted(set(rules) - {name for name, _ in walk.done})
    if unused:
        raise ConfigError(f"{language}: {unused[0]}", "nothing uses this list; remove it")


class _Walk:
    """A walk from the frame and the intents down to every rule."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.types: set[str] = set()
        self.done: set[tuple[str, str]] = set()
        self.path: list[str] = []

    def follow(self, name: str, rule: Rule, mention: str) -> None:
        """Go down into a rule, inside of a mention of some type, or of none (``""``)."""
        rules = self.grammar.rules
        self.path.append(name)
        for below, kind in rule.references():
            if kind and mention:
                self._fail(f"a mention of {kind!r} stands inside one of {mention!r}")
            self.types.update([kind] if kind else [])
            if below in self.path:
                self._fail(f"a list contains itself: {' > '.join([*self.path, below])}")
            if below in rules:
                if (below, kind or mention) not in self.done:
                    self.follow(below, rules[below], kind or mention)
            elif (self.path, below) != ([FRAME], PHRASE):
                near = _did_you_mean(below, rules) or "add it to the values or the rules"
                self._fail(f"unknown rule {below!r}; {near}")
        self.path.pop()
        self.done.add((name, mention))

    def _fail(self, problem: str) -> NoReturn:
        raise ConfigError(f"{self.grammar.language}: {self.path[-1]}", problem)


def _compare_names(
    what: str, given: Iterable[str], known: Iterable[str], where: str, *, all_needed: bool = True
) -> None:
    """Refuse the first name that is given and not known, or known and not given."""
    unknown, missing = sorted(set(given) - set(known)), sorted(set(known) - set(given))
    if unknown:
        near = _did_you_mean(unknown[0], known) or f"known: {', '.join(known)}"
        raise ConfigError(where, f"unknown {what} {unknown[0]!r}; {near}")
    if missing and all_needed:
        raise ConfigError(where, f"{what} {missing[0]!r} is missing; add it")


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else ""
