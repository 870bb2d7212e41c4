"""Tags, which exist only in files and in the output layer: schemes, tagsets, conversion to spans.

Everywhere else entities are spans or mentions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.errors import TagError
from kakehashi.sentence import Mention, Span

OUTSIDE = "O"

SchemeName = Literal["bio", "iob1", "iobes"]


class Scheme(NamedTuple):
    """Prefixes of the tags of a span."""

    begin: str
    inside: str
    end: str
    single: str

    @property
    def unfinished(self) -> set[str]:
        """Prefixes after which the span must go on."""
        return {self.begin, self.inside} - {self.end, self.single}


# IOB1 has B- only between neighbours of one type; `tags_from_spans` knows that one exception.
SCHEMES: Mapping[str, Scheme] = {
    "bio": Scheme("B", "I", "I", "B"),
    "iob1": Scheme("I", "I", "I", "I"),
    "iobes": Scheme("B", "I", "E", "S"),
}

_STARTING, _CONTINUING, _CLOSED = frozenset("BSU"), frozenset("IELM"), frozenset("OESUL")
_EXCERPT = 60  # of what is no tag, in a message


def split_tag(tag: str) -> tuple[str, str]:
    """Split a tag into prefix and entity type; ``O`` has the type ``""``.

    `TagError` for others than ``<prefix>-<entity type>`` with a prefix of IOB, IOBES, BILOU, BMES.

    Example:
        >>> split_tag("B-date-time")
        ('B', 'date-time')
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, hyphen, entity_type = tag.partition("-")
    if not hyphen or not entity_type or (prefix not in _STARTING and prefix not in _CONTINUING):
        expected = "'O' or '<B, I, E, S, L, U or M>-<entity type>' as a tag"
        raise TagError(tag, f"expected {expected}, got {tag[:_EXCERPT]!r}")
    return prefix, entity_type


def read_tag(field: str, *, outside: str = OUTSIDE, raw: bool = False) -> str:
    """Read a tag as files have it, and return it as `split_tag` takes it; `TagError` if it is none.

    The prefix may be in lower case, or stand behind the type. ``outside`` is the tag of no entity;
    with ``raw``, tags are bare types.

    Example:
        >>> read_tag("b-per"), read_tag("PER-B"), read_tag("PER", raw=True)
        ('B-per', 'B-PER', 'I-PER')
    """
    if field == outside:
        return OUTSIDE
    if raw and field != OUTSIDE:
        return f"I-{field}"
    if "|" in field:
        problem = f"expected one tag, got {field[:_EXCERPT]!r}; keep one layer of nested entities"
        raise TagError(field, problem)
    first, _, rest = field.partition("-")
    start, _, last = field.rpartition("-")
    prefixed = (f"{first.upper()}-{rest}", f"{last.upper()}-{start}")
    for tag in (field, OUTSIDE if field.upper() == OUTSIDE else field, *prefixed):
        with suppress(TagError):
            split_tag(tag)
            return tag
    split_tag(field)
    return field


def spans_from_tags(tags: Iterable[str]) -> list[Span]:
    """Decode the entity spans of a tag sequence, in BIO, IOB1, IOBES, BILOU and BMES alike.

    Invalid sequences are repaired, never rejected: an ``I-`` that does not continue an open span of
    its own type opens a new one, as conlleval reads BIO and IOB1 (CoNLL-2000). Unlike conlleval,
    ``E-`` and ``S-`` close their span, so neighbours in IOBES stay apart. See `split_tag`.

    Example:
        >>> spans_from_tags(["B-PER", "I-PER", "O", "I-LOC"])
        [Span(start=0, end=2, type='PER'), Span(start=3, end=4, type='LOC')]
    """
    spans: list[Span] = []
    start, open_type, previous = 0, "", OUTSIDE
    position = -1
    for position, tag in enumerate(tags):
        prefix, entity_type = split_tag(tag)
        goes_on = prefix in _CONTINUING and previous not in _CLOSED and entity_type == open_type
        if not goes_on:
            if open_type:
                spans.append(Span(start, position, open_type))
            start, open_type = position, entity_type
        previous = prefix
    if open_type:
        spans.append(Span(start, position + 1, open_type))
    return spans


