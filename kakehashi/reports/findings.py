"""What a grid shows, in words; where ours loses comes first."""

from __future__ import annotations

from collections.abc import Container, Sequence

from kakehashi.experiments.analysis import Analysis, Gain
from kakehashi.experiments.groups import OURS, Group
from kakehashi.experiments.savings import Saving


def findings(analysis: Analysis, savings: Sequence[Saving] = ()) -> str:
    """Write the first paragraph of a report.

    Args:
        analysis: The grid.
        savings: Of its size curve, if it has one.
    """
    sentences = [*_contests(analysis), *_gains(analysis), *_savings(savings), *_missing(analysis)]
    return " ".join(sentences)


def _contests(analysis: Analysis) -> list[str]:
    """Say for each setting whether the yardstick is better, the losses first."""
    groups: dict[int, tuple[Group, list[Gain]]] = {}
    for contest in analysis.contests:
        if contest.group.system == OURS:
            found = groups.setdefault(id(contest.against), (contest.against, []))
            found[1].append(contest)
    losses: list[str] = []
    wins: list[str] = []
    for yardstick, contests in groups.values():
        best = max(contests, key=lambda contest: contest.absolute)
        lost = sum(contest.absolute < 0 for contest in contests)
        (losses if lost else wins).append(_contest(analysis, yardstick, best, lost, len(contests)))
    return losses + wins


def _contest(analysis: Analysis, yardstick: Group, best: Gain, lost: int, n: int) -> str:
    where = _place(yardstick, analysis.grid.report.yardstick.keys())
    rival = ", ".join(analysis.grid.report.yardstick.values())
    ours = f"{_named(best, analysis)} with {best.group.mean:.2f}"
    if lost == n:
        which = "ours loses" if n == 1 else f"all {n} of ours lose"
        verdict = f"{which} to {rival} ({yardstick.mean:.2f}): the best is {ours},"
        return f"{where}{verdict} {-best.absolute:.2f} points behind."
    if lost:
        verdict = f"{lost} of our {n} lose to {rival} ({yardstick.mean:.2f}); the best is {ours},"
    else:
        verdict = f"ours is ahead of {rival} ({yardstick.mean:.2f}): the best is {ours},"
    return f"{where}{verdict} {best.absolute:.2f} points ahead ({_chance(best)})."


def _chance(gain: Gain) -> str:
    """Say both tests, corrected."""
    models, method = (
        "untested" if p is None else f"p = {p:.4f}" for p in (gain.p_models, gain.p_method)
    )
    return f"{models} for these trained models, {method} for the method"


def _gains(analysis: Analysis) -> list[str]:
    gains = [gain for gain in analysis.gains if gain.group.system == OURS]
    if not gains:
        return []
    best = max(gains, key=lambda gain: gain.absolute)
    worst = min(gains, key=lambda gain: gain.absolute)
    up, down = (sum(sign * gain.absolute > 0 for gain in gains) for sign in (1, -1))
    held_up, held_down = (
        sum(gain.marked and sign * gain.absolute > 0 for gain in gains) for sign in (1, -1)
    )
    baseline = ", ".join(analysis.grid.report.baseline.values())
    sentences = [
        f"Compared with {baseline}, {up} of {len(gains)} are better ({held_up} hold in both tests)"
        f" and {down} worse ({held_down} hold)."
    ]
    if len(gains) > 1:
        sentences.append(f"The largest gain is {_change(best)}, the smallest {_change(worst)}.")
    return sentences


def _savings(savings: Sequence[Saving]) -> list[str]:
    known = [(saving.ratio, saving) for saving in savings if saving.ratio is not None]
    if not known:
        return []
    ratio, saving = max(known, key=lambda entry: entry[1].size)
    where = ", ".join(saving.axes.values())
    return [
        f"At the largest size that can be compared ({where}), {saving.size:,} sentences with"
        f" transfer are worth {saving.equals:,.0f} from scratch, {ratio:.2f} times as many."
    ]


def _missing(analysis: Analysis) -> list[str]:
    wanted = sum(group.wanted for group in analysis.groups)
    found = sum(len(group.runs) for group in analysis.groups)
    return [] if found == wanted else [f"Only {found} of {wanted} runs are finished."]


def _place(group: Group, without: Container[str]) -> str:
    """Begin a sentence with the labels that a comparison does not vary."""
    labels = [label for axis, label in group.axes.items() if axis not in without]
    return f"{', '.join(labels)}: " if labels else ""


def _named(gain: Gain, analysis: Analysis) -> str:
    axes = analysis.grid.report.yardstick
    return ", ".join(label for axis, label in gain.group.axes.items() if axis in axes)


def _change(gain: Gain) -> str:
    return f"{gain.absolute:+.2f} ({', '.join(gain.group.axes.values())})"
