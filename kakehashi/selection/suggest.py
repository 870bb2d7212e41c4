"""Which sentences to annotate next: the uncertain, rare types, and some at random.

A stream of any length is read once, and a bounded number of sentences kept. What is chosen depends
on the sentences and the seed, not on their order but among near duplicates.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from kakehashi.selection.near_duplicates import Signature, are_alike, signature, text_key
from kakehashi.selection.uncertainty import Scored
from kakehashi.sentence import Sentence

Strategy = Literal["mix", "mnlp", "span", "random"]

_RANDOM = 0.2  # share of a mix that is drawn at random
_RARE = 0.25  # largest share of the others that is chosen for a rare type
_NONE = np.zeros(0, np.uint32)
_SPARE = 2  # times as many are kept as are chosen, since some are chosen for another reason


class Chosen(NamedTuple):
    """A sentence of a batch, pre-annotated, and why it is in it."""

    sentence: Sentence
    strategy: str  # random, mnlp, span, or type
    score: float  # uncertainty, per token
    why: str

    def to_dict(self) -> dict[str, object]:
        """Return the field ``selection`` of its JSON line."""
        return {"strategy": self.strategy, "score": round(self.score, 6), "why": self.why}


@dataclass
class Suggestion:
    """A batch, in an order that mixes what was chosen why, and what it was chosen from."""

    batch: list[Chosen] = field(default_factory=list)
    read: int = 0
    excluded: int = 0  # annotated already
    uncut: int = 0  # that are one token to the segmenter, as text of another script may be
    types: Counter[str] = field(default_factory=Counter)  # mentions found, of all read


class _Entry(NamedTuple):
    """A candidate; the least is the first to go."""

    score: float
    key: int  # of its text, which breaks ties
    scored: Scored


class _Pool:
    """The candidates with the highest scores, and unless not ``apart`` no near duplicates."""

    def __init__(self, size: int, *, apart: bool = True) -> None:
        self._size, self._apart, self._entries = size, apart, list[_Entry]()
        self._signatures: dict[int, Signature] = {}

    def offer(self, entry: _Entry) -> None:
        """Keep a candidate in place of the least, or of near duplicates that are less."""
        if not self._size or entry.key in self._signatures:
            return
        if len(self._entries) == self._size and entry[:2] <= self._entries[0][:2]:
            return
        own = signature(entry.scored.sentence.text) if self._apart else _NONE
        if self._apart and self._signatures:
            keys = list(self._signatures)
            alike = are_alike(own, np.array(list(self._signatures.values())))
            rivals = {keys[place] for place in np.flatnonzero(alike).tolist()}
            if any(e.key in rivals and e[:2] >= entry[:2] for e in self._entries):
                return
            if rivals:
                self._entries = [e for e in self._entries if e.key not in rivals]
                heapq.heapify(self._entries)
                for key in rivals:
                    del self._signatures[key]
        heapq.heappush(self._entries, entry)
        self._signatures[entry.key] = own
        if len(self._entries) > self._size:
            del self._signatures[heapq.heappop(self._entries).key]

    def best(self) -> Iterator[_Entry]:
        """Yield the candidates, the most uncertain first."""
        return iter(sorted(self._entries, key=lambda entry: entry[:2], reverse=True))


def suggest(
    scored: Iterable[Scored],
    count: int,
    *,
    strategy: Strategy = "random",
    per_type: int | None = None,
    seed: int = 0,
    exclude: Collection[int] = frozenset(),
) -> Suggestion:
    """Choose a batch of ``count`` sentences, or fewer if there are no more that differ.

    A mix is one fifth random, the only part that is fair to evaluate on, and else the most
    uncertain by mnlp without near duplicates. At most a quarter of these makes up for types that
    are found rarely: until there are ``per_type`` sentences with each, by default as many as that
    quarter allows, at least one. Texts whose `text_key` is in ``exclude`` are passed over.
    """
    n_random = {"random": count, "mix": max(1, round(_RANDOM * count))}.get(strategy, 0)
    n_uncertain = count - n_random
    measure = "span" if strategy == "span" else "mnlp"
    drawn, uncertain = _Pool(n_random, apart=False), _Pool(_SPARE * count if n_uncertain else 0)
    n_rare = int(_RARE * n_uncertain) if strategy == "mix" or per_type else 0
    rare: dict[str, _Pool] = {}
    found = Suggestion()
    for each in scored:
        found.read += 1
        found.uncut += len(each.sentence.tokens or ()) == 1
        text, types = each.sentence.text, {m.type for m in each.sentence.mentions}
        found.types.update(mention.type for mention in each.sentence.mentions)
        if text_key(text) in exclude:
            found.excluded += 1
            continue
        key = text_key(text, seed)
        drawn.offer(_Entry(-key, key, each))
        entry = _Entry(getattr(each, measure), key, each)
        uncertain.offer(entry)
        for kind in types if n_rare else ():
            size = _SPARE * (per_type or max(1, n_rare // 4))
            rare.setdefault(kind, _Pool(size)).offer(entry)
    batch = _Batch()
    for entry in drawn.best():
        score = getattr(entry.scored, measure)
        batch.add(entry, "random", score, "drawn at random: fair to evaluate on")
    most_rare = n_rare if rare else 0
    batch.fill(uncertain, n_random + n_uncertain - most_rare, measure)
    each_type = per_type or max(1, n_rare // max(1, len(rare)))
    for kind, times in sorted(found.types.items(), key=lambda item: (item[1], item[0])):
        for entry in rare[kind].best() if kind in rare else ():
            if batch.types[kind] >= each_type or len(batch.chosen) >= count:
                break
            batch.add(entry, "type", entry.score, f"{kind} is found {times:,} times in all")
    batch.fill(uncertain, count, measure)
    mixed = sorted(batch.chosen.items(), key=lambda item: text_key(str(item[0]), seed))
    found.batch = [chosen for _, chosen in mixed]
    return found


class _Batch:
    """What is chosen so far."""

    def __init__(self) -> None:
        self.chosen: dict[int, Chosen] = {}
        self.types = Counter[str]()  # sentences with each
        self._signatures: list[Signature] = []

    def add(self, entry: _Entry, strategy: str, score: float, why: str) -> None:
        """Choose a candidate, unless it or a near duplicate is chosen."""
        sentence = entry.scored.sentence
        own = signature(sentence.text)
        if entry.key in self.chosen:
            return
        apart = strategy != "random"  # a fair sample has what text has
        if apart and self._signatures and are_alike(own, np.array(self._signatures)).any():
            return
        self._signatures.append(own)
        self.types.update({mention.type for mention in sentence.mentions})
        self.chosen[entry.key] = Chosen(sentence, strategy, score, why)

    def fill(self, pool: _Pool, count: int, measure: str) -> None:
        """Choose the most uncertain until there are so many."""
        for entry in pool.best():
            if len(self.chosen) >= count:
                break
            self.add(entry, measure, entry.score, f"uncertain: {entry.score:.3f} per token")
