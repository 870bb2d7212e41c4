"""A process that measures one subject, on request.

Requests come as lines of JSON on standard input, answers leave so on standard output. Workers wait
while others measure, so the main process can take turns between them; each has the memory of its
own library only, and may run under another Python.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import peak_memory, percentile, timed
from benchmarks.peers.peer import TOKENS, Peer
from benchmarks.place import Place
from benchmarks.subjects import SUBJECTS
from kakehashi.sentence import Sentence

MISSING = "missing"
"""Key of the answer that a subject's library is not installed."""


class Worker:
    """Answers requests: each public method is one, its arguments come with it.

    Args:
        peer: What is measured.
        place: The corpora.
    """

    def __init__(self, peer: Peer, place: Place) -> None:
        self._peer, self._place = peer, place
        self._sentences = place.sentences("test")
        self._tokens = sum(len(each.tokens or ()) for each in self._sentences)
        self._learn: Callable[[], int] | None = None

    def version(self) -> str:
        """Name the version of the library."""
        return self._peer.version

    def prepare_training(self) -> bool:
        """Prepare training and warm up; say whether it can be measured by passes."""
        self._learn = self._peer.learner()
        if self._learn is not None:
            self._learn()
        return self._learn is not None

    def train(self) -> dict[str, float]:
        """Go once through the slice of the training set."""
        if self._learn is None:
            raise ValueError("ask to prepare training first")
        tokens, taken = timed(self._learn)
        return {"tokens": tokens, **taken._asdict()}

    def fit(self, model: str, seed: int, epochs: int | None) -> dict[str, float]:
        """Train a model and save it."""
        _, taken = timed(lambda: self._peer.fit(Path(model), seed, epochs))
        return {**taken._asdict(), "memory": peak_memory()}

    def load(self, model: str) -> None:
        """Load a model."""
        self._peer.load(Path(model))

    def ways(self) -> list[str]:
        """Name the ways of tagging, and warm each up."""
        ways = self._peer.ways()
        for prepare in ways.values():
            prepare(self._sentences)()
        return list(ways)

    def bulk(self, way: str) -> dict[str, float]:
        """Tag the test set at once."""
        _, taken = timed(self._peer.ways()[way](self._sentences))
        return {"tokens": self._tokens, **taken._asdict()}

    def latency(self, way: str, count: int) -> dict[str, float]:
        """Tag the first sentences of the test set one by one."""
        prepare = self._peer.ways()[way]
        runs = [prepare([sentence]) for sentence in self._sentences[:count]]
        taken = [timed(run)[1] for run in runs]
        walls, cpus = [each.wall for each in taken], [each.cpu for each in taken]
        return {
            "p50": percentile(walls, 50),
            "p95": percentile(walls, 95),
            "p50_cpu": percentile(cpus, 50),
        }

    def score(self) -> dict[str, Any]:
        """Tag the test set, and score it; give the spans besides."""
        from kakehashi.scoring.score import score_spans

        found = self._peer.tag(self._sentences)
        gold = [sentence.project() for sentence in self._sentences]
        score = score_spans([each.spans for each in gold], found, [each.lost for each in gold])
        return {"f1": score.f1, "spans": [[tuple(span) for span in spans] for spans in found]}

    def memory(self) -> int:
        """Measure the most memory this process has had, in bytes."""
        return peak_memory()


def main(arguments: Sequence[str]) -> None:
    """Work for one subject until the input ends; with a model, only start up."""
    folder, name, *models = arguments
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer

    def answer(value: object) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    place = Place.open(Path(folder))
    try:
        if models:
            answer(_start_up(SUBJECTS[name].make(place), place, Path(models[0])))
            return
        worker = Worker(SUBJECTS[name].make(place), place)
    except ImportError as error:
        answer({MISSING: str(error)})
        return
    answer(worker.version())
    for line in sys.stdin:
        request = json.loads(line)
        answer(getattr(worker, request.pop("do"))(**request))


def _start_up(peer: Peer, place: Place, model: Path) -> dict[str, float]:
    """Load a model and tag one sentence, as a fresh process does."""
    first: list[Sentence] = place.sentences("test", 1)
    _, taken = timed(lambda: peer.load(model))
    peer.ways()[TOKENS](first)()
    return {"load": taken.wall}


if __name__ == "__main__":
    main(sys.argv[1:])
