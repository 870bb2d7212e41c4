"""What a mention may begin and end with, learned from gold mentions, and the trimming of the rest.

A tagger that has seen little text of a kind marks 昨日田中 as one name, or a lone bracket. What the
gold mentions of a type never begin or end with is cut off; so types that do end in a verb, as some
do, lose nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from kakehashi.sentence import Span
from kakehashi.text.word_classes import WordClass, bracket_pairs

_SIGNS = {kind for kind in WordClass if kind.is_sign}
_FUNCTION_WORDS = {kind for kind in WordClass if kind.is_function_word}
# An honorific or a verb may well begin a name: 選手村, 走れメロス.
_UNUSUAL_FIRST = frozenset(_SIGNS | _FUNCTION_WORDS | {WordClass.TIME})
_UNUSUAL_LAST = frozenset(_SIGNS | _FUNCTION_WORDS | {WordClass.VERB, WordClass.HONORIFIC})

Edges = tuple[frozenset[WordClass], frozenset[WordClass]]
"""The unusual classes of words that the mentions of a type begin with, and end with."""

EdgeNames = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""The same, by names of classes, as a model folder has them."""


_NOTHING: Edges = (frozenset(), frozenset())


@dataclass(frozen=True)
class EdgeRules:
    """The unusual edges of the mentions of each entity type; one that is missing has none."""

    types: Mapping[str, Edges]

    @classmethod
    def learn(cls, edges: Iterable[tuple[str, WordClass, WordClass]]) -> EdgeRules:
        """Learn from the entity type, the first and the last class of gold mentions.

        One mention is enough: to ask for two, or for a share, never raised F1 on dev.
        """
        seen: dict[str, tuple[set[WordClass], set[WordClass]]] = {}
        for kind, first, last in edges:
            firsts, lasts = seen.setdefault(kind, (set(), set()))
            firsts.add(first)
            lasts.add(last)
        return cls(
            {
                kind: (_UNUSUAL_FIRST & firsts, _UNUSUAL_LAST & lasts)
                for kind, (firsts, lasts) in sorted(seen.items())
            }
        )

    @classmethod
    def from_dict(cls, names: EdgeNames) -> EdgeRules:
        """Return the rules that `to_dict` describes; ValueError if there is no such class."""
        by_name = dict(WordClass.__members__)
        if unknown := {name for edges in names.values() for name in chain(*edges)} - by_name.keys():
            raise ValueError(f"there is no word class {min(unknown)!r}")
        return cls(
            {
                kind: (
                    frozenset(map(by_name.__getitem__, first)),
                    frozenset(map(by_name.__getitem__, last)),
                )
                for kind, (first, last) in names.items()
            }
        )

    def to_dict(self) -> dict[str, tuple[list[str], list[str]]]:
        """Name the classes, for JSON."""
        return {
            kind: ([each.name for each in sorted(first)], [each.name for each in sorted(last)])
            for kind, (first, last) in self.types.items()
        }

    def trim(self, spans: Iterable[Span], classes: Sequence[WordClass]) -> Iterator[Span | None]:
        """Yield the part of each span that may be a mention, or None where none is left.

        ``classes`` has those of the tokens of the sentence. Of half a bracket inside a span the
        longer side stays. A bracket at an edge stays if the other is inside, as in (株)青木.
        """
        for start, end, kind in spans:
            known = self.types.get(kind, _NOTHING)
            begin, stop = _trimmed(classes[start:end], *known)
            yield Span(start + begin, start + stop, kind) if begin < stop else None


def _trimmed(
    classes: Sequence[WordClass], firsts: frozenset[WordClass], lasts: frozenset[WordClass]
) -> tuple[int, int]:
    begin, end = 0, len(classes)
    while begin < end:
        pairs, halves = bracket_pairs(classes[begin:end])
        first, last, final = classes[begin], classes[end - 1], end - begin - 1
        if first in _UNUSUAL_FIRST - firsts and pairs.get(0, final) == final:
            begin += 1
        elif last in _UNUSUAL_LAST - lasts and pairs.get(final, 0) == 0:
            end -= 1
        elif halves and halves[0] > final - halves[0]:
            end = begin + halves[0]
        elif halves:
            begin += halves[0] + 1
        else:
            break
    return begin, end
