"""What measurements of growing corpora come to: a table, straight lines, a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Table

Row = Mapping[str, Any]
"""What `benchmarks.scaling` measured of one language at one size."""

_FITTED_FROM = 100_000
"""Utterances; fewer are encoded by one process alone, which takes less."""

_MEMORY = ("encoding_resident", "encoding_private", "training_resident", "training_private")
_RATES = {"generation": "generated utt/s", "encoding": "encoded utt/s"}
_DRAWN: Mapping[str, Mapping[str, tuple[str, float]]] = {
    "thousand utterances a second": {
        "encoding": ("encoded", 1e3),
        "generation": ("generated", 1e3),
    },
    "encoding: most memory, MB": {
        "encoding_resident": ("resident", 1e6),
        "encoding_private": ("private", 1e6),
    },
    "training: seconds per million tokens": {"per_million": ("", 1)},
    "training: most memory, MB": {
        "training_resident": ("resident", 1e6),
        "training_private": ("private", 1e6),
    },
}
"""What the figure's parts show: the name of each measurement there, and its unit."""

_STYLES = {"en": ("#0072b2", "o"), "ja": ("#d55e00", "s"), "de": ("#009e73", "^")}


def table(rows: Sequence[Row]) -> Table:
    """Lay the measurements out."""
    heads = ["language", "utterances", "tokens", *_RATES.values(), "store MB"]
    heads += ["training: s per million tokens", *(f"{_named(name)} MB" for name in _MEMORY)]
    cells = [
        [
            row["language"],
            *(f"{row[name]:,}" for name in ("utterances", "tokens")),
            *(f"{row[name]:,.0f}" if name in row else "–" for name in _RATES),
            f"{row['bytes'] / 1e6:,.1f}",
            f"{row['per_million']:.1f}",
            *(f"{row[name] / 1e6:,.0f}" for name in _MEMORY),
        ]
        for row in rows
    ]
    return Table("Cost against corpus size", heads, cells)


def fits(rows: Sequence[Row]) -> Table:
    """Fit a straight line through every memory: bytes per utterance, and megabytes at none.

    Only sizes from 100,000 count: fewer utterances are encoded by one process alone.
    """
    cells = []
    for language, all_sizes in _by_language(rows).items():
        chosen = [row for row in all_sizes if row["utterances"] >= _FITTED_FROM]
        if len(chosen) > 2:  # through two, any line is straight
            sizes = [row["utterances"] for row in chosen]
            lines = [np.polyfit(sizes, [row[name] for row in chosen], 1) for name in _MEMORY]
            cells.append([language, *(f"{slope:,.1f} + {at / 1e6:,.0f} MB" for slope, at in lines)])
    return Table("Memory: bytes per utterance", ["language", *map(_named, _MEMORY)], cells)


def draw(rows: Sequence[Row], stem: Path) -> None:
    """Draw speed, cost and memory against size, as SVG and PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.6), layout="constrained")
    places = dict(zip(_DRAWN, figure.subplots(2, 2).flat, strict=True))
    for language, chosen in _by_language(rows).items():
        color, marker = _STYLES[language]
        for title, names in _DRAWN.items():
            for name, line in zip(names, ("-", "--"), strict=False):
                known = [row for row in chosen if name in row]
                sizes = [row["utterances"] for row in known]
                values = [row[name] / names[name][1] for row in known]
                label = " ".join((language, names[name][0])).strip()
                places[title].plot(sizes, values, line, marker=marker, color=color, label=label)
    for title, axes in places.items():
        axes.set_xscale("log")
        axes.set_ylim(0, 1.5 * axes.dataLim.ymax)  # room for the legend
        axes.set_xlabel("training utterances")
        axes.set_title(title, fontsize="medium")
        axes.legend(frameon=False, fontsize="small", handlelength=3.5, ncols=2, loc="upper left")
    for suffix in (".svg", ".png"):
        figure.savefig(stem.with_suffix(suffix), dpi=150)


def _by_language(rows: Sequence[Row]) -> dict[str, list[Row]]:
    languages: dict[str, list[Row]] = {}
    for row in rows:
        languages.setdefault(row["language"], []).append(row)
    return languages


def _named(memory: str) -> str:
    return memory.replace("_", ", ")
