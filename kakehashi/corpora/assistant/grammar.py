"""A grammar of one language, and the check that everything in it can be meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kakehashi.corpora.assistant.template import Group, Reference, Template
from kakehashi.errors import ConfigError

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
