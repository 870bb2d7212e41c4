"""One page about a grid: a summary, tables, figures, how to run it again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kakehashi.errors import ConfigError
from kakehashi.experiments.analysis import Analysis
from kakehashi.experiments.learning_curve import EquivalentSize
from kakehashi.reports.figures import FIGURES
from kakehashi.reports.grid_tables import grid_tables
from kakehashi.reports.style import Drawing
from kakehashi.reports.summary import summarize
from kakehashi.reports.tables import render, written

_REFERENCE = re.compile(r'(\bid="|xlink:href="#|url\(#)')


def html_page(analysis: Analysis, sizes: Sequence[EquivalentSize], commands: Sequence[str]) -> str:
    """Write the page as HTML, which needs no other file; the commands make it again.

    Raises:
        MissingExtraError: If the grid names a figure and matplotlib is not installed.
    """
    drawings, missing = drawings_of(analysis)
    figures = []
    for drawing in drawings:
        # Part of a page: no prolog, and ids that no other figure has.
        svg = drawing.render("svg").decode()
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
        svg = _REFERENCE.sub(rf"\g<1>{drawing.name}-", svg)
        figures.append({"title": drawing.title, "svg": svg})
    return render(
        "page.html",
        title=analysis.grid.title or analysis.grid.name,
        summary=summarize(analysis, sizes),
        figures=figures,
        missing=missing,
        tables=grid_tables(analysis, sizes),
        signature=analysis.signature,
        commands=commands,
    )


def markdown_page(
    analysis: Analysis,
    sizes: Sequence[EquivalentSize],
    commands: Sequence[str],
    figures: Mapping[str, str],
) -> str:
    """Write the page as Markdown; ``figures`` are the files of the figures by their titles."""
    parts = [
        f"# {analysis.grid.title or analysis.grid.name}\n",
        written([], "markdown", before=summarize(analysis, sizes)),
        *(f"![{title}]({path})\n" for title, path in figures.items()),
        written(grid_tables(analysis, sizes).values(), "markdown", after=analysis.signature),
        "\n".join(["Made by\n", "```sh", *commands, "```\n"]),
    ]
    return "\n".join(parts)


def drawings_of(analysis: Analysis) -> tuple[list[Drawing], list[str]]:
    """Draw the figures that a grid names, and say which cannot be drawn, and why.

    With the arrows of the entity types come their frequency bands and bars.
    """
    names: list[str] = list(analysis.grid.report.figures)
    drawings, missing = [], []
    for name in [*names, "frequencies", "gains"] if "types" in names else names:
        try:
            drawings.append(FIGURES[name](analysis))
        except ConfigError as error:  # a grid that is not finished has a page all the same
            missing.append(f"No figure of {name}: {error}.")
    return drawings, missing
