"""The figures of a grid and of corpora, and their look: the same bytes from the same numbers.

A ConfigError says that a grid has nothing to draw.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import log
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from kakehashi.errors import ConfigError
from kakehashi.experiments.analysis import Analysis, Gain
from kakehashi.experiments.selection_curves import UNITS, SelectionCurve, selection_curves
from kakehashi.extras import require
from kakehashi.reports.grid_tables import frequency_bands, our_gains, type_changes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart by the colour-blind; yellow is too pale for thin lines.
BLUE, RED, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"

_STYLE = {
    "svg.hashsalt": "kakehashi", "font.family": ["DejaVu Sans"], "font.size": 9.0,
    "axes.titlesize": 9.0, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.grid.which": "major", "axes.axisbelow": True,
    "grid.color": "#D0D0D0", "grid.linewidth": 0.5, "legend.frameon": False,
    "legend.fontsize": 8.0, "lines.linewidth": 1.5, "lines.markersize": 5.0,
    "hatch.linewidth": 0.5,
}  # fmt: skip
_SAME = 0.005  # points of F1: equal when written with two decimals
_MOST_BARS = 60
_FEWEST_MENTIONS = 30  # in the test set, to draw the gain of a band: of fewer, F1 is noise
# Of types that gained, lost, and did neither: colour and marker.
_KINDS = {"better": (BLUE, "^"), "worse": (RED, "v"), "unchanged": (BLACK, "o")}


def pens() -> Iterator[dict[str, Any]]:
    """Yield the looks of seven series, over and over; any two differ in colour, marker and line."""
    colors = (BLUE, RED, GREEN, PURPLE, BLACK, ORANGE, SKY)
    lines = ("-", "--", "-.", ":", "-", "--", "-.")
    looks = zip(colors, "os^Dv<>", lines, strict=True)
    return cycle(dict(zip(("color", "marker", "linestyle"), look, strict=True)) for look in looks)


@dataclass(frozen=True)
class Drawing:
    """A figure to be drawn: ``draw`` fills each of its panels with what that is to show.

    Its own title says what it shows, also for those who cannot see it.
    """

    name: str
    title: str
    draw: Callable[[Axes, Any], None]
    panels: Mapping[str, Any]  # what each is to show, by its title
    n_columns: int | None = None  # default by the number of panels; size likewise
    size: tuple[float, float] | None = None  # width and height in inches
    legend: int = 0  # columns of a legend of all panels below them; 0 for none

    def render(self, kind: Literal["svg", "png"]) -> bytes:
        """Draw it as SVG, or as PNG of 200 dots per inch; needs matplotlib."""
        matplotlib = require("matplotlib", "figures")
        require("matplotlib.figure", "figures")
        metadata = {"Date": None, "Title": self.title} if kind == "svg" else {"Software": None}
        n_panels = len(self.panels)
        n_columns = self.n_columns or (2 if n_panels == 4 else min(n_panels, 3))
        n_rows = -(-n_panels // n_columns)
        file = io.BytesIO()
        with matplotlib.rc_context(_STYLE):
            size = (4.8, 3.4) if n_panels == 1 else (3.6 * n_columns, 3.0 * n_rows)
            figure = matplotlib.figure.Figure(self.size or size, layout="constrained")
            axes = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
            for panel in axes[n_panels:]:
                panel.remove()
            handles: dict[str, Any] = {}
            for panel, (title, content) in zip(axes, self.panels.items(), strict=False):
                panel.set_title(title)
                self.draw(panel, content)
                lines, labels = panel.get_legend_handles_labels()
                handles |= zip(labels, lines, strict=True)
            if self.legend:
                place = {"loc": "outside lower center", "ncols": self.legend}
                figure.legend(handles=[*handles.values()], **place)
            figure.savefig(file, format=kind, dpi=200, metadata=metadata)
        return file.getvalue()


def count_axis(panel: Axes, *, vertical: bool = False, ticks: Sequence[float] = ()) -> None:
    """Make an axis of a panel a logarithmic one of counts, with ticks such as 500, 1k and 2k.

    Where ``ticks`` are given, rising, they are at those.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

    (panel.set_yscale if vertical else panel.set_xscale)("log")
    axis = panel.yaxis if vertical else panel.xaxis
    low, high = sorted(axis.get_view_interval())
    if ticks:
        kept = [ticks[0]]  # without those whose labels would touch the one before
        for tick in ticks[1:]:
            if log(tick / kept[-1]) > 0.12 * log(ticks[-1] / ticks[0]):
                kept.append(tick)
        axis.set_major_locator(FixedLocator(kept))
    else:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 200 * low else (1.0,)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def short(count: float) -> str:
    """Write a count in few characters.

    Example:
        >>> [short(count) for count in (250, 2000, 11500, 1e6)]
        ['250', '2k', '11.5k', '1M']
    """
    if count < 1e3:
        return f"{count:g}"
    return f"{count / 1e6:.3g}M" if count >= 1e6 else f"{count / 1e3:.3g}k"


