"""Tables of entity types: each with its gain, and all of like frequency together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from kakehashi.experiments.analysis import Analysis, Gain
from kakehashi.experiments.groups import OURS, Group
from kakehashi.reports.tables import Table
from kakehashi.scoring.counts import Count

_EDGES = (0, 1, 10, 30, 100, 300, 1_000, 3_000, 10_000)


def type_table(analysis: Analysis) -> Table:
    """List the mean F1 of each entity type without and with what the baseline lacks."""
    rows = []
    for gain in _ours(analysis):
        before, after = gain.against.types, gain.group.types
        often = gain.group.training_types
        for name in sorted(after, key=lambda name: (-often.get(name, 0), name)):
            old, new = before.get(name, 0.0), after[name]
            cells = (f"{often.get(name, 0):,}", f"{old:.2f}", f"{new:.2f}", f"{new - old:+.2f}")
            rows.append((", ".join(gain.group.axes.values()), name, *cells))
    return Table(
        "Entity types",
        ("", "type", "in training", "baseline F1", "F1", "gain"),
        tuple(rows),
        n_labels=2,
    )


@dataclass(frozen=True)
class Band:
    """The entity types that are about as frequent in training, taken together.

    Attributes:
        frequencies: The band, written out: ``10–29``.
        often: Mentions in training of each of its types.
        before: What the baseline makes of their test mentions, over all runs.
        after: The same of what is compared with it.
        test_mentions: How many there are in the test set.
        better: How many of the types have a better mean F1.
        worse: How many a worse one.
    """

    frequencies: str
    often: tuple[int, ...]
    before: Count
    after: Count
    test_mentions: int
    better: int
    worse: int

    @property
    def points(self) -> float:
        """The gain in points of F1."""
        return self.after.f1 - self.before.f1


def frequency_bands(gain: Gain) -> list[Band]:
    """Take the types together that are about as frequent in training, the rarest first.

    The paper sees gains begin at about 100 mentions, and shrink again at high frequency (section
    5.4, figure 4).
    """
    often = gain.group.training_types
    members: dict[int, list[str]] = {}
    for name in sorted({*gain.group.types, *gain.against.types}):
        members.setdefault(bisect_right(_EDGES, often.get(name, 0)) - 1, []).append(name)
    return [_band(gain, _range(place), members[place]) for place in sorted(members)]


def _band(gain: Gain, frequencies: str, names: list[str]) -> Band:
    often, before, after = gain.group.training_types, gain.against.types, gain.group.types
    changes = [round(after.get(name, 0.0) - before.get(name, 0.0), 2) for name in names]
    new = _count(gain.group, names)
    return Band(
        frequencies,
        tuple(often.get(name, 0) for name in names),
        _count(gain.against, names),
        new,
        new.gold // len(gain.group.runs),
        sum(change > 0 for change in changes),
        sum(change < 0 for change in changes),
    )


def frequency_table(analysis: Analysis) -> Table:
    """List the bands of each comparison."""
    rows = tuple(
        (
            ", ".join(gain.group.axes.values()),
            band.frequencies,
            str(len(band.often)),
            f"{band.test_mentions:,}",
            f"{band.before.f1:.2f}",
            f"{band.after.f1:.2f}",
            f"{band.points:+.2f}",
            str(band.better),
            str(band.worse),
        )
        for gain in _ours(analysis)
        for band in frequency_bands(gain)
    )
    return Table(
        "Gain by the frequency of an entity type in training",
        ("", "mentions in training", "types", "test mentions", "baseline F1", "F1", "gain",
         "types better", "worse"),
        rows,
        ("F1 of all mentions of these types together, over all runs. A type is better or worse by"
         " its mean F1.",),
        n_labels=2,
    )  # fmt: skip


def _count(group: Group, members: Iterable[str]) -> Count:
    """Add up the mentions of some types over all runs."""
    results = [run.result["test"]["types"] for run in group.runs if run.result is not None]
    found = [types[name] for types in results for name in members if name in types]
    return Count(*(sum(count[key] for count in found) for key in ("gold", "predicted", "correct")))


def _ours(analysis: Analysis) -> list[Gain]:
    return [gain for gain in analysis.gains if gain.group.system == OURS]


def _range(place: int) -> str:
    low = _EDGES[place]
    if place + 1 == len(_EDGES):
        return f"{low:,} and more"
    high = _EDGES[place + 1] - 1
    return f"{low:,}–{high:,}" if low < high else f"{low:,}"
