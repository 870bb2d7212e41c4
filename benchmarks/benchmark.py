"""One benchmark from start to report; subjects take turns, so that a busy minute hits all alike."""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import children_cpu
from benchmarks.peers.peer import BULK_ONLY
from benchmarks.place import Place, folder_size
from benchmarks.subjects import OURS, SUBJECTS
from benchmarks.workers import NotInstalledError, Process, command, environment, output_of

_SEED = 1
_HELP = (
    "from kakehashi.cli.main import main; import sys; sys.argv = ['kakehashi', '--help']; main()"
)


@dataclass(frozen=True)
class Plan:
    """What a benchmark does.

    Attributes:
        subjects: Names of `SUBJECTS`, in the order of the report; who tags with another's model
            comes with it.
        rounds: Measurements of each thing.
        threads: Of each worker.
        seeds: Seeds of the whole trainings, for F1; with none, models are trained for one epoch,
            just to have some.
        latency_sentences: Sentences tagged one by one in each round.
        peak_seconds: How long each matrix product is tried.
        flair_python: The interpreter that has Flair.
    """

    subjects: tuple[str, ...]
    rounds: int = 5
    threads: int = 1
    seeds: tuple[int, ...] = ()
    latency_sentences: int = 200
    peak_seconds: float = 1.0
    flair_python: str = sys.executable


