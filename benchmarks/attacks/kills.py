"""Kill and terminate a small training at random moments, also while it starts and while it ends.

However often it was stopped, the same command must end it with the same weights, records and
result, must never refuse to go on, and must leave nothing behind::

    python -m benchmarks.attacks.kills --count 60
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.attacks.program import run, start, state_of, write_config

_KILLS_A_RUN = 4


def main() -> None:
    """Run the attack, and exit with 1 if a promise was broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=60, help="kills and terminations")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        broken = attack(Path(folder), options.count, options.seed)
    sys.exit(1 if broken else 0)


def attack(folder: Path, count: int, seed: int) -> list[str]:
    """Stop trainings below a folder ``count`` times; return what promises were broken."""
    draw = random.Random(seed)
    config = write_config(folder)
    began = time.perf_counter()
    status, _, err = run("train", config, "--out", folder / "whole", cwd=folder)
    duration = time.perf_counter() - began
    if status:
        return _tell([f"the undisturbed training failed: {err}"], 0, 0, 0)
    expected, broken, runs, stopped = state_of(folder / "whole"), [], 0, 0
    while stopped < count:
        runs += 1
        out = folder / f"run{runs}"
        for _ in range(min(_KILLS_A_RUN, count - stopped)):
            number = draw.choice((signal.SIGKILL, signal.SIGTERM))
            every = draw.choice((0, 0.001, 5))
            stopped += 1
            broken += _stop(folder, config, out, every, number, draw.random() * duration)
        status, _, err = run("train", config, "--out", out, cwd=folder)
        if status:
            broken.append(f"run {runs} was refused with {status}: {err.strip()[-300:]}")
        elif (found := state_of(out)) != expected:
            differ = sorted(n for n in {*found, *expected} if found.get(n) != expected.get(n))
            broken.append(f"run {runs} ended with other files: {', '.join(differ)}")
    left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    broken += [f"left behind: {name}" for name in left]
    return _tell(broken, stopped, runs, duration)


def _stop(
    folder: Path, config: Path, out: Path, every: float, number: int, after: float
) -> list[str]:
    process = start("train", config, "--out", out, "--save-every", every, cwd=folder)
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    _, err = process.communicate(timeout=600)
    orderly = {0, -signal.SIGKILL} if number == signal.SIGKILL else {0, 143, -signal.SIGTERM}
    if process.returncode in orderly and "Traceback" not in err:
        return []
    name = signal.Signals(number).name
    return [f"{name} after {after:.2f} s: exit {process.returncode}: {err.strip()[-300:]}"]


def _tell(broken: list[str], stopped: int, runs: int, duration: float) -> list[str]:
    sys.stdout.write(
        f"{stopped} kills and terminations in {runs} trainings of {duration:.1f} s:"
        f" {len(broken)} promises broken\n"
    )
    sys.stdout.writelines(f"  {line}\n" for line in broken)
    return broken


if __name__ == "__main__":
    main()
