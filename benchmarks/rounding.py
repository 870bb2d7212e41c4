"""What products in 8 bits change: runs, on the development and test sets that they know.

    python -m benchmarks.rounding RUN...

For each corpus: sentences that ``int8`` tags otherwise than ``float32``, if nothing were computed
again and as it is; what share is computed again; the largest change of a mention's probability;
and that of F1 on the test set, in points, in the mean of the models and the largest.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from kakehashi import Recognizer
from kakehashi.config.reading import read_settings
from kakehashi.corpora.corpus import read_parts
from kakehashi.reports.tables import Table, written
from kakehashi.runtime.network import NumpyNetwork
from kakehashi.runtime.prediction import SURE
from kakehashi.scoring.score import score_mentions
from kakehashi.sentence import Mention


class Rounding(NamedTuple):
    """Counts of sentences, the largest change of a mention's probability, and that of F1."""

    sentences: int
    alone: int
    otherwise: int
    again: int
    change: float
    f1: float


def measure(run: Path) -> tuple[str, Rounding]:
    """Tag by the model of a run in both precisions; also returns the name of its corpus."""
    settings = read_settings(run / "config.json")
    exact, rounded, alone = (Recognizer.load(run, precision=p) for p in ("float32", "int8", "int8"))
    network = copy(cast("NumpyNetwork", alone.network))
    network.exact, alone.network = None, network
    parts = read_parts(settings)
    test, dev = list(parts["test"]), list(parts["dev"])
    sentences = test + dev
    expected, found, without = (
        [sentence.mentions for sentence in recognizer.annotate(sentences)]
        for recognizer in (exact, rounded, alone)
    )
    again = sum(
        int(np.count_nonzero(alone.decoder.decode(emissions, offsets).margins < SURE))
        for _, offsets, emissions, _ in alone.emissions(sentences)
    )
    changes = [
        abs((one.probability or 0) - (other.probability or 0))
        for pair in zip(expected, found, strict=True)
        for one, other in zip(*pair, strict=False)
        if one[:3] == other[:3]
    ]
    alone_otherwise, otherwise = (sum(map(_differ, expected, each)) for each in (without, found))
    largest = max(changes, default=0.0)
    gold = [sentence.mentions for sentence in test]
    before, now = (score_mentions(gold, each[: len(test)]).f1 for each in (expected, found))
    counts = len(sentences), alone_otherwise, otherwise, again
    return settings.name, Rounding(*counts, largest, now - before)


def _differ(one: Sequence[Mention], other: Sequence[Mention]) -> bool:
    return [mention[:3] for mention in one] != [mention[:3] for mention in other]


def main() -> None:
    """Print a table."""
    found: dict[str, list[Rounding]] = defaultdict(list)
    for run in sys.argv[1:]:
        name, rounding = measure(Path(run))
        found[name].append(rounding)
    rows = []
    for name, each in sorted(found.items()):
        sentences, alone, otherwise, again, _, f1 = map(sum, zip(*each, strict=True))
        changes = max(one.change for one in each), f1 / len(each), max(abs(one.f1) for one in each)
        counts = len(each), sentences, alone, otherwise
        rows.append((name, *counts, 100 * again / sentences, *changes))
    headings = ["corpus", "models", "sentences", "int8 alone", "as it is", "again, %"]
    headings += ["probability", "F1, mean", "F1, largest"]
    title = "Sentences that int8 tags otherwise than float32"
    sys.stdout.write(written([Table(title, headings, rows, [])], "markdown"))


if __name__ == "__main__":
    main()
