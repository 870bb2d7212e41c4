"""The tables of a grid: scores, gains, comparisons, seeds, sizes, seen values, types."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from itertools import groupby
from statistics import fmean
from typing import NamedTuple

from kakehashi.experiments.analysis import LEVEL, OURS, Analysis, Gain, Group, seeds_needed
from kakehashi.experiments.learning_curve import find_equivalent_sizes
from kakehashi.reports.selection_tables import round_table, selection_table
from kakehashi.reports.tables import NOTHING, Table
from kakehashi.scoring.score import Count
from kakehashi.scoring.significance import THE_METHOD, THESE_MODELS

_PAPERS_WAY = "paper's way"
_EDGES = (0, 1, 10, 30, 100, 300, 1_000, 3_000, 10_000)


def grid_tables(analysis: Analysis) -> dict[str, Table]:
    """Make every table that a grid fills, by its short name."""
    report = analysis.grid.report
    tables = {
        "scores": score_table(analysis),
        "gains": gain_table(analysis.gains, f"Gains over {_joined(report.baseline)}"),
        "comparisons": gain_table(analysis.comparisons, f"Against {_joined(report.reference)}"),
        "seeds": seed_table(analysis),
        "learning-curve": learning_curve_table(analysis),
        "rounds": round_table(analysis),
        "selection": selection_table(analysis),
        "unseen": unseen_table(analysis),
        "ceilings": ceiling_table(analysis),
    }
    if "types" in report.figures:
        tables |= {"frequencies": frequency_table(analysis), "types": type_table(analysis)}
    return {name: table for name, table in tables.items() if table.rows}


def score_table(analysis: Analysis) -> Table:
    """Arrange mean F1 and gains as the grid's report says; the paper's way has its own column."""
    report = analysis.grid.report
    gains = {id(gain.group): gain for gain in analysis.gains}
    axes = [axis for axis in _row_axes(analysis) if axis != report.columns]
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for group in analysis.groups:
        row = rows.setdefault(tuple(group.axes[axis] for axis in axes), {})
        column = f"{group.axes[report.columns]}: " if report.columns else ""
        gain = gains.get(id(group))
        mean = NOTHING if group.mean is None else f"{group.mean:.2f}"
        spread = "" if group.deviation is None else f" ±{group.deviation:.2f}"
        missing = f" ({group.found})" if len(group.runs) < group.wanted else ""
        best, before = group.best_on_test, gain.against.best_on_test if gain else None
        over = "" if best is None or before is None else f" ({best - before:+.2f})"
        row[f"{column}F1"] = f"{mean}{spread}{missing}"
        row[f"{column}gain"] = f"{gain.absolute:+.2f}{'*' * gain.marked}" if gain else ""
        row[f"{column}{_PAPERS_WAY}"] = "" if best is None else f"{best:.2f}{over}"
    columns = analysis.grid.labels[report.columns] if report.columns else ()
    kinds = ("F1", "gain", _PAPERS_WAY)
    headings = [f"{name}: {kind}" for name in columns for kind in kinds] or kinds
    # The baseline gains nothing over itself: where it is a column, it has none for gains.
    filled = [heading for heading in headings if any(row.get(heading) for row in rows.values())]
    cells = ((*names, *(row.get(heading) for heading in filled)) for names, row in rows.items())
    title = analysis.grid.title or analysis.grid.name
    return Table(title, (*axes, *filled), cells, _score_notes(analysis), len(axes))


def _row_axes(analysis: Analysis) -> list[str]:
    """The axes that head a row, the report's own first."""
    rows = analysis.grid.report.rows
    return [rows, *(axis for axis in analysis.grid.axes if axis != rows)]


def _score_notes(analysis: Analysis) -> list[str]:
    notes = ["Mean F1 over the seeds in percent, ± sample standard deviation."]
    if analysis.gains:
        baseline = _joined(analysis.grid.report.baseline)
        notes.append(f"Gains are in points over {baseline}. * holds: both tests pass.")
        notes += _test_notes(analysis.gains)
    if any(len(group.runs) < group.wanted for group in analysis.groups):
        notes.append("(3/5): of five runs asked for, three are finished; the mean is of those.")
    if any(group.best_on_test is not None for group in analysis.groups):
        notes.append(
            "The paper's way takes each run's best epoch on the test set, which is no honest"
            " estimate; F1 and gains are of epochs selected as the signature says."
        )
    return notes


