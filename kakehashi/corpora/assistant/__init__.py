"""Voice-assistant utterances from built-in grammars: English, Japanese, German.

All grammars and lists are our own; README.md beside this file describes their notation. Utterance k
of a partition depends on language, partition, seed and k alone.
"""

from __future__ import annotations

import math
import re
import tomllib
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeAlias, get_args

from kakehashi.config.sources import AssistantSource, Partition
from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Part, Sentence

FRAME, PHRASE = "frame", "phrase"
_PIECE = re.compile(
    r"(?P<literal>[^()\[\]{}<>|]+)"
    r"|(?P<mark>[()\[\]|])"
    r"|<(?P<rule>\w+)>"
    r"|\{(?P<type>\w+)(?::(?P<from>\w+))?\}"
)
_CLOSING = {"(": ")", "[": "]"}

# How fast frequency falls with rank: the weight of a rank is rank ** -exponent (Zipf).
# Intents have ranks shifted by some (Mandelbrot): none outweighs all others, and the tail is long.
_INTENT_EXPONENT, _INTENT_SHIFT = 1.2, 2.7
_OPEN_EXPONENT, _CLOSED_EXPONENT = 0.6, 0.5
_UNIT = 1_000_000  # of whole weights: the last digit of a power is not the same on every machine
_ONE_IN = 6  # members of an open list is for dev alone, and one for test alone
_HELD_OUT_SHARE = 0.35  # how often dev and test take such a member where a list has any
_AT_ONCE = 1 << 13  # utterances that a process generates at a time


def generate(
    language: str, utterances: int, *, seed: int = 0, partition: Partition = "train", start: int = 0
) -> Iterator[Sentence]:
    """Generate voice-assistant utterances from number ``start`` on; ``group`` is the domain.

    Dev and test hold values and carrier phrases that train never shows, whatever the seed. Raises
    `ConfigError` at an unknown language or partition.

    Example:
        >>> [third] = generate("en", 1, start=2)
        >>> [_, _, same] = generate("en", 3)
        >>> third == same, third.id
        (True, 'assistant-en-train-000002')
    """
    if partition not in get_args(Partition):
        expected = ", ".join(get_args(Partition))
        raise ConfigError("partition", f"expected one of {expected}, got {partition!r}")
    sampler = _sampler(language, partition)
    digest = sha256(f"{language} {partition} {seed}".encode()).digest()
    first, random = int.from_bytes(digest[:8]), Random()

    def draw(number: int) -> Sentence:
        random.seed(first + number)
        group, text, mentions = sampler.draw(random.random)
        name = f"assistant-{language}-{partition}-{number:06d}"
        return Sentence(text, mentions, None, name, group)

    return map(draw, range(start, start + utterances))


@cache
def _sampler(language: str, partition: Partition) -> Sampler:
    return Sampler(read_grammar(language), partition)


def chunks(source: AssistantSource) -> Iterator[Iterable[Sentence]]:
    """Yield the utterances of a source in parts, which are generated when they are asked for."""
    draw = partial(generate, source.language, seed=source.seed, partition=source.partition)
    for start in range(0, source.utterances, _AT_ONCE):
        size = min(_AT_ONCE, source.utterances - start)
        yield Part(partial(draw, utterances=size, start=start))


class Draw(NamedTuple):
    """One choice: option i is taken by numbers below ``bounds[i]``, on a scale of the last one."""

    bounds: Sequence[int]
    options: Sequence[Option]


class Slot(NamedTuple):
    """A mention: its type, and the choice that gives its text."""

    type: str
    draw: Draw


Option: TypeAlias = "str | tuple[str | Draw | Slot, ...]"


