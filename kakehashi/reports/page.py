"""One page about a grid: a summary in words, tables, figures, how to run it again."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

from kakehashi.errors import ConfigError
from kakehashi.experiments.analysis import LEVEL, OURS, Analysis, Gain
from kakehashi.experiments.learning_curve import find_equivalent_sizes
from kakehashi.reports.figures import FIGURES, Drawing
from kakehashi.reports.grid_tables import grid_tables, our_gains
from kakehashi.reports.tables import render, written

_MOST = 8  # settings that the summary lists one by one
_REFERENCE = re.compile(r'(\bid="|xlink:href="#|url\(#)')


def html_page(analysis: Analysis, commands: Sequence[str]) -> str:
    """Write the page as HTML, which needs no other file; the commands make it again."""
    drawings, missing = drawings_of(analysis)
    figures = []
    for drawing in drawings:
        # Part of a page: no prolog, and ids that no other figure has.
        svg = drawing.render("svg").decode()
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
        svg = _REFERENCE.sub(rf"\g<1>{drawing.name}-", svg)
        figures.append({"title": drawing.title, "svg": svg})
    return render(
        "page.html", title=analysis.grid.title or analysis.grid.name, figures=figures,
        summary=summarize(analysis), tables=grid_tables(analysis), missing=missing,
        signature=analysis.signature, commands=commands,
    )  # fmt: skip


def markdown_page(analysis: Analysis, commands: Sequence[str], figures: Mapping[str, str]) -> str:
    """Write the page as Markdown; ``figures`` are the files of the figures by their titles."""
    parts = [
        f"# {analysis.grid.title or analysis.grid.name}\n",
        written([], "markdown", before=summarize(analysis)),
        *(f"![{title}]({path})\n" for title, path in figures.items()),
        written(grid_tables(analysis).values(), "markdown", after=analysis.signature),
        "\n".join(["Made by\n", "```sh", *commands, "```\n"]),
    ]
    return "\n".join(parts)


def drawings_of(analysis: Analysis) -> tuple[list[Drawing], list[str]]:
    """Draw the figures that a grid names, and say which cannot be drawn, and why."""
    names: list[str] = list(analysis.grid.report.figures)
    if "types" in names:  # with the arrows come frequency bands and bars
        names += ["frequencies", "gains"]
    drawings, missing = [], []
    for name in names:
        try:
            drawings.append(FIGURES[name](analysis))
        except ConfigError as error:  # a grid that is not finished has a page all the same
            missing.append(f"No figure of {name}: {error}.")
    return drawings, missing


def summarize(analysis: Analysis) -> str:
    """Write the first paragraph of a report."""
    sentences = [*_comparisons(analysis), *_gains(analysis)]
    sizes = (size for size in find_equivalent_sizes(analysis) if size.ratio)
    largest = {tuple(size.axes.values()): size for size in sizes}
    sentences += [
        f"On the curve of {', '.join(labels)}, {size.size:,} sentences are worth"
        f" {size.worded(size.equals)} from scratch, {size.ratio:.2f} times as many"
        f" (95 % interval {size.interval or 'unknown'})."
        for labels, size in largest.items()
    ]
    wanted = sum(group.wanted for group in analysis.groups)
    found = sum(len(group.runs) for group in analysis.groups)
    if found < wanted:
        sentences.append(f"Only {found} of {wanted} runs are finished.")
    return " ".join(sentences)


def _comparisons(analysis: Analysis) -> list[str]:
    """Whether the best of ours beats the reference in each setting, the losses first."""
    comparisons = [gain for gain in analysis.comparisons if gain.group.system == OURS]
    if not comparisons:
        return []
    best: dict[int, Gain] = {}
    for gain in comparisons:
        rival = id(gain.against)
        best[rival] = max(best.get(rival, gain), gain, key=lambda gain: gain.absolute)
    reference = analysis.grid.report.reference
    name = ", ".join(reference.values())
    sentences = []
    for verb, lost in (("loses to", True), ("is ahead of", False)):
        chosen = [gain for gain in best.values() if (gain.absolute < 0) == lost]
        if chosen:
            where = f" in {len(chosen)} of {len(best)} settings" if len(best) > 1 else ""
            sentences.append(f"Ours {verb} {name}{where}: {_listed(chosen, reference)}.")
    behind = [gain for gain in comparisons if gain.absolute < 0]
    ahead = [gain for gain in comparisons if gain.absolute > 0]
    return [
        *sentences,
        f"Counting all of ours, {len(behind)} of {len(comparisons)} are behind {name}"
        f" ({_passed(behind)}) and {len(ahead)} ahead ({_passed(ahead)}).",
    ]


def _listed(gains: Sequence[Gain], reference: Container[str]) -> str:
    """List gains over the reference, the widest gap first."""
    parts = []
    for gain in sorted(gains, key=lambda gain: -abs(gain.absolute))[:_MOST]:
        place = [label for axis, label in gain.against.axes.items() if axis not in reference]
        named = [label for axis, label in gain.group.axes.items() if axis in reference]
        parts.append(
            f"{', '.join(place)}{': ' if place else ''}{', '.join(named)} has"
            f" {gain.group.mean:.2f} against {gain.against.mean:.2f} ({gain.absolute:+.2f})"
        )
    more = f"; and {len(gains) - _MOST} more" if len(gains) > _MOST else ""
    return "; ".join(parts) + more


def _passed(gains: Sequence[Gain]) -> str:
    """How many pass the test on these models, and how many both."""
    models = sum(gain.p_models is not None and gain.p_models <= LEVEL for gain in gains)
    return f"{models} by the first test, {sum(gain.marked for gain in gains)} by both"


def _gains(analysis: Analysis) -> list[str]:
    gains = our_gains(analysis)
    baseline = ", ".join(analysis.grid.report.baseline.values())
    if not gains:
        return []
    if len(gains) == 1:
        ps = (gains[0].p_models, gains[0].p_method)
        models, method = ("untested" if p is None else f"p = {p:.4f}" for p in ps)
        return [
            f"Compared with {baseline} the gain is {_change(gains[0])}: {models} for these trained"
            f" models, {method} for the method."
        ]
    up = [gain for gain in gains if gain.absolute > 0]
    down = [gain for gain in gains if gain.absolute < 0]
    best, worst = (end(gains, key=lambda gain: gain.absolute) for end in (max, min))
    return [
        f"Compared with {baseline}, {len(up)} of {len(gains)} are better ({_passed(up)}) and"
        f" {len(down)} worse ({_passed(down)}).",
        f"The largest gain is {_change(best)}, the smallest {_change(worst)}.",
    ]


def _change(gain: Gain) -> str:
    return f"{gain.absolute:+.2f} ({', '.join(gain.group.axes.values())})"
