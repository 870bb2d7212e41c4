"""Counts of gold, predicted and correct entities, and the scores made of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from itertools import zip_longest
from operator import add, eq
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi import __version__
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Span
from kakehashi.tags import tags_from_spans

GOLD, PREDICTED, CORRECT = range(3)

Variant = Literal["conlleval", "strict"]


class Count(NamedTuple):
    """Numbers of entities and their ratios in percent; a ratio over nothing is 0, as in conlleval.

    Example:
        >>> count = Count(gold=4, predicted=2, correct=1)
        >>> count.precision, count.recall, round(count.f1, 2)
        (50.0, 25.0, 33.33)
    """

    gold: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """Share of the predicted entities that are correct."""
        return 100 * self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold entities that were predicted."""
        return 100 * self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, by conlleval's formula to the last bit."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def to_dict(self) -> dict[str, float]:
        """Return ratios and counts by name, for JSON."""
        return {key: getattr(self, key) for key in ("precision", "recall", "f1", *self._fields)}


class TokenCount(NamedTuple):
    """Numbers of all tokens and of those with the correct tag."""

    total: int
    correct: int


@dataclass(frozen=True, eq=False)
class Counts:
    """The counts of a test set: per sentence, (sentences, 3) int32 of gold, predicted and correct.

    Entity types are counted over all sentences, not per sentence: F1 can be resampled all the same,
    and a sentence takes 12 bytes however many types there are. ``tokens`` has the tags compared one
    by one, or None where the two sides have other tokens.
    """

    sentences: npt.NDArray[np.int32]
    types: Mapping[str, Count]
    tokens: TokenCount | None = None

    @cached_property
    def total(self) -> Count:
        """The counts over all sentences and types."""
        return Count(*self.sentences.sum(axis=0, dtype=np.int64).tolist())


class Tally:
    """Counts sentence after sentence, entity after entity."""

    def __init__(self) -> None:
        self._rows = array("i")
        self._types: dict[str, list[int]] = {}

    def open_sentence(self) -> None:
        """Begin the next sentence; what is counted from now on belongs to it."""
        self._rows.extend((0, 0, 0))

    def count(self, column: int, entity_type: str) -> None:
        """Count one entity as GOLD, PREDICTED or CORRECT."""
        self._rows[column - 3] += 1
        self._types.setdefault(entity_type, [0, 0, 0])[column] += 1

    def add_sentence(self, gold: Sequence[Span], predicted: Sequence[Span]) -> None:
        """Count a whole sentence; a span predicted twice is correct only once."""
        self.open_sentence()
        for column, spans in enumerate((gold, predicted, set(gold).intersection(predicted))):
            for span in spans:
                self.count(column, span.type)

    def counts(self, tokens: TokenCount | None = None) -> Counts:
        """Return what was counted."""
        rows = np.array(self._rows, dtype=np.int32).reshape(-1, 3)
        types = {name: Count(*count) for name, count in sorted(self._types.items())}
        return Counts(rows, types, tokens)


@dataclass(frozen=True)
class Signature:
    """How a score was made, as one short string; two scores compare if all of it is equal.

    Of tag sequences that break their scheme the variant ``conlleval`` repairs the entities;
    ``strict`` counts only well-formed ones and is lower. ``facts`` is all else it depends on.

    Example:
        >>> str(Signature("strict", {"scheme": "bio"}).extended({"sentences": 980}))
        'kakehashi 0.1.0|strict|scheme:bio|sentences:980'
    """

    variant: Variant
    facts: Mapping[str, object] = field(default_factory=dict)

    def extended(self, facts: Mapping[str, object]) -> Signature:
        """Return a signature with further facts, or with new values of the same."""
        return replace(self, facts={**self.facts, **facts})

    def __str__(self) -> str:
        facts = (f"{key}:{value}".replace("|", "%7C") for key, value in self.facts.items())
        return "|".join((f"kakehashi {__version__}", self.variant, *facts))


