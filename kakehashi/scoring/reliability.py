"""Whether probabilities are true: of the mentions that have 0.8, are 80 % right?

The event is that a predicted mention is gold, with its boundaries and its type. Bins hold equally
many mentions, since most probabilities are near 1 (Nixon et al. 2019, adaptive calibration error).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

_BIN = 30  # fewest mentions in a bin
_BINS = 15
_CUT_OFFS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bin:
    """Mentions of about the same probability."""

    mentions: int
    probability: float  # mean
    precision: float  # share that is gold


@dataclass(frozen=True)
class CutOff:
    """What is kept of the mentions if those below a probability are left out."""

    probability: float
    kept: int
    precision: float | None  # share of the kept that is gold; None where none is kept
    expected: float | None  # mean probability of the kept, which says the same without gold
    recall: float | None  # share of gold that is kept; None without gold


@dataclass(frozen=True)
class Reliability:
    """How far probabilities are from the truth."""

    mentions: int  # predicted
    gold: int
    error: float  # expected calibration error: mean distance of probability and precision of bins
    brier: float  # mean squared distance of probability and truth
    risk: float  # area under the curve of risk and coverage: mean share wrong of the most probable
    bins: tuple[Bin, ...]
    cut_offs: tuple[CutOff, ...]

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON."""
        return asdict(self)


def measure_reliability(probabilities: Floats, correct: Bools, n_gold: int) -> Reliability:
    """Compare the probabilities of predicted mentions with which are gold, of ``n_gold`` in all.

    Example:
        >>> found = measure_reliability(np.full(80, 0.75), np.arange(80) % 4 > 0, 120)
        >>> found.error, found.cut_offs[5].precision, found.cut_offs[5].recall
        (0.0, 0.75, 0.5)
    """
    order = np.argsort(-probabilities, kind="stable")
    falling, right = probabilities[order], correct[order]
    n = len(falling)
    bins = tuple(
        Bin(len(part), float(falling[part].mean()), float(right[part].mean()))
        for part in np.array_split(np.arange(n), max(1, min(_BINS, n // _BIN)))
        if len(part)
    )
    wrong = np.cumsum(~right) / np.arange(1, n + 1)
    cut_offs = []
    for least in _CUT_OFFS:
        kept = int(np.searchsorted(-falling, -least, side="right"))
        n_right = int(right[:kept].sum())
        mean = float(falling[:kept].mean()) if kept else None
        recall = n_right / n_gold if n_gold else None
        cut_offs.append(CutOff(least, kept, n_right / kept if kept else None, mean, recall))
    return Reliability(
        mentions=n,
        gold=n_gold,
        error=sum(b.mentions * abs(b.probability - b.precision) for b in bins) / max(1, n),
        brier=float(((falling - right) ** 2).mean()) if n else 0.0,
        risk=float(wrong.mean()) if n else 0.0,
        bins=bins,
        cut_offs=tuple(cut_offs),
    )