def gain_table(gains: Sequence[Gain], title: str) -> Table:
    """List comparisons with both tests."""
    axes = tuple(gains[0].group.axes) if gains else ()
    rows = []
    for gain in gains:
        ours, theirs = gain.group.axes, gain.against.axes
        against = ", ".join(label for axis, label in theirs.items() if ours[axis] != label)
        relative = None if gain.relative is None else f"{gain.relative:+.2f} %"
        tests = (test.p if test else None for test in (gain.models, gain.method))
        ps = (p if p is None else f"{p:.4f}" for p in (*tests, gain.p_models, gain.p_method))
        holds = "yes" if gain.marked else "no"
        rows.append((*ours.values(), against, f"{gain.absolute:+.2f}", relative, *ps, holds))
    headings = (
        *axes, "against", "gain", "relative", "p these models", "p the method",
        "Holm these models", "Holm the method", "holds",
    )  # fmt: skip
    return Table(title, headings, rows, _test_notes(gains) if gains else (), len(axes) + 1)


def _test_notes(gains: Sequence[Gain]) -> list[str]:
    """What the two tests claim, and where the second cannot pass."""
    notes = []
    if any(gain.models for gain in gains):
        notes.append(
            f"First test, approximate randomization: {THESE_MODELS} differ in mean F1 by more than"
            f" chance. Second test, permutation of run labels: so does {THE_METHOD}. Both are"
            f" two-sided, with Holm's correction over {len(gains)} in all; a gain holds if both"
            f" give p ≤ {LEVEL}."
        )
    if any(gain.models is None for gain in gains):
        notes.append("Not tested where counts per sentence are missing or test sets differ.")
    smallest = min(gain.smallest_p for gain in gains)
    if smallest * len(gains) > LEVEL:
        remedy = f"{seeds_needed(len(gains))} seeds on each side would do."
        if all(gain.against.wanted == 1 for gain in gains):
            remedy = "the other side has no seeds."
        notes.append(
            f"Nothing can hold here: with so few runs the second test gives p of at least"
            f" {smallest:.4f}, {min(1.0, smallest * len(gains)):.4f} after the correction; {remedy}"
        )
    return notes


def seed_table(analysis: Analysis) -> Table:
    """List every score, with mean, sample standard deviation and interval."""
    axes = _row_axes(analysis)
    seeds = analysis.grid.labels["seed"]
    rows = []
    for group in analysis.groups:
        scores = (group.scores.get(seed) for seed in seeds)
        ends = (None, None) if group.interval is None else astuple(group.interval)
        summary = (group.mean, group.deviation, *ends, group.best_on_test)
        rows.append((*(group.axes[axis] for axis in axes), group.found, *scores, *summary))
    each = [f"seed {seed}" for seed in seeds]
    headings = (*axes, "runs", *each, "mean", "sd", "95 % low", "95 % high", _PAPERS_WAY)
    notes = (
        "A system without a seed has one run, and its score stands as the mean.",
        "The interval of the mean is a bootstrap over test sentences; it does not speak of seeds.",
    )
    return Table("Every run", headings, rows, notes, n_labels=len(axes))


def learning_curve_table(analysis: Analysis) -> Table:
    """List how many sentences training from scratch needs to do as well as transfer."""
    sizes = find_equivalent_sizes(analysis)
    axes = tuple(sizes[0].axes) if sizes else ()
    rows = ((*s.axes.values(), s.size, s.worded(s.equals), s.interval, s.ratio) for s in sizes)
    headings = (*axes, "n with transfer", "equals m from scratch", "95 % interval of m", "m / n")
    notes = (
        "m is read off the curve from scratch, made to rise and straight over log size; the "
        "interval resamples test sentences and seeds. Sizes beyond the curve are unknown.",
        "The paper claims m / n of at least 2 at n = 500,000 (section 5.4).",
    )
    title = "What transfer saves: with n sentences it equals m from scratch"
    return Table(title, headings, rows, notes, len(axes) + 1)


def unseen_table(analysis: Analysis) -> Table:
    """List mean F1 on the test mentions whose values training has, and on the others."""
    axes, rows = _row_axes(analysis), []
    for group in (group for group in analysis.groups if group.values):
        parts = [[run[part] for run in group.values] for part in ("seen", "unseen")]
        n_seen, n_unseen = (sum(count.gold for count in part) for part in parts)
        f1s = (
            fmean(c.f1 for c in part) if n else None
            for part, n in zip(parts, (n_seen, n_unseen), strict=True)
        )
        share = f"{100 * n_unseen / (n_seen + n_unseen or 1):.1f} %"
        rows.append((*(group.axes[axis] for axis in axes), *f1s, share))
    notes = (
        "A value is the type and text of a mention; it is seen if the training set of the run has"
        " it. A predicted mention counts where its own value belongs. Mean F1 over the seeds.",
    )
    headings = (*axes, "F1 seen", "F1 unseen", "of the test mentions unseen")
    return Table("Seen and unseen values", headings, rows, notes, n_labels=len(axes))


