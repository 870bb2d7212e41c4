"""Measure how well `kakehashi progress` continues learning curves, by those of committed grids.

    python -m benchmarks.foretelling [docs/results/cells/size*.parquet]

Every seed of a grid along training size is a curve of F1 on dev. Each of its sizes from the fourth
on is foretold from those before.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from kakehashi.experiments.annotation_curve import extrapolate


def curves(path: Path) -> Iterator[dict[int, float]]:
    """Yield F1 by training size, of each seed and recognizer of a grid."""
    found = defaultdict[str, dict[int, float]](dict)
    for row in pq.read_table(path, columns=["axes", "settings", "dev_f1"]).to_pylist():
        axes, settings = json.loads(row["axes"]), json.loads(row["settings"])
        size = settings["corpus"]["train_size"]
        others = {name: label for name, label in axes.items() if name != "size"}
        if row["dev_f1"] is not None and size is not None:
            found[json.dumps([others, settings["training"]["seed"]])][size] = row["dev_f1"]
    yield from found.values()


def main() -> None:
    """Print by how much the foretold F1 is off, and the last F1 that is known."""
    committed = sorted(Path("docs/results/cells").glob("size*.parquet"))
    paths = [Path(name) for name in sys.argv[1:]] or committed
    misses = []
    for curve in (curve for path in paths for curve in curves(path)):
        sizes = sorted(curve)
        f1 = np.array([curve[size] for size in sizes])
        for n in range(3, len(sizes)):
            foretold = extrapolate(sizes[:n], f1[None, :n], [sizes[n]])[0, 0]
            misses.append((foretold - f1[n], f1[n - 1] - f1[n]))
    errors = np.array(misses)
    squares, means = np.sqrt((errors**2).mean(axis=0)), errors.mean(axis=0)
    for name, square, mean in zip(("foretold", "the last known"), squares, means, strict=True):
        sys.stdout.write(
            f"{name} F1: off by {square:.2f} (root mean square of {len(errors)}), {mean:+.2f} in"
            " the mean\n"
        )


if __name__ == "__main__":
    main()