def size_figure(analysis: Analysis) -> Drawing:
    """Draw F1 against training size, one line per recognizer, one panel per corpus (figure 3)."""
    report = analysis.grid.report
    if report.x is None:
        raise ConfigError("report.x", "name the axis of training sizes to draw this figure")
    series = set(report.baseline or report.reference or [report.rows]) - {report.x}
    # Of each panel and line: training size, mean, lowest and highest F1.
    places: dict[str, dict[str, list[tuple[float, ...]]]] = {}
    for group in analysis.groups:
        if group.runs:
            labels = [item for item in group.axes.items() if item[0] != report.x]
            line = ", ".join(label for axis, label in labels if axis in series)
            place = ", ".join(label for axis, label in labels if axis not in series)
            scores = group.scores.values()
            point = (group.training_size, group.mean or 0.0, min(scores), max(scores))
            places.setdefault(place, {}).setdefault(line, []).append(point)
    if not places:
        raise ConfigError("figures", "no run of the grid is finished; run it first")
    names = dict.fromkeys(name for lines in places.values() for name in lines)
    styles = dict(zip(names, pens(), strict=False))

    def draw(panel: Axes, lines: Mapping[str, Sequence[tuple[float, ...]]]) -> None:
        for name, points in lines.items():
            sizes, means, lows, highs = zip(*sorted(points), strict=True)
            pen = styles[name]
            panel.fill_between(sizes, lows, highs, color=pen["color"], alpha=0.15, linewidth=0)
            panel.plot(sizes, means, label=name, gid=f"line-{name}", **pen)
        count_axis(panel, ticks=sorted({size for points in lines.values() for size, *_ in points}))
        panel.set(xlabel="training sentences", ylabel="F1")

    title = "F1 against training size; bands reach from the worst to the best seed"
    return Drawing("size", title, draw, places, legend=4)


def type_figure(analysis: Analysis) -> Drawing:
    """Draw an arrow from F1 without to F1 with transfer per entity type of training (figure 4)."""
    title = "F1 of each entity type: arrows begin at the baseline's and end at that with transfer"
    return Drawing("types", title, _draw_arrows, _by_title(analysis))


def _by_title(analysis: Analysis) -> dict[str, Gain]:
    """Find the comparisons of our own recognizer whose training types are known."""
    gains = {
        ", ".join(gain.group.axes.values()): gain
        for gain in our_gains(analysis)
        if gain.group.training_types and gain.group.types
    }
    if not gains:
        problem = "no finished run of ours is compared with a baseline"
        raise ConfigError("report.baseline", f"{problem}; name one, or run the grid first")
    return gains


def _draw_arrows(panel: Axes, gain: Gain) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch

    seen = Counter[int]()
    points = []
    for name, often, old, new in sorted(type_changes(gain)):
        if often:  # those of one frequency a little apart, so that none hides another
            points.append((name, often * 1.04 ** seen[often], old, new))
            seen[often] += 1
    places = [x for _, x, _, _ in points]
    panel.set(xlim=(min(places) / 1.5, max(places) * 1.5), ylim=(-4, 104))
    count_axis(panel)
    counts = Counter[str]()
    for name, x, old, new in points:
        kind = "unchanged" if abs(new - old) < _SAME else "better" if new > old else "worse"
        counts[kind] += 1
        color, marker = _KINDS[kind]
        look: dict[str, Any] = {"color": color, "gid": f"{kind}-{name}"}
        if kind == "unchanged":
            panel.plot([x], [new], marker, fillstyle="none", **look)
        else:
            panel.add_patch(FancyArrowPatch(
                (x, old), (x, new), arrowstyle="-|>", mutation_scale=7, shrinkA=0, shrinkB=0,
                linewidth=1.2, **look,
            ))  # fmt: skip
    handles = [
        Line2D([], [], color=color, marker=marker, linestyle="", label=f"{kind}: {counts[kind]}",
               fillstyle="none" if kind == "unchanged" else "full")
        for kind, (color, marker) in _KINDS.items()
    ]  # fmt: skip
    # Arrows may be anywhere: the legend is above them, the title above the legend.
    panel.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3,
        columnspacing=1.0, handletextpad=0.1,
    )  # fmt: skip
    panel.set_title(panel.get_title(), pad=20)
    panel.set(xlabel="mentions in the training set", ylabel="F1")