@dataclass(frozen=True, eq=False, repr=False)
class Score:
    """Precision, recall and F1 in percent, with the counts behind them and how they were made.

    ``values`` are the counts of `kakehashi.scoring.compare.score_by_overlap`, where it was asked.
    """

    counts: Counts
    signature: Signature
    values: Mapping[str, Count] = field(default_factory=dict)

    @classmethod
    def of(cls, counts: Counts, variant: Variant, facts: Mapping[str, object]) -> Score:
        """Sign counts with the facts and the number of sentences."""
        return cls(counts, Signature(variant, {**facts, "sentences": len(counts.sentences)}))

    @property
    def precision(self) -> float:
        """Share of the predicted entities that are correct, in percent."""
        return self.counts.total.precision

    @property
    def recall(self) -> float:
        """Share of the gold entities that were predicted, in percent."""
        return self.counts.total.recall

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in percent."""
        return self.counts.total.f1

    @property
    def types(self) -> Mapping[str, Count]:
        """The counts of each entity type."""
        return self.counts.types

    def extended(self, facts: Mapping[str, object]) -> Score:
        """Add to the signature what only the caller knows, e.g. the type mapping or the seed."""
        return replace(self, signature=self.signature.extended(facts))

    def __repr__(self) -> str:
        gold, predicted, correct = self.counts.total
        parts = f"precision {self.precision:.2f}, recall {self.recall:.2f}"
        return f"Score(F1 {self.f1:.2f}, {parts}: {correct} of {gold} found, {predicted} predicted)"

    def _repr_html_(self) -> str:
        """Show precision, recall and F1 of all types, the most frequent first, in a notebook."""
        by_type = sorted(self.types.items(), key=lambda item: -item[1].gold)
        rows = (
            f"<tr><th>{escape(name)}</th><td>{count.precision:.2f}</td><td>{count.recall:.2f}</td>"
            f"<td>{count.f1:.2f}</td><td>{count.gold}</td></tr>"
            for name, count in [("all", self.counts.total), *by_type]
        )
        head = "<tr><th></th><th>precision</th><th>recall</th><th>F1</th><th>gold</th></tr>"
        return f"<table>{head}{''.join(rows)}</table>"

    def to_dict(self) -> dict[str, object]:
        """Return ratios, counts, types, the signature and values by name, for JSON."""
        types, values = (
            {name: count.to_dict() for name, count in counts.items()}
            for counts in (self.types, self.values)
        )
        signed = {**self.counts.total.to_dict(), "types": types, "signature": str(self.signature)}
        return signed | {"values": values} if values else signed


def score_spans(
    gold: Iterable[Sequence[Span]],
    predicted: Iterable[Sequence[Span]],
    lost: Iterable[Sequence[Mention]] | None = None,
    *,
    variant: Variant = "conlleval",
) -> Score:
    """Score the entities of each sentence over tokens; both sides must have the same tokens.

    Further gold entities, ``lost`` because they begin or end inside a token, count as missed: moved
    to the nearest tokens, they would flatter the segmentation. ``variant`` says in the signature
    how the spans were read off tags.

    Example:
        >>> gold = [[Span(0, 1, "PER")], []]
        >>> score = score_spans(gold, [[Span(0, 1, "PER")], [Span(2, 3, "LOC")]])
        >>> score.precision, score.recall
        (50.0, 100.0)
    """
    tally, n_lost, gold = Tally(), 0, list(gold)
    lost = [()] * len(gold) if lost is None else lost
    for true, found, missed in zip(gold, predicted, lost, strict=True):
        tally.add_sentence(true, found)
        for mention in missed:
            tally.count(GOLD, mention.type)
            n_lost += 1
    return Score.of(tally.counts(), variant, {"unit": "tokens", "lost": n_lost})


def score_mentions(
    gold: Iterable[Sequence[Mention]], predicted: Iterable[Sequence[Mention]]
) -> Score:
    """Score entities over characters, whatever tokens the texts have."""
    tally = Tally()
    for sides in zip(gold, predicted, strict=True):
        tally.add_sentence(*map(_character_spans, sides))
    return Score.of(tally.counts(), "conlleval", {"unit": "characters"})


def score_sentences(
    gold: Iterable[Sentence],
    predicted: Iterable[Sentence],
    names: tuple[str | Path, str | Path] = ("gold", "predicted"),
) -> Score:
    """Score the mentions of sentences, and their tags (as BIO) if all have the same tokens.

    Raises a CorpusError if the two, called by their ``names``, differ in a text or in length.
    """
    tally = Tally()
    tokens: TokenCount | None = TokenCount(0, 0)
    for true, found in _same_texts(gold, predicted, names):
        tally.add_sentence(_character_spans(true.mentions), _character_spans(found.mentions))
        if tokens is not None:
            more = _compare_tags(true, found)
            tokens = more and TokenCount(*map(add, tokens, more))
    return Score.of(tally.counts(tokens), "conlleval", {"unit": "characters"})


def _character_spans(mentions: Sequence[Mention]) -> list[Span]:
    return [Span(mention.start, mention.end, mention.type) for mention in mentions]


def _compare_tags(gold: Sentence, predicted: Sentence) -> TokenCount | None:
    """Compare tags one by one; None unless both sides have the same tokens."""
    if gold.tokens is None or predicted.tokens is None:
        return None
    if [token[1:3] for token in gold.tokens] != [token[1:3] for token in predicted.tokens]:
        return None
    length = len(gold.tokens)
    true, found = (tags_from_spans(side.project().spans, length) for side in (gold, predicted))
    return TokenCount(length, sum(map(eq, true, found)))


def _same_texts(
    gold: Iterable[Sentence], predicted: Iterable[Sentence], names: tuple[str | Path, str | Path]
) -> Iterator[tuple[Sentence, Sentence]]:
    here, there = names
    for number, (true, found) in enumerate(zip_longest(gold, predicted), 1):
        if found is None:
            problem = f"expected {true.text[:40]!r} as in {here}, got the end; is it complete?"
        elif true is None:
            got = f"got {found.text[:40]!r}; is it the same test set?"
            problem = f"expected the end as in {here}, {got}"
        elif true.text != found.text:
            pairs = enumerate(zip_longest(true.text, found.text))
            at = next(at for at, (character, other) in pairs if character != other)
            expected, came = (sentence.text[at : at + 20] for sentence in (true, found))
            problem = f"expected {expected!r} at character {at} as in {here}, got {came!r}"
        else:
            yield true, found
            continue
        raise CorpusError(there, f"sentence {number}: {problem}")
