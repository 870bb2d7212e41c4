"""The main process's side of the workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.place import Place
from benchmarks.worker import MISSING
from kakehashi.errors import KakehashiError

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS")
_LAST = 20  # lines of the log that a message shows
_ROOT = Path(__file__).parents[1]


class NotInstalledError(KakehashiError):
    """Say that a peer's library is not installed."""


class WorkerError(KakehashiError):
    """Say that a worker ended before it answered."""


class Process:
    """A worker that runs until the ``with`` block is left.

    Args:
        place: Where it finds the corpora.
        subject: What it measures.
        environment: As `environment` gives it.
        python: The interpreter.

    Raises:
        NotInstalledError: If the subject's library is not installed.
    """

    def __init__(
        self,
        place: Place,
        subject: str,
        environment: Mapping[str, str],
        python: str = sys.executable,
    ) -> None:
        self._log = place.folder / f"{subject}.log"
        with self._log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command(place, subject, python),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(environment),
                encoding="utf-8",
            )
        self.subject = subject
        version = self._answer()
        if isinstance(version, dict):
            self.__exit__(None, None, None)
            raise NotInstalledError(version[MISSING])
        self.version = str(version)

    def ask(self, do: str, **arguments: object) -> Any:
        """Make one request and wait for the answer.

        Raises:
            WorkerError: If the worker ends instead.
        """
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise WorkerError(f"{self.subject}: the worker ended:\n{_end(self._log)}")
        return json.loads(line)


def output_of(arguments: Sequence[str], place: Place, environment: Mapping[str, str]) -> str:
    """Run a process to its end; give what it writes.

    Raises:
        WorkerError: If it fails.
    """
    log = place.folder / "processes.log"
    with log.open("a", encoding="utf-8") as errors:
        done = subprocess.run(
            arguments,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            encoding="utf-8",
        )
    if done.returncode:
        raise WorkerError(f"{' '.join(arguments)} failed:\n{_end(log)}")
    return done.stdout


def _end(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8").strip().splitlines()[-_LAST:])


def command(place: Place, subject: str, python: str) -> list[str]:
    """Write the command of a worker."""
    return [python, "-m", "benchmarks.worker", str(place.folder), subject]


def environment(threads: int) -> dict[str, str]:
    """Bound the threads of numeric libraries, and let any Python find the benchmark."""
    bounds = dict.fromkeys(_THREADS, str(threads))
    return {**os.environ, **bounds, "PYTHONPATH": str(_ROOT), "TOKENIZERS_PARALLELISM": "false"}
