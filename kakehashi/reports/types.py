"""Tables of entity types: each with its gain, and all of like frequency together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

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


def frequency_table(analysis: Analysis) -> Table:
    """Take the types together that are about as frequent in training.

    The paper sees gains begin at about 100 mentions, and shrink again at high frequency (section
    5.4, figure 4).
    """
    rows = []
    for gain in _ours(analysis):
        label = ", ".join(gain.group.axes.values())
        often = gain.group.training_types
        names = sorted({*gain.group.types, *gain.against.types})
        for place in range(len(_EDGES)):
            members = [name for name in names if _place(often.get(name, 0)) == place]
            if members:
                rows.append((label, _range(place), *_together(gain, members)))
    return Table(
        "Gain by the frequency of an entity type in training",
        ("", "mentions in training", "types", "test mentions", "baseline F1", "F1", "gain",
         "types better", "worse"),
        tuple(rows),
        ("F1 of all mentions of these types together, over all runs. A type is better or worse by"
         " its mean F1.",),
        n_labels=2,
    )  # fmt: skip


def _together(gain: Gain, members: list[str]) -> list[str]:
    old, new = _count(gain.against, members), _count(gain.group, members)
    before, after = gain.against.types, gain.group.types
    changes = [round(after.get(name, 0.0) - before.get(name, 0.0), 2) for name in members]
    return [
        str(len(members)),
        f"{new.gold // len(gain.group.runs):,}",
        f"{old.f1:.2f}",
        f"{new.f1:.2f}",
        f"{new.f1 - old.f1:+.2f}",
        str(sum(change > 0 for change in changes)),
        str(sum(change < 0 for change in changes)),
    ]


def _count(group: Group, members: Iterable[str]) -> Count:
    """Add up the mentions of some types over all runs."""
    results = [run.result["test"]["types"] for run in group.runs if run.result is not None]
    found = [types[name] for types in results for name in members if name in types]
    return Count(*(sum(count[key] for count in found) for key in ("gold", "predicted", "correct")))


def _ours(analysis: Analysis) -> list[Gain]:
    return [gain for gain in analysis.gains if gain.group.system == OURS]


def _place(often: int) -> int:
    return bisect_right(_EDGES, often) - 1


def _range(place: int) -> str:
    low = _EDGES[place]
    if place + 1 == len(_EDGES):
        return f"{low:,} and more"
    high = _EDGES[place + 1] - 1
    return f"{low:,}–{high:,}" if low < high else f"{low:,}"
