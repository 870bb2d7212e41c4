"""Hostile and damaged model folders: each must load or be refused in a line, within bounds.

Each folder of `benchmarks.attacks.hostile_folders` is loaded, and tags a text, in a process of its
own.

Run as ``python -m benchmarks.attacks.models [--count 100] [--seed 0]``; the exit status is 1 if a
promise is broken.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.attacks.hostile_folders import ATTACKS, make_hostile, write_model
from kakehashi.errors import KakehashiError
from kakehashi.runtime.recognizer import Recognizer

MOST_SECONDS = 20.0
MOST_MEMORY = 1 << 30
"""Bytes beyond what a process has when all is imported."""


@dataclass(frozen=True)
class Outcome:
    """What became of a folder.

    Attributes:
        attack: Its name.
        verdict: ``loaded``, ``refused``, ``hangs``, ``died``, or an exception that is none of ours.
        seconds: It took.
        memory: Bytes it took at most, beyond those of imports.
        message: What was said.
    """

    attack: str
    verdict: str
    seconds: float
    memory: int
    message: str = ""

    @property
    def is_broken(self) -> bool:
        """Whether it is none of what is promised."""
        long = self.seconds > MOST_SECONDS or len(self.message.splitlines()) > 1
        return self.verdict not in ("loaded", "refused") or long or self.memory > MOST_MEMORY


def attempt(folder: Path, attack: str) -> Outcome:
    """Load a folder and tag a text in a process of its own; end it if it hangs."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_load, args=(folder, theirs), daemon=True)
    began = time.perf_counter()
    process.start()
    theirs.close()
    try:
        answer = ours.recv() if ours.poll(2 * MOST_SECONDS) else ("hangs", "", 0)
    except EOFError:
        answer = ("died", "", 0)
    seconds = time.perf_counter() - began
    process.kill()
    process.join()
    verdict, message, memory = answer
    return Outcome(attack, verdict, seconds, memory, message)


def _load(folder: Path, answers: Connection) -> None:
    before = _peak()
    try:
        Recognizer.load(folder)("Ada in Oslo")
        verdict, message = "loaded", ""
    except (KakehashiError, OSError) as error:
        verdict, message = "refused", str(error)
    except BaseException as error:
        verdict, message = type(error).__name__, str(error)
    answers.send((verdict, message[:2000], _peak() - before))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(count: int, seed: int) -> list[Outcome]:
    """Try so many folders, of each kind in turn."""
    with tempfile.TemporaryDirectory() as place:
        model = Path(place, "model")
        write_model(model)
        Recognizer.load(model)("Ada in Oslo")  # so that all is imported
        outcomes = []
        for number in range(count):
            attack = ATTACKS[number % len(ATTACKS)]
            folder = Path(place, f"hostile{number}")
            make_hostile(model, folder, attack, random.Random(f"{seed} {number}"))
            outcomes.append(attempt(folder, attack))
            shutil.rmtree(folder)
    return outcomes


def report(outcomes: list[Outcome]) -> str:
    """Describe what became of the folders, kind by kind, and whatever breaks a promise."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    slowest = max(outcomes, key=lambda outcome: outcome.seconds)
    largest = max(outcomes, key=lambda outcome: outcome.memory)
    lines = [f"{len(outcomes)} folders: " + ", ".join(f"{n} {v}" for v, n in verdicts.items())]
    lines += [
        f"  {attack}: "
        + ", ".join(
            f"{n} {v}"
            for v, n in Counter(o.verdict for o in outcomes if o.attack == attack).items()
        )
        for attack in ATTACKS
    ]
    lines.append(f"slowest: {slowest.seconds:.1f} s ({slowest.attack})")
    lines.append(f"most memory: {largest.memory >> 20} MiB ({largest.attack})")
    lines += [f"BROKEN: {outcome}" for outcome in outcomes if outcome.is_broken]
    return "\n".join(lines)


def main() -> int:
    """Attack, and print what became of it."""
    parser = argparse.ArgumentParser(description="Attack the loading of models.")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    outcomes = run(options.count, options.seed)
    sys.stdout.write(report(outcomes) + "\n")
    return int(any(outcome.is_broken for outcome in outcomes))


if __name__ == "__main__":
    raise SystemExit(main())
