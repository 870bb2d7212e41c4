"""One page about a grid: what was found, tables, figures, how to rerun it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kakehashi.errors import ConfigError
from kakehashi.experiments.analysis import Analysis
from kakehashi.experiments.learning_curve import EquivalentSize
from kakehashi.reports.figures import FIGURES
from kakehashi.reports.grid_tables import tables_of
from kakehashi.reports.style import Drawing
from kakehashi.reports.summary import findings
from kakehashi.reports.tables import written
from kakehashi.reports.templates import render

_REFERENCE = re.compile(r'(\bid="|xlink:href="#|url\(#)')


def page(analysis: Analysis, savings: Sequence[EquivalentSize], commands: Sequence[str]) -> str:
    """Write the page as HTML; it needs no other file and no network.

    Args:
        analysis: The grid.
        savings: Of its size curve, if it has one.
        commands: How to make it again, one command a line.

    Raises:
        MissingExtraError: If it names a figure and matplotlib is not installed.
    """
    drawings, missing = drawings_of(analysis)
    return render(
        "page.html",
        title=analysis.grid.title or analysis.grid.name,
        findings=findings(analysis, savings),
        figures=[_inline(drawing) for drawing in drawings],
        missing=missing,
        tables=tables_of(analysis, savings),
        signature=analysis.signature,
        commands=commands,
    )


def markdown_page(
    analysis: Analysis,
    savings: Sequence[EquivalentSize],
    commands: Sequence[str],
    figures: Mapping[str, str],
) -> str:
    """Write the same as Markdown.

    Args:
        analysis: The grid.
        savings: Of its size curve, if it has one.
        commands: How to make it again, one command a line.
        figures: Title of each figure to the file it stands in.
    """
    heading = f"# {analysis.grid.title or analysis.grid.name}\n"
    found = written([], "markdown", before=findings(analysis, savings))
    pictures = [f"![{title}]({path})\n" for title, path in figures.items()]
    tables = tables_of(analysis, savings).values()
    body = written(tables, "markdown", after=analysis.signature)
    made_by = "\n".join(["Made by\n", "```sh", *commands, "```\n"])
    return "\n".join([heading, found, *pictures, body, made_by])


def drawings_of(analysis: Analysis) -> tuple[list[Drawing], list[str]]:
    """Draw the figures that a grid names, and say which cannot be drawn, and why."""
    drawings, missing = [], []
    for name in _figure_names(analysis):
        try:
            drawings.append(FIGURES[name](analysis))
        except ConfigError as error:  # a grid that is not finished has a page all the same
            missing.append(f"No figure of {name}: {error}.")
    return drawings, missing


def _figure_names(analysis: Analysis) -> list[str]:
    """Name the grid's figures; with the arrows of the types come their bands and bars."""
    names: list[str] = list(analysis.grid.report.figures)
    return [*names, "frequencies", "gains"] if "types" in names else names


def _inline(drawing: Drawing) -> Mapping[str, str]:
    """Make an SVG file part of a page: no prolog, and ids that no other figure has."""
    text = drawing.render("svg").decode()
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = _REFERENCE.sub(rf"\g<1>{drawing.name}-", svg)
    return {"title": drawing.title, "svg": svg}
