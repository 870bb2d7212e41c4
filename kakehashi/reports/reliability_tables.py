"""How true probabilities are: tables, and the reliability figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from kakehashi.reports.figures import Drawing, pens
from kakehashi.reports.tables import Table
from kakehashi.scoring.reliability import Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def reliability_tables(
    found: Mapping[str, Reliability], types: Mapping[str, Reliability] | None = None
) -> Iterator[Table]:
    """Show the errors of each, and what cut-offs give and what types have, of the last."""
    rows = (
        (name, each.mentions, f"{each.error:.4f}", f"{each.brier:.4f}", f"{each.risk:.4f}")
        for name, each in found.items()
    )
    headings = ["", "mentions", "calibration error", "Brier score", "risk"]
    notes = [
        "Calibration error is the mean distance of probability and precision, in bins of equally"
        " many mentions; the Brier score the mean squared one of each mention; risk the mean share"
        " of wrong ones among the most probable, over all numbers of them."
    ]
    yield Table("Probabilities of predicted mentions", headings, rows, notes)
    last = list(found.values())[-1]
    cut_offs = (
        (f"{c.probability:.2f}", c.kept, *map(_percent, (c.expected, c.precision, c.recall)))
        for c in last.cut_offs
    )
    headings = ["least probability", "mentions kept", "expected precision", "precision", "recall"]
    notes = ["Expected precision is the mean probability of the kept; all three in percent."]
    yield Table("What a cut-off gives (predict --min-probability)", headings, cut_offs, notes)
    if types:
        shares = ((n, t.mentions, *_means(t), f"{t.error:.4f}") for n, t in types.items())
        headings = ["type", "mentions", "expected precision", "precision", "calibration error"]
        yield Table("Types with most mentions", headings, shares)


def _means(found: Reliability) -> tuple[str | None, str | None]:
    whole = found.cut_offs[0]
    return _percent(whole.expected), _percent(whole.precision)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f}"


def reliability_figure(found: Mapping[str, Reliability]) -> Drawing:
    """Draw precision against probability, a line each; true probabilities lie on the diagonal."""

    def draw(panel: Axes, found: Mapping[str, Reliability]) -> None:
        panel.plot([0, 1], [0, 1], color="#808080", linewidth=0.8, label="true")
        for (name, each), pen in zip(found.items(), pens(), strict=False):
            bins = sorted(each.bins, key=lambda each: each.probability)
            places = [each.probability for each in bins], [each.precision for each in bins]
            panel.plot(*places, label=f"{name} ({each.error:.3f})", gid=f"line-{name}", **pen)
        panel.set(xlabel="mean probability", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
        panel.legend(loc="upper left")

    title = "How many mentions of a probability are right, and the calibration error"
    return Drawing("reliability", title, draw, {"": found}, size=(3.8, 3.6))
