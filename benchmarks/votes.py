"""What several teachers find together in the dev or test set of the first, F1 at each cut.

::

    python -m benchmarks.votes [--part test] RUN RUN …
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from kakehashi.config.reading import read_settings
from kakehashi.corpora.corpus import load_corpora
from kakehashi.scoring.score import score_sentences
from kakehashi.sentence import Sentence
from kakehashi.training.findings import Findings

CUTS = (0.5, 0.45, 0.4, 0.35, 0.3, 0.25)


def measure(runs: list[Path], part: str = "dev") -> dict[float, float]:
    """Return F1 in percent, by the mean probability that a mention needs."""
    corpora = load_corpora(read_settings(runs[0] / "config.json").corpus)
    gold = list(corpora._asdict()[part])
    with tempfile.TemporaryDirectory() as cache:
        texts = [Sentence(each.text) for each in gold]
        findings = Findings(list(map(str, runs)), texts, Path(cache))
        return {cut: score_sentences(gold, findings.agreed(cut)).f1 for cut in CUTS}


def main() -> None:
    """Print them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="run folders")
    parser.add_argument("--part", choices=("dev", "test"), default="dev")
    options = parser.parse_args()
    scores = measure(options.runs, options.part)
    sys.stdout.write(f"{json.dumps(scores, indent=1)}\n")


if __name__ == "__main__":
    main()