def tags_from_spans(spans: Iterable[Span], length: int, scheme: SchemeName = "bio") -> list[str]:
    """Encode spans, in sentence order and without overlap, as ``length`` tags, one per token.

    Example:
        >>> tags_from_spans([Span(0, 2, "PER"), Span(2, 3, "PER")], 4, "iob1")
        ['I-PER', 'I-PER', 'B-PER', 'O']
    """
    rule = SCHEMES[scheme]
    tags = [OUTSIDE] * length
    previous = Span(0, 0, "")
    for span in spans:
        prefixes = [rule.begin, *[rule.inside] * (span.end - span.start - 2), rule.end]
        if span.end - span.start == 1:
            prefixes = [rule.single]
        if scheme == "iob1" and previous.end == span.start and previous.type == span.type:
            prefixes[0] = "B"
        tags[span.start : span.end] = [f"{prefix}-{span.type}" for prefix in prefixes]
        previous = span
    return tags


@dataclass(frozen=True)
class Tagset:
    """The tags of a model: ``O`` first, then every entity type, in order, with every prefix."""

    types: tuple[str, ...]
    scheme: SchemeName = "bio"

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """All tags in the order of their ids; id 0 is ``O``."""
        rule = SCHEMES[self.scheme]
        prefixes = dict.fromkeys([rule.begin, rule.inside, rule.end, rule.single])
        return (OUTSIDE, *(f"{prefix}-{kind}" for kind in self.types for prefix in prefixes))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {tag: index for index, tag in enumerate(self.tags)}

    def __len__(self) -> int:
        """Count the tags."""
        return len(self.tags)

    def ids_from_spans(self, spans: Iterable[Span], length: int) -> list[int]:
        """Encode spans as tag ids; `TagError` if a span has a type that the tagset lacks."""
        try:
            return [self._ids[tag] for tag in tags_from_spans(spans, length, self.scheme)]
        except KeyError as error:
            [tag] = error.args
            problem = f"entity type {split_tag(tag)[1]!r} is not one of {', '.join(self.types)}"
            remedy = "map it with a type mapping or train a model that knows it"
            raise TagError(tag, f"{problem}; {remedy}") from None

    def spans_from_ids(self, ids: Iterable[int]) -> list[Span]:
        """Decode tag ids, as `spans_from_tags` does."""
        return spans_from_tags(self.tags[index] for index in ids)

    def transitions(self) -> npt.NDArray[np.bool_]:
        """Compute which tag may follow which: booleans (n + 1, n + 1), rows before columns.

        The last row is the sentence's start, the last column its end.
        """
        rule = SCHEMES[self.scheme]
        parts = [split_tag(tag) for tag in self.tags] + [(OUTSIDE, "")]
        prefixes = np.array([prefix for prefix, _ in parts])
        types = np.array([entity_type for _, entity_type in parts], dtype=object)
        goes_on = np.isin(prefixes, list({rule.inside, rule.end} - {rule.begin, rule.single}))
        is_open = np.isin(prefixes, [rule.begin, rule.inside])[:, None]
        may_end = np.isin(prefixes, list(rule.unfinished), invert=True)[:, None]
        same_type = types[:, None] == types
        allowed: npt.NDArray[np.bool_] = np.where(goes_on, is_open & same_type, may_end)
        return allowed


@dataclass(frozen=True)
class TypeMapping:
    """A mapping of entity types, e.g. of IREX's eight to CoNLL's four; None drops a mention."""

    name: str
    types: Mapping[str, str | None]

    def apply(self, mentions: Iterable[Mention]) -> tuple[Mention, ...]:
        """Map the type of every mention, or drop it; `TagError` for a type that is not named."""
        mapped = []
        for mention in mentions:
            if mention.type not in self.types:
                problem = f"does not say what becomes of entity type {mention.type!r}"
                known = f"it knows {', '.join(sorted(self.types))}"
                raise TagError(mention.type, f"mapping {self.name!r} {problem}; {known}")
            target = self.types[mention.type]
            if target is not None:
                mapped.append(mention._replace(type=target))
        return tuple(mapped)
