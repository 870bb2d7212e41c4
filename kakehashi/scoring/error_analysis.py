"""What kind each error of a recognizer is: a boundary, a type, a mention missed or made up.

The kinds are those of MUC (Chinchor and Sundheim 1993): each gold mention is paired with at most
one predicted mention that overlaps it, and what has no partner is missed, or false.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, NamedTuple, get_args

from kakehashi.scoring.compare import value_hash
from kakehashi.sentence import Mention, Sentence

Kind = Literal["correct", "boundary", "type", "boundary and type", "missed", "false"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Finding(NamedTuple):
    """A gold mention and the predicted one that it is paired with, or one of them alone."""

    kind: Kind
    mention: Mention  # gold; a false one as predicted
    partner: Mention | None = None  # the predicted mention that a gold one is paired with

    @property
    def gold(self) -> Mention | None:
        """The gold mention."""
        return None if self.kind == "false" else self.mention

    @property
    def predicted(self) -> Mention | None:
        """The predicted mention."""
        return self.mention if self.kind == "false" else self.partner


@dataclass(frozen=True)
class Error:
    """A finding that is not correct, in its sentence."""

    number: int  # of the sentence, from 1
    sentence: Sentence  # with the gold mentions
    finding: Finding
    seen: bool | None  # whether training has its type and text; None where that is unknown
    lost: bool  # no whole tokens equal the gold mention, so that no tagger of them finds it

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON."""
        sides = self.finding.gold, self.finding.predicted
        gold, predicted = (None if each is None else each._asdict() for each in sides)
        return {
            "sentence": self.number,
            "id": self.sentence.id,
            "text": self.sentence.text,
            "kind": self.finding.kind,
            "gold": gold,
            "predicted": predicted,
            "seen": self.seen,
            "lost": self.lost,
        }


@dataclass
class ErrorAnalysis:
    """Findings counted, and all errors in the order of the corpus."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    types: dict[str, Counter[Kind]] = field(default_factory=dict)  # gold; false ones as predicted
    values: dict[str, Counter[Kind]] = field(default_factory=dict)  # ``seen`` and ``unseen``
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)  # gold and predicted type
    lost: int = 0  # gold mentions that no whole tokens equal
    errors: list[Error] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON."""
        return {
            "kinds": dict(self.kinds),
            "types": {name: dict(counts) for name, counts in self.types.items()},
            "values": {name: dict(counts) for name, counts in self.values.items()},
            "confusion": [
                {"gold": gold, "predicted": predicted, "count": count}
                for (gold, predicted), count in self.confusion.most_common()
            ],
            "lost": self.lost,
            "errors": [error.to_dict() for error in self.errors],
        }


def analyse_errors(
    gold: Iterable[Sentence], predicted: Iterable[Sentence], known: Container[int] | None = None
) -> ErrorAnalysis:
    """Pair the mentions of the same sentences, see `find_errors`, and count.

    ``known`` are the values of a training set, see `kakehashi.scoring.compare.known_values`.
    `ValueError` if one side has more sentences.
    """
    analysis = ErrorAnalysis()
    for number, (true, found) in enumerate(zip(gold, predicted, strict=True), 1):
        lost: tuple[Mention, ...] = ()
        if true.mentions and found.tokens is not None:
            lost = Sentence(true.text, true.mentions, found.tokens).project().lost
            analysis.lost += len(lost)
        for finding in find_errors(true.mentions, found.mentions):
            kind, mention = finding.kind, finding.mention
            seen = None if known is None else value_hash(mention) in known
            counters = [analysis.kinds, analysis.types.setdefault(mention.type, Counter())]
            if seen is not None:
                name = "seen" if seen else "unseen"
                counters.append(analysis.values.setdefault(name, Counter()))
            for counter in counters:
                counter[kind] += 1
            if finding.partner is not None:
                analysis.confusion[mention.type, finding.partner.type] += 1
            if kind != "correct":
                is_lost = finding.gold in lost
                analysis.errors.append(Error(number, true, finding, seen, is_lost))
    return analysis


def find_errors(gold: Sequence[Mention], predicted: Sequence[Mention]) -> Iterator[Finding]:
    """Pair the mentions of a sentence, and yield what each is, in the order of the text.

    Pairs of one range come first, then those of one type, then those that share most characters.

    Example:
        >>> gold = [Mention(0, 8, "LOC", "New York"), Mention(12, 15, "PER", "Ito")]
        >>> found = [Mention(4, 8, "LOC", "York"), Mention(20, 24, "PER", "Kobe")]
        >>> [finding.kind for finding in find_errors(gold, found)]
        ['boundary', 'missed', 'false']
    """
    pairs = (pair for pair in product(gold, predicted) if _shared(*pair) > 0)
    partners: dict[Mention, Mention] = {}
    taken = set[Mention]()
    for one, other in sorted(pairs, key=_preference, reverse=True):
        if one not in partners and other not in taken:
            partners[one] = other
            taken.add(other)
    findings = [_finding(mention, partners.get(mention)) for mention in gold]
    findings += [Finding("false", mention) for mention in predicted if mention not in taken]
    yield from sorted(findings, key=lambda finding: finding.mention[:2])


def _shared(one: Mention, other: Mention) -> int:
    """Count the characters that two mentions share; not above 0 if there are none."""
    return min(one.end, other.end) - max(one.start, other.start)


def _preference(pair: tuple[Mention, Mention]) -> tuple[bool, bool, int, int]:
    one, other = pair
    same_range, same_type = one[:2] == other[:2], one.type == other.type
    return same_range, same_type, _shared(one, other), -one.start


def _finding(gold: Mention, predicted: Mention | None) -> Finding:
    kind: Kind = "missed"
    if predicted is not None:
        same_range, same_type = gold[:2] == predicted[:2], gold.type == predicted.type
        kind = "type" if same_range else "boundary" if same_type else "boundary and type"
        kind = "correct" if same_range and same_type else kind
    return Finding(kind, gold, predicted)
