"""One self-contained HTML page about a grid: what was found, tables, figures, how to rerun it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kakehashi.errors import ConfigError
from kakehashi.experiments.analysis import Analysis
from kakehashi.experiments.savings import Saving
from kakehashi.reports.drawing import Drawing
from kakehashi.reports.figures import FIGURES
from kakehashi.reports.findings import findings
from kakehashi.reports.scores import tables_of
from kakehashi.reports.templates import render

_REFERENCE = re.compile(r'(\bid="|xlink:href="#|url\(#)')


def page(analysis: Analysis, savings: Sequence[Saving], commands: Sequence[str]) -> str:
    """Write the page; it needs no other file and no network.

    Args:
        analysis: The grid.
        savings: Of its size curve, if it has one.
        commands: How to make it again, one command a line.

    Raises:
        MissingExtraError: If it names one and matplotlib is not installed.
    """
    grid = analysis.grid
    figures, missing = [], []
    for name in _figure_names(analysis):
        try:
            figures.append(_inline(FIGURES[name](analysis)))
        except ConfigError as error:  # a grid that is not finished has a page all the same
            missing.append(f"No figure of {name}: {error}.")
    return render(
        "page.html",
        title=grid.title or grid.name,
        findings=findings(analysis, savings),
        figures=figures,
        missing=missing,
        tables=tables_of(analysis, savings),
        signature=analysis.signature,
        commands=commands,
    )


def _figure_names(analysis: Analysis) -> list[str]:
    """Name the grid's figures; with the arrows of the types come their bars."""
    names: list[str] = list(analysis.grid.report.figures)
    return [*names, "gains"] if "types" in names else names


def _inline(drawing: Drawing) -> Mapping[str, str]:
    """Make an SVG file part of a page: no prolog, and ids that no other figure has."""
    text = drawing.render("svg").decode()
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = _REFERENCE.sub(rf"\g<1>{drawing.name}-", svg)
    return {"title": drawing.title, "svg": svg}
