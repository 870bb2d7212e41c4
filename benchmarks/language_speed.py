"""Measure what tagging costs in each language, by processor time on one thread.

    OMP_NUM_THREADS=1 python -m benchmarks.language_speed RUN...

Tags the different texts of the test set of each run, after 200 of them to warm up.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from kakehashi import Recognizer
from kakehashi.config.reading import read_settings
from kakehashi.corpora.corpus import load_corpora
from kakehashi.reports.tables import Table, written

_WARM = 200


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time of the faster of two calls."""
    times = []
    for _ in range(2):
        before = time.process_time()
        work()
        times.append(time.process_time() - before)
    return min(times)


def main() -> None:
    """Print a table."""
    rows = []
    for run in map(Path, sys.argv[1:]):
        settings = read_settings(run / "config.json")
        texts = list(dict.fromkeys(each.text for each in load_corpora(settings.corpus).test))
        recognizer = Recognizer.load(run)
        recognizer.warm_up()
        list(recognizer.recognize(texts[:_WARM]))
        segment = recognizer.segmenter.segment
        cut = seconds(lambda: list(map(segment, texts)))  # noqa: B023 - called at once
        whole = seconds(lambda: list(recognizer.recognize(texts)))  # noqa: B023
        micro = 1e6 / len(texts)
        length = sum(map(len, texts)) / len(texts)
        rows.append((settings.name, settings.text.segmenter, length, cut * micro, whole * micro))
    headings = ["run", "segmenter", "characters a text", "µs to segment", "µs to tag"]
    sys.stdout.write(written([Table("Tagging raw text", headings, rows)], "markdown"))


if __name__ == "__main__":
    main()
