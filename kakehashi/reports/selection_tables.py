"""The tables of grids that play the annotation loop."""

from __future__ import annotations

from math import isinf

from kakehashi.experiments.analysis import Analysis
from kakehashi.experiments.selection_curves import (
    SHARES,
    UNITS,
    SelectionCurve,
    selection_curves,
)
from kakehashi.reports.tables import Table

_SHOWN = ("sentences", "minutes")


def round_table(analysis: Analysis) -> Table:
    """List F1 after each round, with what was annotated until then."""
    curves = selection_curves(analysis)
    axes = tuple(curves[0].axes) if curves else ()
    rows = []
    for curve in curves:
        for number, point in enumerate(curve.points, 1):
            sizes = (f"{point.size[unit]:,.0f}" for unit in UNITS)
            spread = "" if point.deviation is None else f" ±{point.deviation:.2f}"
            rows.append((*curve.axes.values(), number, *sizes, f"{point.f1:.2f}{spread}"))
    note = "Means over the seeds. Minutes are assumed: so many seconds a sentence, token, mention."
    headings = (*axes, "round", *UNITS, "F1")
    return Table("The annotation loop, round by round", headings, rows, [note], len(axes))


def selection_table(analysis: Analysis) -> Table:
    """List the area under each curve, its test, and the labels needed for nearly full F1."""
    curves = selection_curves(analysis)
    axes = tuple(curves[0].axes) if curves else ()
    rows = []
    for curve in curves:
        needed = [_worded(curve, unit, place) for place in range(len(SHARES)) for unit in _SHOWN]
        p = None if curve.test is None else f"{curve.test.p:.4f}"
        rows.append((*curve.axes.values(), curve.area, p, curve.full, *needed))
    headings = [*axes, "area", "p of the area", "full F1"]
    headings += [f"{unit} for {share:.0%}" for share in SHARES for unit in _SHOWN]
    notes = [
        "Area is the mean F1 over the sentences annotated; p is of the permutation of run labels,"
        " against the baseline, without correction. Needed are those for a share of the F1 with all"
        " labels, read off the mean curve, which is made to rise and straight over log size."
    ]
    return Table("What selection saves", headings, rows, notes, len(axes))


def _worded(curve: SelectionCurve, unit: str, place: int) -> str | None:
    if unit not in curve.needed:
        return None
    size = curve.needed[unit][place]
    return f"> {curve.points[-1].size[unit]:,.0f}" if isinf(size) else f"{size:,.0f}"