class Sampler:
    """A grammar, compiled to nested tuples to draw utterances fast, one number per choice."""

    def __init__(self, grammar: Grammar, partition: Partition) -> None:
        self._rules, self._partition = grammar.rules, partition
        self._compiled: dict[str, Draw] = {}
        self._groups = [name.partition(".")[0] for name in grammar.intents]
        ranks = range(1, len(grammar.intents) + 1)
        weights = (_zipf(rank + _INTENT_SHIFT, _INTENT_EXPONENT) for rank in ranks)
        self._bounds = list(accumulate(weights))
        self._draws: list[Draw] = []
        for intent in grammar.intents.values():
            self._compiled[PHRASE] = self._draw(intent)
            self._draws.append(self._draw(self._rules[FRAME]))

    def draw(self, uniform: Callable[[], float]) -> tuple[str, str, tuple[Mention, ...]]:
        """Draw the domain, text and mentions of one utterance by numbers from 0 to below 1."""
        index = bisect(self._bounds, uniform() * self._bounds[-1])
        pieces, mentions = list[str](), list[Mention]()

        def write(draw: Draw, position: int) -> int:
            option = draw.options[bisect(draw.bounds, uniform() * draw.bounds[-1])]
            if isinstance(option, str):
                pieces.append(option)
                return position + len(option)
            for part in option:
                if isinstance(part, str):
                    pieces.append(part)
                    position += len(part)
                elif isinstance(part, Draw):
                    position = write(part, position)
                else:
                    start, first = position, len(pieces)
                    position = write(part.draw, position)
                    mentions.append(Mention(start, position, part.type, "".join(pieces[first:])))
            return position

        write(self._draws[index], 0)
        return self._groups[index], "".join(pieces), tuple(mentions)

    def _draw(self, rule: Rule) -> Draw:
        weighed = zip(_weights(rule, self._partition), rule.templates, strict=True)
        return _weighed((weight, self._option(each)) for weight, each in weighed if weight)

    def _option(self, template: Template) -> Option:
        parts = tuple(map(self._part, template))
        texts = [part for part in parts if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(parts) else parts

    def _part(self, part: str | Reference | Group) -> str | Draw | Slot:
        if isinstance(part, str):
            return part
        if isinstance(part, Group):
            options = [(1, self._option(option)) for option in part.options]
            return _weighed([*options, (len(options), "")] if part.optional else options)
        if part.rule not in self._compiled:
            self._compiled[part.rule] = self._draw(self._rules[part.rule])
        draw = self._compiled[part.rule]
        return Slot(part.type, draw) if part.type else draw


def _weighed(options: Iterable[tuple[int, Option]]) -> Draw:
    weights, chosen = zip(*options, strict=True)
    return Draw(list(accumulate(weights)), chosen)


def _zipf(rank: float, exponent: float) -> int:
    return round(_UNIT * math.pow(rank, -exponent))


def _weights(rule: Rule, partition: Partition) -> list[int]:
    """Weigh the members of a list in one partition; 0 where they do not occur there."""
    exponent = _OPEN_EXPONENT if rule.open else _CLOSED_EXPONENT
    weights = [_zipf(rank, exponent) for rank in range(1, len(rule.texts) + 1)]
    if not rule.open:
        return weights
    # Which are for dev or test depends on the texts alone, so that all seeds share the division.
    order = sorted(range(len(weights)), key=lambda i: sha256(rule.texts[i].encode()).digest())
    size = len(order) // _ONE_IN
    kept = {"train": [], "dev": order[:size], "test": order[size : 2 * size]}[partition]
    shared = order[2 * size :]
    kept_weight, shared_weight = (sum(weights[i] for i in indices) for indices in (kept, shared))
    scale = shared_weight * _HELD_OUT_SHARE / (1 - _HELD_OUT_SHARE) / kept_weight if kept else 0
    scales = dict.fromkeys(shared, 1.0) | dict.fromkeys(kept, scale)
    return [round(weight * scales.get(i, 0)) for i, weight in enumerate(weights)]


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
    """Read the grammar of a language, by default a shipped one; `ConfigError` if there is none."""
    folder = folder or files(__package__) / "data"
    languages = sorted(place.name for place in folder.iterdir() if place.is_dir())
    if language not in languages:
        raise ConfigError("language", f"expected one of {', '.join(languages)}, got {language!r}")
    lists: dict[str, Rule] = {}
    for file in sorted((folder / language).iterdir(), key=lambda file: file.name):
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
        for domain, intents in tree.pop("intents", {}).items():
            tree[f"intents.{domain}"] = {f"{domain}.{name}": intents[name] for name in intents}
        for table, members in tree.items():
            for name, texts in members.items():
                key = f"{language}/{file.name}: {table}.{name}"
                if name in lists or name == PHRASE:
                    raise ConfigError(key, "the name is taken; choose another")
                templates = tuple(parse_template(text, key) for text in texts)
                lists[name] = Rule(tuple(texts), templates, open=table != "rules")
    schema = tomllib.loads((folder / "schema.toml").read_text(encoding="utf-8"))
    return Grammar(intents={name: lists.pop(name) for name in schema["intents"]}, rules=lists)


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
