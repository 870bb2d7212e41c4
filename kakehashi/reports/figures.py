"""The figures: F1 against training size, F1 per entity type, and the types of a corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from statistics import median
from typing import TYPE_CHECKING

from kakehashi.errors import ConfigError
from kakehashi.experiments.analysis import OURS, Analysis, Gain, Group
from kakehashi.reports.grid_tables import frequency_bands
from kakehashi.reports.style import BLACK, BLUE, RED, Drawing, Pen, count_axis, panels, pens

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SAME = 0.005  # points of F1: equal when written with two decimals
_MOST_BARS = 60
_FEWEST_MENTIONS = 30  # in the test set, to draw the gain of a band: of fewer, F1 is noise
_WIDTH, _HEIGHT = 3.6, 3.0


def size_figure(analysis: Analysis) -> Drawing:
    """Draw F1 against training size, one line per recognizer, one panel per corpus (figure 3).

    Raises:
        ConfigError: If the grid names no axis ``x``.
    """
    report = analysis.grid.report
    if report.x is None:
        raise ConfigError("report.x", "name the axis of training sizes to draw this figure")
    series = set(report.baseline or report.reference or [report.rows]) - {report.x}
    places: dict[str, dict[str, list[Group]]] = {}
    for group in analysis.groups:
        if group.runs:
            place = _labels(group, series | {report.x})
            line = ", ".join(group.axes[axis] for axis in group.axes if axis in series)
            places.setdefault(place, {}).setdefault(line, []).append(group)
    if not places:
        raise ConfigError("figures", "no run of the grid is finished; run it first")
    names = dict.fromkeys(name for lines in places.values() for name in lines)
    styles = dict(zip(names, pens(), strict=False))

    def draw(figure: Figure) -> None:
        axes = panels(figure, list(places), _columns(len(places)))
        handles: dict[str, Artist] = {}
        for panel, lines in zip(axes, places.values(), strict=True):
            for name, groups in lines.items():
                handles[name] = _curve(panel, groups, name, styles[name])
            found = {group.training_size or 0 for groups in lines.values() for group in groups}
            count_axis(panel, ticks=sorted(found))
            panel.set(xlabel="training sentences", ylabel="F1")
        # Lines may be anywhere in a panel: the legend of all stands below.
        legend = [handles[name] for name in styles]
        figure.legend(handles=legend, loc="outside lower center", ncols=min(4, len(legend)))

    title = "F1 against training size; bands reach from the worst to the best seed"
    return Drawing("size", title, *_page(len(places)), draw)


def _curve(panel: Axes, groups: Sequence[Group], name: str, pen: Pen) -> Artist:
    points = sorted(
        (group.training_size or 0, group.mean or 0.0, *_ends(group)) for group in groups
    )
    sizes, means, lows, highs = zip(*points, strict=True)
    panel.fill_between(sizes, lows, highs, color=pen.color, alpha=0.15, linewidth=0)
    return panel.plot(sizes, means, label=name, gid=f"line-{name}", **pen._asdict())[0]


def _ends(group: Group) -> tuple[float, float]:
    return min(group.scores.values()), max(group.scores.values())


def type_figure(analysis: Analysis) -> Drawing:
    """Draw an arrow per entity type from F1 without to F1 with transfer (figure 4).

    The types stand along their frequency in training; one that was not in it is left out.
    """
    gains = _ours(analysis)
    titles = [f"{', '.join(gain.group.axes.values())}" for gain in gains]

    def draw(figure: Figure) -> None:
        for panel, gain in zip(panels(figure, titles, _columns(len(gains))), gains, strict=True):
            _arrows(panel, gain)

    title = "F1 of each entity type: arrows begin at the baseline's and end at that with transfer"
    return Drawing("types", title, *_page(len(gains)), draw)


def _arrows(panel: Axes, gain: Gain) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch

    before, after = gain.against.types, gain.group.types
    places = _apart({name: n for name, n in gain.group.training_types.items() if name in after})
    panel.set_xlim(min(places.values()) / 1.5, max(places.values()) * 1.5)
    panel.set_ylim(-4, 104)
    count_axis(panel)
    kinds = {"better": (BLUE, "^", 0), "worse": (RED, "v", 0), "unchanged": (BLACK, "o", 0)}
    for name, x in places.items():
        old, new = before.get(name, 0.0), after[name]
        kind = "unchanged" if abs(new - old) < _SAME else "better" if new > old else "worse"
        color, marker, count = kinds[kind]
        kinds[kind] = (color, marker, count + 1)
        if kind == "unchanged":
            panel.plot([x], [new], "o", color=color, fillstyle="none", gid=f"{kind}-{name}")
        else:
            panel.add_patch(
                FancyArrowPatch(
                    (x, old), (x, new), arrowstyle="-|>", mutation_scale=7, shrinkA=0, shrinkB=0,
                    color=color, linewidth=1.2, gid=f"{kind}-{name}",
                )
            )  # fmt: skip
    handles = [
        Line2D([], [], color=color, marker=marker, linestyle="", label=f"{kind}: {count}",
               fillstyle="none" if kind == "unchanged" else "full")
        for kind, (color, marker, count) in kinds.items()
    ]  # fmt: skip
    # Arrows may be anywhere: the legend stands above them, the title above the legend.
    panel.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3,
        columnspacing=1.0, handletextpad=0.1,
    )  # fmt: skip
    panel.set_title(panel.get_title(), pad=20)
    panel.set(xlabel="mentions in the training set", ylabel="F1")


def _apart(counts: Mapping[str, int]) -> dict[str, float]:
    """Move types of one frequency a little apart, so that none hides another."""
    seen: dict[int, int] = {}
    places = {}
    for name, count in sorted(counts.items()):
        places[name] = count * 1.04 ** seen.get(count, 0)
        seen[count] = seen.get(count, 0) + 1
    return places


def frequency_figure(analysis: Analysis) -> Drawing:
    """Draw the gain of types of like frequency against that frequency, a line per comparison.

    Raises:
        ConfigError: If no band has enough test mentions.
    """
    lines = {", ".join(gain.group.axes.values()): _points(gain) for gain in _ours(analysis)}
    if not any(lines.values()):
        raise ConfigError(
            "figures", f"no types of like frequency have {_FEWEST_MENTIONS} test mentions together"
        )

    def draw(figure: Figure) -> None:
        panel = panels(figure, [""], 1)[0]
        for (name, points), pen in zip(lines.items(), pens(), strict=False):
            often, gains = zip(*points, strict=True) if points else ((), ())
            panel.plot(often, gains, label=name, gid=f"line-{name}", **pen._asdict())
        panel.axhline(0, color=BLACK, linewidth=0.8)
        count_axis(panel)
        panel.set(xlabel="mentions of a type in the training set", ylabel="gain in points of F1")
        figure.legend(loc="outside lower center", ncols=3)

    title = "Gain of entity types of like frequency, against that frequency"
    return Drawing("frequencies", title, 4.8, 3.6, draw)


def _points(gain: Gain) -> list[tuple[float, float]]:
    return [
        (median(band.often), band.points)
        for band in frequency_bands(gain)
        if min(band.often) > 0 and band.test_mentions >= _FEWEST_MENTIONS
    ]


def gain_figure(analysis: Analysis) -> Drawing:
    """Draw the gain of each entity type as a bar, the largest first; unchanged ones are counted.

    Of many types only the most frequent have one.
    """
    gains = _ours(analysis)
    changes = [_changes(gain) for gain in gains]
    titles = [", ".join(gain.group.axes.values()) for gain in gains]

    def draw(figure: Figure) -> None:
        axes = panels(figure, titles, len(gains))
        for panel, gain, bars in zip(axes, gains, changes, strict=True):
            _bars(panel, bars)
            panel.set_xlabel(f"gain in points of F1\n{_not_drawn(gain, len(bars))}")

    height = 1.2 + 0.16 * max(map(len, changes))
    title = "Gain of each entity type, with its mentions in the training set"
    return Drawing("gains", title, 3.4 * len(gains), height, draw)


def _not_drawn(gain: Gain, n_bars: int) -> str:
    n_drawn = min(len(gain.group.types), _MOST_BARS)
    rarer = len(gain.group.types) - n_drawn
    return f"{n_drawn - n_bars} types unchanged" + (f", {rarer} rarer ones" if rarer else "")


def _bars(panel: Axes, bars: Sequence[tuple[str, float]]) -> None:
    for place, (name, change) in enumerate(bars):
        color, hatch = (BLUE, "") if change > 0 else (RED, "////")
        panel.barh(place, change, color=color, hatch=hatch, edgecolor="white", gid=f"bar-{name}")
    panel.set_yticks(range(len(bars)), [name for name, _ in bars], fontsize=7)
    panel.set_ylim(len(bars) - 0.4, -0.6)
    panel.axvline(0, color=BLACK, linewidth=0.8)
    panel.grid(visible=False, axis="y")


def _changes(gain: Gain) -> list[tuple[str, float]]:
    """List the types that changed, with their frequency, the largest gain first."""
    before, after, often = gain.against.types, gain.group.types, gain.group.training_types
    frequent = sorted(after, key=lambda name: (-often.get(name, 0), name))[:_MOST_BARS]
    changes = [
        (f"{name} ({often.get(name, 0):,})", after[name] - before.get(name, 0.0))
        for name in frequent
    ]
    changed = [entry for entry in changes if abs(entry[1]) >= _SAME]
    return sorted(changed, key=lambda change: (-change[1], change[0]))


def distribution_figure(corpora: Mapping[str, Mapping[str, int]]) -> Drawing:
    """Draw the frequency of entity types by rank, both axes logarithmic (figure 2)."""

    def draw(figure: Figure) -> None:
        panel = panels(figure, [""], 1)[0]
        for (name, types), pen in zip(corpora.items(), pens(), strict=False):
            counts = sorted(types.values(), reverse=True)
            ranks = range(1, len(counts) + 1)
            panel.plot(ranks, counts, label=name, gid=f"line-{name}", markersize=3, **pen._asdict())
        count_axis(panel)
        count_axis(panel, vertical=True)
        panel.set(xlabel="rank of the entity type", ylabel="mentions")
        panel.legend(loc="lower left")

    title = "How often each entity type occurs, by rank, on logarithmic axes"
    return Drawing("distribution", title, 4.8, 3.4, draw)


def _grid_distribution(analysis: Analysis) -> Drawing:
    corpora: dict[str, Mapping[str, int]] = {}
    for group in analysis.groups:
        if group.runs and group.training_types:
            corpora.setdefault(str(group.runs[0].result["name"]), group.training_types)
    if not corpora:
        raise ConfigError("distribution", "the finished runs do not tell their training types")
    return distribution_figure(corpora)


FIGURES: dict[str, Callable[[Analysis], Drawing]] = {
    "size": size_figure,
    "types": type_figure,
    "gains": gain_figure,
    "frequencies": frequency_figure,
    "distribution": _grid_distribution,
}


def _ours(analysis: Analysis) -> list[Gain]:
    """Find the comparisons of our own recognizer whose training types are known.

    Raises:
        ConfigError: If there is none.
    """
    gains = [
        gain
        for gain in analysis.gains
        if gain.group.system == OURS and gain.group.training_types and gain.group.types
    ]
    if not gains:
        raise ConfigError(
            "report.baseline", "no finished run of ours is compared with a baseline; name one, or"
            " run the grid first"
        )  # fmt: skip
    return gains


def _labels(group: Group, without: set[str]) -> str:
    return ", ".join(label for axis, label in group.axes.items() if axis not in without)


def _columns(n_panels: int) -> int:
    return min(n_panels, 3) if n_panels != 4 else 2


def _page(n_panels: int) -> tuple[float, float]:
    """Size a figure: one panel alone may be larger."""
    if n_panels == 1:
        return 4.8, 3.4
    columns = _columns(n_panels)
    return _WIDTH * columns, _HEIGHT * ceil(n_panels / columns)
