"""Templates: the notation of one grammar alternative.

``literal``, ``(a|b)`` one of, ``[a|b]`` one of or nothing, ``<rule>`` plain text from a rule,
``{type}`` a mention whose text comes from the rule of the same name, ``{type:rule}`` from another.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn, TypeAlias

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