class Benchmark:
    """Measures by its plan.

    Args:
        place: The corpora.
        plan: What to do.
        say: Is told what is going on.
    """

    def __init__(self, place: Place, plan: Plan, say: Callable[[str], None]) -> None:
        self._place, self._plan, self._say = place, plan, say
        self._environment = environment(plan.threads)
        self._subjects: dict[str, dict[str, Any]] = {}
        self._missing: dict[str, str] = {}

    def run(self) -> dict[str, Any]:
        """Measure everything; give the report as JSON takes it."""
        plan = self._plan
        limits = self._limits()
        self._find_subjects()
        self._fit()
        self._train()
        self._tag()
        self._start_up()
        return {
            "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            **limits,
            "corpus": self._place.facts(),
            "plan": {
                "rounds": plan.rounds,
                "seeds": plan.seeds,
                "slice_sentences": self._place.slice_sentences,
                "latency_sentences": plan.latency_sentences,
            },
            "subjects": self._subjects,
            "missing": self._missing,
            "help": [self._helped() for _ in range(plan.rounds)],
        }

    def _limits(self) -> dict[str, Any]:
        self._say("the machine")
        arguments = [str(self._place.folder), str(self._plan.peak_seconds)]
        output = self._output(sys.executable, "-m", "benchmarks.limits", *arguments)
        facts: dict[str, Any] = json.loads(output)
        return facts

    def _find_subjects(self) -> None:
        for name in self._plan.subjects:
            try:
                with self._process(name) as worker:
                    self._subjects[name] = {"version": worker.version}
            except NotInstalledError as error:
                self._missing[name] = str(error)
                self._say(f"{name} is left out: {error}")

    def _fit(self) -> None:
        """Train the models, each in a process of its own."""
        whole = bool(self._plan.seeds)
        for name in self._trained():
            needed = whole or SUBJECTS[name].models == name
            for seed in self._plan.seeds or (_SEED,) if needed else ():
                self._say(f"{name}: {'whole training' if whole else 'one epoch'}, seed {seed}")
                fit = self._fitted(name, seed, None if whole else 1)
                self._subjects[name].setdefault("fits", []).append(fit)

    def _fitted(self, name: str, seed: int, epochs: int | None) -> dict[str, float]:
        model = str(self._place.model(name, seed))
        with self._process(name) as worker:
            fit = worker.ask("fit", model=model, seed=seed, epochs=epochs)
            worker.ask("load", model=model)
            return {"seed": seed, **fit, "f1": worker.ask("score")["f1"]}

    def _train(self) -> None:
        """Measure training, slice by slice."""
        with self._workers(self._trained()) as workers:
            self._say("training, getting ready")
            ready = [worker for worker in workers if worker.ask("prepare_training")]
            samples = self._in_turns("training", ready, lambda worker: worker.ask("train"))
            for worker in ready:
                self._subjects[worker.subject]["training"] = {
                    "samples": samples[worker.subject],
                    "memory": worker.ask("memory"),
                }

    def _tag(self) -> None:
        """Measure tagging, in bulk and sentence by sentence."""
        with self._workers(self._tagging()) as workers:
            scores = {worker.subject: self._first_tagging(worker) for worker in workers}
            self._compare(scores)
            self._measure_ways("bulk", workers)
            count = self._plan.latency_sentences
            self._measure_ways("latency", workers, leave_out=BULK_ONLY, count=count)

    def _first_tagging(self, worker: Process) -> dict[str, Any]:
        """Load the model and score it; then warm up."""
        model = self._model(worker.subject)
        worker.ask("load", model=str(model))
        score: dict[str, Any] = worker.ask("score")
        self._subjects[worker.subject]["tagging"] = {
            "size": folder_size(model),
            "memory": worker.ask("memory"),
            "f1": score["f1"],
            "ways": {way: {} for way in worker.ask("ways")},
        }
        return score

    def _compare(self, scores: Mapping[str, dict[str, Any]]) -> None:
        """Count the sentences in which a subject with our weights finds other spans than we do."""
        for subject, score in scores.items():
            if SUBJECTS[subject].models == OURS:
                pairs = zip(score["spans"], scores[OURS]["spans"], strict=True)
                differing = sum(theirs != ours for theirs, ours in pairs)
                self._subjects[subject]["tagging"]["differing_sentences"] = differing

    def _measure_ways(
        self,
        what: str,
        workers: Sequence[Process],
        leave_out: Collection[str] = (),
        **arguments: int,
    ) -> None:
        def measured(worker: Process) -> dict[str, Any]:
            ways = self._subjects[worker.subject]["tagging"]["ways"]
            return {
                way: worker.ask(what, way=way, **arguments) for way in ways if way not in leave_out
            }

        for subject, rounds in self._in_turns(f"tagging, {what}", workers, measured).items():
            ways = self._subjects[subject]["tagging"]["ways"]
            for way in rounds[0]:
                ways[way][what] = [each[way] for each in rounds]

    def _start_up(self) -> None:
        """Measure fresh processes that load a model and tag one sentence."""
        for number in range(self._plan.rounds):
            self._say(f"start-up, round {number + 1}")
            for subject in self._tagging():
                self._subjects[subject].setdefault("start", []).append(self._loaded(subject))

    def _loaded(self, subject: str) -> dict[str, float]:
        start = [*command(self._place, subject, self._python(subject)), str(self._model(subject))]
        cpu, wall = children_cpu(), time.perf_counter()
        output = self._output(*start)
        taken = {"cpu": children_cpu() - cpu, "wall": time.perf_counter() - wall}
        return {**taken, **json.loads(output)}

    def _helped(self) -> dict[str, float]:
        cpu, wall = children_cpu(), time.perf_counter()
        self._output(sys.executable, "-c", _HELP)
        return {"cpu": children_cpu() - cpu, "wall": time.perf_counter() - wall}

    def _output(self, *arguments: str) -> str:
        return output_of(arguments, self._place, self._environment)

    def _in_turns(
        self, what: str, workers: Sequence[Process], measure: Callable[[Process], Any]
    ) -> dict[str, list[Any]]:
        results: dict[str, list[Any]] = {worker.subject: [] for worker in workers}
        for number in range(self._plan.rounds):
            self._say(f"{what}, round {number + 1}")
            for worker in workers:
                results[worker.subject].append(measure(worker))
        return results

    def _trained(self) -> tuple[str, ...]:
        return tuple(name for name in self._subjects if SUBJECTS[name].trains)

    def _tagging(self) -> tuple[str, ...]:
        return tuple(name for name in self._subjects if SUBJECTS[name].tags)

    @contextmanager
    def _workers(self, names: Sequence[str]) -> Iterator[list[Process]]:
        with ExitStack() as stack:
            yield [stack.enter_context(self._process(name)) for name in names]

    def _model(self, name: str) -> Path:
        """Find the model that a subject tags with."""
        return self._place.model(SUBJECTS[name].models, (*self._plan.seeds, _SEED)[0])

    def _python(self, name: str) -> str:
        return self._plan.flair_python if name == "flair" else sys.executable

    def _process(self, name: str) -> Process:
        return Process(self._place, name, self._environment, self._python(name))
