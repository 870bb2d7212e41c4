"""What a grid shows, in words; where ours loses comes first."""

from __future__ import annotations

from collections.abc import Container, Sequence

from kakehashi.experiments.analysis import LEVEL, OURS, Analysis, Gain, Group
from kakehashi.experiments.learning_curve import EquivalentSize

_MOST = 8  # settings listed one by one


def findings(analysis: Analysis, savings: Sequence[EquivalentSize] = ()) -> str:
    """Write the first paragraph of a report.

    Args:
        analysis: The grid.
        savings: Of its size curve, if it has one.
    """
    sentences = [
        *_comparisons(analysis),
        *_gains(analysis),
        *_savings(savings),
        *_missing(analysis),
    ]
    return " ".join(sentences)


def _comparisons(analysis: Analysis) -> list[str]:
    """Say for each setting whether the best of ours beats the reference, the losses first."""
    comparisons = [gain for gain in analysis.comparisons if gain.group.system == OURS]
    best: dict[int, Gain] = {}
    for gain in comparisons:
        rival = id(gain.against)
        if rival not in best or gain.absolute > best[rival].absolute:
            best[rival] = gain
    if not comparisons:
        return []
    name = ", ".join(analysis.grid.report.reference.values())
    lost = [gain for gain in best.values() if gain.absolute < 0]
    won = [gain for gain in best.values() if gain.absolute >= 0]
    sentences = []
    if lost:
        where = f" in {len(lost)} of {len(best)} settings" if len(best) > 1 else ""
        sentences.append(f"Ours loses to {name}{where}: {_listed(lost, analysis)}.")
    if won:
        where = f" in {len(won)} of {len(best)} settings" if len(best) > 1 else ""
        sentences.append(f"Ours is ahead of {name}{where}: {_listed(won, analysis)}.")
    return [*sentences, _all_comparisons(comparisons, name)]


def _listed(comparisons: Sequence[Gain], analysis: Analysis) -> str:
    """List the best of ours in each setting against the reference, the widest gap first."""
    axes = analysis.grid.report.reference
    found = sorted(comparisons, key=lambda gain: -abs(gain.absolute))
    parts = [
        f"{_place(gain.against, axes)}{_named(gain, axes)} has {gain.group.mean:.2f}"
        f" against {gain.against.mean:.2f} ({gain.absolute:+.2f})"
        for gain in found[:_MOST]
    ]
    more = f"; and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return "; ".join(parts) + more


def _all_comparisons(comparisons: Sequence[Gain], name: str) -> str:
    behind = [gain for gain in comparisons if gain.absolute < 0]
    ahead = [gain for gain in comparisons if gain.absolute > 0]
    return (
        f"Counting all of ours, {len(behind)} of {len(comparisons)} are behind {name}"
        f" ({_passed(behind)}) and {len(ahead)} ahead ({_passed(ahead)})."
    )


def _passed(gains: Sequence[Gain]) -> str:
    """Say how many hold, and how many pass at least the test on these models."""
    models = sum(gain.p_models is not None and gain.p_models <= LEVEL for gain in gains)
    return f"{models} by the first test, {sum(gain.marked for gain in gains)} by both"


def _gains(analysis: Analysis) -> list[str]:
    gains = [gain for gain in analysis.gains if gain.group.system == OURS]
    baseline = ", ".join(analysis.grid.report.baseline.values())
    if not gains:
        return []
    if len(gains) == 1:
        return [f"Compared with {baseline} the gain is {_change(gains[0])}: {_chance(gains[0])}."]
    best = max(gains, key=lambda gain: gain.absolute)
    worst = min(gains, key=lambda gain: gain.absolute)
    up = [gain for gain in gains if gain.absolute > 0]
    down = [gain for gain in gains if gain.absolute < 0]
    return [
        f"Compared with {baseline}, {len(up)} of {len(gains)} are better ({_passed(up)}) and"
        f" {len(down)} worse ({_passed(down)}).",
        f"The largest gain is {_change(best)}, the smallest {_change(worst)}.",
    ]


def _chance(gain: Gain) -> str:
    """Say both tests, corrected."""
    models, method = (
        "untested" if p is None else f"p = {p:.4f}" for p in (gain.p_models, gain.p_method)
    )
    return f"{models} for these trained models, {method} for the method"


def _savings(savings: Sequence[EquivalentSize]) -> list[str]:
    """Tell of each curve the largest size that can be compared."""
    largest = {tuple(saving.axes.values()): saving for saving in savings if saving.ratio}
    return [
        f"On the curve of {', '.join(labels)}, {saving.size:,} sentences are worth"
        f" {saving.worded(saving.equals)} from scratch, {saving.ratio:.2f} times as many"
        f" (95 % interval {saving.interval or 'unknown'})."
        for labels, saving in largest.items()
    ]


def _missing(analysis: Analysis) -> list[str]:
    wanted = sum(group.wanted for group in analysis.groups)
    found = sum(len(group.runs) for group in analysis.groups)
    return [] if found == wanted else [f"Only {found} of {wanted} runs are finished."]


def _place(group: Group, without: Container[str]) -> str:
    """Begin a clause with the labels that a gain does not vary."""
    labels = [label for axis, label in group.axes.items() if axis not in without]
    return f"{', '.join(labels)}: " if labels else ""


def _named(gain: Gain, axes: Container[str]) -> str:
    return ", ".join(label for axis, label in gain.group.axes.items() if axis in axes)


def _change(gain: Gain) -> str:
    return f"{gain.absolute:+.2f} ({', '.join(gain.group.axes.values())})"
