"""Size and speed of recognizers beside each other: runs, and baselines of the same gold.

    OMP_NUM_THREADS=1 python -m benchmarks.size_and_speed RUN...

CRFsuite (with its default penalties) and spaCy (for 200 steps) are trained on the gold of the first
run, which is enough to time them. Sentences of its test set come with their tokens. Recognizers
take turns; each is loaded anew, warms up on sentences of the development set, and is timed by
processor time on one thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.measuring import timed
from kakehashi import Recognizer
from kakehashi.baselines.crfsuite import CRFsuite
from kakehashi.baselines.spacy import SpaCy
from kakehashi.config.reading import read_settings
from kakehashi.corpora.corpus import read_parts
from kakehashi.encoders.locate import find_encoder
from kakehashi.reports.tables import Table, written
from kakehashi.runtime.checked_folder import find_model
from kakehashi.sentence import Sentence

_WARM, _TIMED, _ROUNDS = 300, 1000, 3
_SHORT = {"max_steps": 200, "eval_frequency": 200}

Tag = Callable[[Sequence[Sentence]], object]


class System(NamedTuple):
    """A recognizer that is measured."""

    name: str
    n_bytes: int  # of the model, and of the encoder that it needs
    load: Callable[[], Tag]


def of_run(run: str) -> System:
    """Take the recognizer of a run of ours."""
    encoder = read_settings(Path(run) / "config.json").encoder
    size = _size(find_model(run)) + (_size(find_encoder(encoder.name)) if encoder else 0)

    def load() -> Tag:
        recognizer = Recognizer.load(run)
        recognizer.warm_up()
        return lambda sentences: list(recognizer.annotate(sentences))

    return System(run, size, load)


def baselines(train: Sequence[Sentence], dev: Sequence[Sentence]) -> list[System]:
    """Train the baselines, as far as speed and size need it."""
    crfsuite, spacy = CRFsuite(), SpaCy(1, _SHORT)
    crfsuite.fit(train, ())
    spacy.fit(train, dev)
    pipeline = spacy._nlp.to_bytes()  # nothing else needs it
    return [
        System("CRFsuite", len(crfsuite.model), lambda: crfsuite.tag),
        System("spaCy", len(pipeline), lambda: spacy.tag),
    ]


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def main() -> None:
    """Print a table."""
    runs = sys.argv[1:]
    corpora = read_parts(read_settings(Path(runs[0]) / "config.json"))
    train, dev, test = map(list, corpora.values())
    warm, texts = dev[:_WARM], test[:_TIMED]
    systems = [*baselines(train, warm), *map(of_run, runs)]
    n_tokens = sum(len(sentence.tokens or ()) for sentence in texts)
    times: dict[str, list[float]] = {system.name: [] for system in systems}
    for _ in range(_ROUNDS):
        for system in systems:
            tag = system.load()
            tag(warm)
            times[system.name].append(timed(partial(tag, texts))[1].cpu * 1e6 / n_tokens)
    rows = [
        (name, size / 1e6, median(times[name]), min(times[name]), max(times[name]))
        for name, size, _ in systems
    ]
    headings = ["recognizer", "MB", "µs a token", "least", "most"]
    note = f"{n_tokens:,} tokens, {_ROUNDS} rounds."
    sys.stdout.write(written([Table("Size and speed", headings, rows, [note])], "markdown"))


if __name__ == "__main__":
    main()