def ceiling_table(analysis: Analysis) -> Table:
    """Compute the F1 that a perfect tagger of these tokens could reach."""
    rows: dict[tuple[object, ...], None] = {}  # in order, each once
    for run in (run for group in analysis.groups for run in group.runs):
        test, segmenter = run.result["corpus"]["test"], run.settings["text"]["segmenter"]
        found = test["entities"] - test["lost"]
        ceiling = 200 * found / (found + test["entities"]) if test["entities"] else 0.0
        rows[(run.result["name"], segmenter, test["entities"], test["lost"], ceiling)] = None
    headings = ("corpus", "segmenter", "mentions", "of them lost", "best possible F1")
    note = "A lost mention begins or ends inside a token; no tagger of tokens can find it."
    return Table("Segmentation ceiling of the test set", headings, rows, [note], n_labels=2)


def our_gains(analysis: Analysis) -> list[Gain]:
    """Return the gains over the baseline that are of our own recognizer."""
    return [gain for gain in analysis.gains if gain.group.system == OURS]


def type_changes(gain: Gain) -> list[tuple[str, int, float, float]]:
    """List types, the most frequent first: mentions in training, F1 of the baseline, F1."""
    before, after, often = gain.against.types, gain.group.types, gain.group.training_types
    names = sorted({*before, *after}, key=lambda name: (-often.get(name, 0), name))
    return [(n, often.get(n, 0), before.get(n, 0.0), after.get(n, 0.0)) for n in names]


def type_table(analysis: Analysis) -> Table:
    """List the mean F1 of each entity type without and with what the baseline lacks."""
    rows = (
        (_joined(gain.group.axes), name, often, old, new, f"{new - old:+.2f}")
        for gain in our_gains(analysis)
        for name, often, old, new in type_changes(gain)
    )
    headings = ("", "type", "in training", "baseline F1", "F1", "gain")
    return Table("Entity types", headings, rows, n_labels=2)


class Band(NamedTuple):
    """The entity types that are about as frequent in training, e.g. ``10–29`` times.

    Each type is as in `type_changes`. Of their test mentions over all runs there are the counts of
    the baseline and of what is compared with it.
    """

    frequencies: str
    types: list[tuple[str, int, float, float]]
    before: Count
    after: Count
    test_mentions: int


def frequency_bands(gain: Gain) -> list[Band]:
    """Group the types by frequency in training, the rarest first, as section 5.4 looks at them."""
    bands = []
    rising = reversed(type_changes(gain))
    for place, found in groupby(rising, lambda change: bisect_right(_EDGES, change[1]) - 1):
        types = list(found)
        old, new = (
            _count(group, [name for name, *_ in types]) for group in (gain.against, gain.group)
        )
        low, end = (*_EDGES, 0)[place : place + 2]
        upper = f"–{end - 1:,}" if end else " and more"
        frequencies = f"{low:,}" if end == low + 1 else f"{low:,}{upper}"
        bands.append(Band(frequencies, types, old, new, new.gold // len(gain.group.runs)))
    return bands


def _count(group: Group, names: Sequence[str]) -> Count:
    """Add up the mentions of some types over all runs."""
    results = [run.result["test"]["types"] for run in group.runs]
    found = [types[name] for types in results for name in names if name in types]
    return Count(*(sum(count[key] for count in found) for key in Count._fields))


def frequency_table(analysis: Analysis) -> Table:
    """List the bands of each comparison."""
    rows = []
    for gain in our_gains(analysis):
        for band in frequency_bands(gain):
            f1s = band.before.f1, band.after.f1, f"{band.after.f1 - band.before.f1:+.2f}"
            changes = [round(new - old, 2) for *_, old, new in band.types]
            better, worse = sum(c > 0 for c in changes), sum(c < 0 for c in changes)
            numbers = len(changes), band.test_mentions, *f1s, better, worse
            rows.append((_joined(gain.group.axes), band.frequencies, *numbers))
    headings = (
        "", "mentions in training", "types", "test mentions", "baseline F1", "F1", "gain",
        "types better", "worse",
    )  # fmt: skip
    note = "F1 of all mentions of these types together, over all runs."
    note += " A type is better or worse by its mean F1."
    title = "Gain by the frequency of an entity type in training"
    return Table(title, headings, rows, [note], n_labels=2)


def _joined(axes: Mapping[str, str]) -> str:
    return ", ".join(axes.values())
