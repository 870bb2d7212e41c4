"""The learning curve of what is annotated so far, as tables, as advice, and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kakehashi.experiments.annotation_curve import AnnotationCurve
from kakehashi.reports.figures import BLUE, RED, Drawing, count_axis
from kakehashi.reports.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def annotation_tables(curve: AnnotationCurve, more: int) -> list[Table]:
    """Make the table of what is measured, and that of what ``more`` sentences would be worth."""
    n_seeds = curve.f1.shape[1]
    rows = (
        (f"{size:,}", f"{mentions:,}", f"{mean:.2f}", f"{fit:.2f}", *(f"{f1:.2f}" for f1 in own))
        for size, mentions, mean, fit, own in zip(
            curve.sizes, curve.mentions, curve.means, curve.fitted(curve.sizes), curve.f1,
            strict=True,
        )
    )  # fmt: skip
    seeds = [f"run {number}" for number in range(1, n_seeds + 1)] if n_seeds > 1 else []
    notes = [f"F1 on {curve.counts.shape[2]:,} development sentences; fit: the power law nearest."]
    if curve.held_out:
        notes.append("They are held out of what is annotated, since the config names none.")
    headings = ["sentences", "mentions", "F1", "fit", *seeds]
    measured = Table("Annotated so far", headings, (row[: 4 + len(seeds)] for row in rows), notes)
    now = curve.sizes[-1]
    gains = ((now + n, curve.gain(n)) for n in (more, 2 * more, 5 * more))
    worth = (
        (
            f"{size:,}",
            f"{curve.fitted([size])[0]:.1f}",
            f"{gain:+.1f}",
            f"{low:+.1f} to {high:+.1f}",
        )
        for size, (gain, low, high) in gains
    )
    notes = [
        "Intervals of 90 %: development sentences and runs drawn anew, and distances from the fit."
    ]
    headings = ["sentences", "expected F1", "gain", "interval"]
    return [measured, Table("What more would be worth", headings, worth, notes)]


def advice(curve: AnnotationCurve, more: int, least: float) -> str:
    """Advise in a sentence or two whether ``more`` sentences are worth ``least`` points of F1."""
    gain, low, high = curve.gain(more)
    expected = f"The next {more:,} sentences are worth {gain:+.1f} F1 ({low:+.1f} to {high:+.1f})."
    until = curve.worth_until(more, least)
    if low < least <= high:
        verdict = "This is too uncertain to say whether to stop: annotate more, or give --seeds 3."
    elif gain < least:
        verdict = f"Stop here: less than the {least:g} that they should be worth (--worth)."
    else:
        end = "" if until is None else f", until about {float(f'{until:.2g}'):,.0f} sentences"
        verdict = f"Go on{end}: more than the {least:g} that they should be worth (--worth)."
    return f"{expected} {verdict}"


def annotation_figure(curve: AnnotationCurve, more: int) -> Drawing:
    """Draw what is measured, and the curve through it, five times ``more`` sentences far."""

    def draw(panel: Axes, curve: AnnotationCurve) -> None:
        now = curve.sizes[-1]
        sizes = np.unique(np.geomspace(curve.sizes[0], now + 5 * more, 100).astype(int))
        panel.plot(sizes, curve.fitted([*sizes]), color=BLUE, label="fit", gid="line-fit")
        panel.plot(curve.sizes, curve.means, "o", color=BLUE, label="measured", gid="points")
        for n in (more, 2 * more, 5 * more):
            gain, low, high = curve.gain(n)
            f1 = curve.fitted([now + n])[0]
            panel.plot([now + n] * 2, [f1 + low - gain, f1 + high - gain], color=RED)
        panel.plot([], [], color=RED, label="90 % of what is expected")
        count_axis(panel)
        panel.set(xlabel="annotated sentences", ylabel="F1 on development data")
        panel.legend(loc="lower right")

    title = "F1 by the number of annotated sentences, and what more would be worth"
    return Drawing("progress", title, draw, {"": curve})
