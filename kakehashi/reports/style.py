"""The look of our figures, and their files: the same bytes from the same numbers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import log
from typing import TYPE_CHECKING, Any, Literal

from kakehashi.extras import require

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
    legend: int = 0  # columns of a legend of all panels below them, which may be full anywhere

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
