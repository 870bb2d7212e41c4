"""F1, size and speed of recognizers beside each other: runs, and baselines of the same gold.

    OMP_NUM_THREADS=1 python -m benchmarks.size_and_speed RUN...

CRFsuite and spaCy are trained on the gold of the first run. Sentences of its test set come with
their tokens. Recognizers take turns; each is loaded anew, warms up on sentences of the development
set, and is timed by processor time on one thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.measuring import timed
from kakehashi import Recognizer
from kakehashi.baselines import BASELINES
from kakehashi.config.reading import read_settings
from kakehashi.corpora.corpus import read_parts
from kakehashi.encoders.locate import find_encoder
from kakehashi.reports.tables import Table, written
from kakehashi.runtime.checked_folder import find_model
from kakehashi.scoring.score import score_spans
from kakehashi.sentence import Sentence
from kakehashi.training.run import load_result

_WARM, _TIMED, _ROUNDS = 300, 1000, 5

Tag = Callable[[Sequence[Sentence]], object]


class System(NamedTuple):
    """A recognizer that is compared."""

    name: str
    f1: float
    n_bytes: int  # of the model, and of the encoder that it needs
    load: Callable[[], Tag]


def of_run(run: str) -> System:
    """Take the recognizer of a run, and the F1 that the run has."""
    result = load_result(run)
    size, encoder = _size(find_model(run)), result["settings"]["encoder"]
    if encoder is not None:
        size += _size(find_encoder(encoder["name"]))

    def load() -> Tag:
        recognizer = Recognizer.load(run)
        recognizer.warm_up()
        return lambda sentences: list(recognizer.annotate(sentences))

    return System(run, result["test"]["f1"], size, load)


def of_baseline(name: str, parts: dict[str, list[Sentence]]) -> System:
    """Train a baseline."""
    baseline: Any = BASELINES[name](1)
    baseline.fit(parts["train"], parts["dev"])
    gold = [sentence.project() for sentence in parts["test"]]
    spans, lost = [each.spans for each in gold], [each.lost for each in gold]
    f1 = score_spans(spans, baseline.tag(parts["test"]), lost).f1
    model = baseline.model or baseline._nlp.to_bytes()  # spaCy's, which nothing else needs
    return System(name, f1, len(model), lambda: baseline.tag)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def main() -> None:
    """Print a table."""
    runs = sys.argv[1:]
    parts = {
        name: list(part)
        for name, part in read_parts(read_settings(Path(runs[0]) / "config.json")).items()
    }
    systems = [*(of_baseline(name, parts) for name in BASELINES), *map(of_run, runs)]
    warm, texts = parts["dev"][:_WARM], parts["test"][:_TIMED]
    n_tokens = sum(len(sentence.tokens or ()) for sentence in texts)
    times: dict[str, list[float]] = {system.name: [] for system in systems}
    for _ in range(_ROUNDS):
        for system in systems:
            tag = system.load()
            tag(warm)
            times[system.name].append(timed(partial(tag, texts))[1].cpu * 1e6 / n_tokens)
    rows = [
        (name, f1, size / 1e6, median(times[name]), min(times[name]), max(times[name]))
        for name, f1, size, _ in systems
    ]
    headings = ["recognizer", "F1", "MB", "µs a token", "least", "most"]
    note = f"{n_tokens:,} tokens, {_ROUNDS} rounds."
    sys.stdout.write(written([Table("Size and speed", headings, rows, [note])], "markdown"))


if __name__ == "__main__":
    main()