def frequency_figure(analysis: Analysis) -> Drawing:
    """Draw the gain of types of like frequency against that frequency, a line per comparison."""
    lines = {
        name: [
            (median(often for _, often, _, _ in band.types), band.after.f1 - band.before.f1)
            for band in frequency_bands(gain)
            if band.frequencies != "0" and band.test_mentions >= _FEWEST_MENTIONS
        ]
        for name, gain in _by_title(analysis).items()
    }
    if not any(lines.values()):
        problem = f"no types of like frequency have {_FEWEST_MENTIONS} test mentions together"
        raise ConfigError("figures", problem)

    def draw(panel: Axes, lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
        for (name, points), pen in zip(lines.items(), pens(), strict=False):
            often, gains = zip(*points, strict=True) if points else ((), ())
            panel.plot(often, gains, label=name, gid=f"line-{name}", **pen)
        panel.axhline(0, color=BLACK, linewidth=0.8)
        count_axis(panel)
        panel.set(xlabel="mentions of a type in the training set", ylabel="gain in points of F1")

    title = "Gain of entity types of like frequency, against that frequency"
    return Drawing("frequencies", title, draw, {"": lines}, size=(4.8, 3.6), legend=3)


def gain_figure(analysis: Analysis) -> Drawing:
    """Draw the gains of the most frequent types as bars, the largest first; count the others."""
    panels = {}
    for title, gain in _by_title(analysis).items():
        types = type_changes(gain)
        most = types[:_MOST_BARS]
        changes = ((f"{name} ({often:,})", new - old) for name, often, old, new in most)
        seen = (change for change in changes if abs(change[1]) >= _SAME)
        bars = sorted(seen, key=lambda change: (-change[1], change[0]))
        panels[title] = bars, len(most) - len(bars), len(types) - len(most)

    def draw(panel: Axes, content: tuple[Sequence[tuple[str, float]], int, int]) -> None:
        bars, n_same, n_rarer = content
        for place, (name, change) in enumerate(bars):
            color, hatch = (BLUE, "") if change > 0 else (RED, "////")
            look: dict[str, Any] = {"color": color, "hatch": hatch, "edgecolor": "white"}
            panel.barh(place, change, gid=f"bar-{name}", **look)
        panel.set_yticks(range(len(bars)), [name for name, _ in bars], fontsize=7)
        panel.set_ylim(len(bars) - 0.4, -0.6)
        panel.axvline(0, color=BLACK, linewidth=0.8)
        panel.grid(visible=False, axis="y")
        rarer = f", {n_rarer} rarer ones" if n_rarer else ""
        panel.set_xlabel(f"gain in points of F1\n{n_same} types unchanged{rarer}")

    title = "Gain of each entity type, with its mentions in the training set"
    size = (3.4 * len(panels), 1.2 + 0.16 * max(len(bars) for bars, *_ in panels.values()))
    return Drawing("gains", title, draw, panels, len(panels), size)


def distribution_figure(corpora: Mapping[str, Mapping[str, int]]) -> Drawing:
    """Draw the frequency of entity types by rank, both axes logarithmic (figure 2)."""

    def draw(panel: Axes, corpora: Mapping[str, Mapping[str, int]]) -> None:
        for (name, types), pen in zip(corpora.items(), pens(), strict=False):
            counts = sorted(types.values(), reverse=True)
            ranks = range(1, len(counts) + 1)
            panel.plot(ranks, counts, label=name, gid=f"line-{name}", markersize=3, **pen)
        count_axis(panel)
        count_axis(panel, vertical=True)
        panel.set(xlabel="rank of the entity type", ylabel="mentions")
        panel.legend(loc="lower left")

    title = "How often each entity type occurs, by rank, on logarithmic axes"
    return Drawing("distribution", title, draw, {"": corpora})


def _grid_distribution(analysis: Analysis) -> Drawing:
    corpora: dict[str, Mapping[str, int]] = {}
    for group in analysis.groups:
        if group.training_types:
            corpora.setdefault(str(group.runs[0].result["name"]), group.training_types)
    if not corpora:
        raise ConfigError("distribution", "the finished runs do not tell their training types")
    return distribution_figure(corpora)


def selection_figure(analysis: Analysis) -> Drawing:
    """Draw F1 against what was annotated, in four units, a line per strategy."""
    curves = selection_curves(analysis)
    if not curves:
        raise ConfigError("figures", "no run of the grid played the annotation loop; run it first")

    def draw(panel: Axes, content: tuple[str, Sequence[SelectionCurve]]) -> None:
        unit, curves = content
        for curve, pen in zip(curves, pens(), strict=False):
            sizes = [point.size[unit] for point in curve.points]
            scores = [point.f1 for point in curve.points]
            name = ", ".join(curve.axes.values())
            panel.plot(sizes, scores, label=name, gid=f"line-{unit}-{name}", **pen)
        panel.set(xlabel=f"{unit} annotated", ylabel="F1")

    panels: Mapping[str, object] = {unit: (unit, curves) for unit in UNITS}
    return Drawing("selection", "F1 against what was annotated", draw, panels, legend=3)


FIGURES: dict[str, Callable[[Analysis], Drawing]] = {
    "size": size_figure,
    "types": type_figure,
    "gains": gain_figure,
    "frequencies": frequency_figure,
    "distribution": _grid_distribution,
    "selection": selection_figure,
}
