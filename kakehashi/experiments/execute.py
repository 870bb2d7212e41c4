"""Run what is missing of a grid: sources first, nothing twice, each run a ``kakehashi train``."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from multiprocessing import connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.forkserver import set_forkserver_preload
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kakehashi import __version__
from kakehashi.config.reading import DATA_VARIABLE, missing_hint
from kakehashi.errors import CorpusError, RunError, system_problem
from kakehashi.experiments.plan import Plan
from kakehashi.experiments.runs import RunSpec, files_of
from kakehashi.experiments.store import RUN_FILE, Store
from kakehashi.files import lock, read_json, write_json
from kakehashi.parallel import connect_ray
from kakehashi.tracking import TRACKING_VARIABLES

_LOCK = ".lock"  # of kakehashi.training.run, which loads torch
_BUSY = "another process trains"  # the same file says it
_NO_ROOM = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS))
_PR_SET_PDEATHSIG = 1

_PRELOAD = """kakehashi.cli.main kakehashi.cli.show kakehashi.training.train kakehashi.model.kernels
torch._dynamo fugashi pandas"""  # what is not installed is passed over
set_forkserver_preload(_PRELOAD.split())


class _Program(ForkServerProcess):
    """``kakehashi ARGUMENTS`` in a process of one thread, forked from one that has loaded torch."""

    def __init__(self, arguments: Sequence[str], folder: str, variables: Mapping[str, str]) -> None:
        descriptor, self._output = tempfile.mkstemp(prefix="kakehashi-", suffix=".txt")
        os.close(descriptor)
        super().__init__(target=_main, args=(arguments, folder, variables, self._output))
        threads = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = "1"  # read when libraries are loaded, before the first fork
        self.start()
        del os.environ["OMP_NUM_THREADS"]
        os.environ |= {} if threads is None else {"OMP_NUM_THREADS": threads}

    def outcome(self) -> tuple[int, str]:
        """Wait until it ends; return its exit status and all that it printed."""
        self.join()
        output = Path(self._output).read_text(encoding="utf-8", errors="replace")
        Path(self._output).unlink()
        return self.exitcode or 0, output


def _main(arguments: Sequence[str], folder: str, variables: Mapping[str, str], output: str) -> None:
    os.setpgid(0, 0)  # Ctrl-C is for our parent, who ends us
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.chdir(folder)
    os.environ |= variables
    with Path(output).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["kakehashi", *arguments]
    import_module("kakehashi.__main__").main()  # the program, a floor above us


class Ended(NamedTuple):
    """A ``kakehashi train`` that has ended: its run's key, exit status, and all that it printed."""

    key: str
    status: int
    output: str


class LocalExecutor:
    """``workers`` processes of this machine."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._running: dict[str, _Program] = {}

    def close(self) -> None:
        """Kill what still runs."""
        for program in self._running.values():
            program.kill()
            program.outcome()

    def start(self, key: str, arguments: Sequence[str]) -> None:
        """Start ``kakehashi ARGUMENTS``; a worker must be free."""
        self._running[key] = _Program(arguments, str(Path.cwd()), {})

    def ended(self, seconds: float) -> list[Ended]:
        """Wait for something to end, at most so long, and return what has."""
        connection.wait([program.sentinel for program in self._running.values()], seconds)
        done = [key for key, program in self._running.items() if program.exitcode is not None]
        return [Ended(key, *self._running.pop(key).outcome()) for key in done]


class RayExecutor:
    """``workers`` of a Ray cluster, None for one per processor; ``address`` as in `connect_ray`."""

    def __init__(self, workers: int | None, address: str | None) -> None:
        self._ray = connect_ray(address, workers)
        task = self._ray.remote(num_cpus=1, max_retries=0)
        self._run = task(lambda *words: _Program(*words).outcome())
        self.workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._running: dict[Any, str] = {}

    def close(self) -> None:
        """End what still runs, and leave the cluster."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    def start(self, key: str, arguments: Sequence[str]) -> None:
        """Start ``kakehashi ARGUMENTS``; a worker must be free."""
        names = {DATA_VARIABLE, *TRACKING_VARIABLES} & os.environ.keys()
        variables = {name: os.environ[name] for name in names}
        self._running[self._run.remote(arguments, str(Path.cwd()), variables)] = key

    def ended(self, seconds: float) -> list[Ended]:
        """Wait for something to end, at most so long, and return what has."""
        if not self._running:
            time.sleep(seconds)
            return []
        ended = []
        for reference in self._ray.wait([*self._running], timeout=seconds)[0]:
            try:
                outcome = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                outcome = 1, f"error: {' '.join(str(error).split())}"
            ended.append(Ended(self._running.pop(reference), *outcome))
        return ended


Executor = LocalExecutor | RayExecutor


class Watch:
    """Progress of a grid; silent, for subclasses to show."""

    def tick(self, running: Sequence[RunSpec]) -> None:
        """Called several times a second with the runs in progress."""

    def end(self, spec: RunSpec, state: Literal["finished", "failed"], message: str) -> None:
        """Called when a run has ended, with why it failed, or its warnings."""


def run_plan(
    plan: Plan, executor: Executor, watch: Watch | None = None, track: Sequence[str] = ()
) -> list[str]:
    """Run what is missing, and export the grid's Parquet file; return a line per failure.

    A run that fails stops only those that need it as a source; runs that another process trains are
    waited for. ``track`` names the trackers of each run. After Ctrl-C the same plan resumes. A
    CorpusError says that a file does not exist, and nothing is run then; a RunError that there is
    no room in the root folder, where finished runs stay.
    """
    for spec in plan.missing:
        for name, path in files_of(spec.settings):
            if not path.exists():
                raise CorpusError(name, f"there is no such file{missing_hint(name)}")
    schedule = _Schedule(plan, executor, watch or Watch(), track)
    try:
        with contextlib.closing(executor):
            schedule.run()
    finally:
        Store(plan.store.root, plan.grid.name).export(plan.specs)
    return [*schedule.failures.values()]


class _Schedule:
    """What waits, what runs, and what failed, by the key of the run."""

    def __init__(self, plan: Plan, executor: Executor, watch: Watch, track: Sequence[str]) -> None:
        self._store, self._root = plan.store, plan.store.root.absolute()
        self._executor, self._watch = executor, watch
        trackers = (word for name in track for word in ("--track", name))
        self._options = ["--cache", str(self._root / "cache"), *trackers]
        self._waiting = {spec.key: spec for spec in plan.missing}
        self._running: dict[str, RunSpec] = {}
        self._began: dict[str, float] = {}  # of those that were not resumed
        self.failures: dict[str, str] = {}

    def run(self) -> None:
        while self._waiting or self._running:
            for spec in list(self._waiting.values()):
                needs = {need.key for need in spec.needs}
                if needs & self.failures.keys():
                    is_source = spec.source is not None and spec.source.key in self.failures
                    what = "source model" if is_source else "teacher"
                    self._end(self._waiting.pop(spec.key), "failed", f"its {what} has failed")
                elif len(self._running) < self._executor.workers and not (
                    needs & self._waiting.keys() or needs & self._running.keys()
                ):
                    self._start(spec)
            for ended in self._executor.ended(0.25):
                self._take(self._running.pop(ended.key), ended)
            self._watch.tick([*self._running.values()])

    def _start(self, spec: RunSpec) -> None:
        """Start a run, unless another process trains it or has finished it."""
        folder = self._root / spec.key
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with lock(folder / _LOCK, wait=False) as mine:
                if not mine:
                    return
                if self._store.folder(spec.key) is not None:
                    self._end(self._waiting.pop(spec.key), "finished", "")
                    return
                self._fill(folder, spec)
        except OSError as error:
            del self._waiting[spec.key]
            self._take(spec, Ended(spec.key, 2, f"error: {system_problem(error)}"))
            return
        self._running[spec.key] = self._waiting.pop(spec.key)
        self._executor.start(spec.key, self._arguments(folder))

    def _fill(self, folder: Path, spec: RunSpec) -> None:
        """Prepare a run folder, and empty it where its run cannot be resumed."""
        settings = spec.settings
        source = self._store.model(spec.source) if spec.source is not None else None
        if source is not None and settings.transfer is not None:
            transfer = settings.transfer.model_copy(update={"source": str(source.absolute())})
            settings = settings.model_copy(update={"transfer": transfer})
        teachers = [self._store.model(teacher) for teacher in spec.teachers]
        if teachers and settings.teach is not None:
            names = tuple(str(folder.absolute()) for folder in teachers if folder is not None)
            teach = settings.teach.model_copy(update={"teachers": names})
            settings = settings.model_copy(update={"teach": teach})
        record = {"key": spec.key, "kakehashi": __version__, **vars(spec.fingerprint)}
        files = {"config.json": settings.model_dump(mode="json"), RUN_FILE: record}
        if any(read_json(folder / name) != content for name, content in files.items()):
            self._began[spec.key] = time.monotonic()
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != _LOCK:
                    path.unlink()
            for name, content in files.items():
                write_json(folder / name, content)
        (folder / "failure.txt").unlink(missing_ok=True)

    def _arguments(self, folder: Path) -> list[str]:
        return ["train", str(folder / "config.json"), "--out", str(folder), *self._options]

    def _take(self, spec: RunSpec, ended: Ended) -> None:
        folder, lines = self._root / spec.key, ended.output.splitlines()
        began = self._began.pop(spec.key, None)
        if self._store.folder(spec.key) is not None:
            if began is not None and not ended.status:
                seconds = round(time.monotonic() - began, 2)
                write_json(folder / RUN_FILE, read_json(folder / RUN_FILE) | {"seconds": seconds})
            warnings = [line[9:] for line in lines if line.startswith("warning: ")]
            self._end(spec, "finished", "; ".join(warnings))
            return
        problem = f"finished, but not in {self._root}: must be a folder all machines share"
        if ended.status < 0:
            problem = f"its process was killed by {signal.Signals(-ended.status).name}"
        elif ended.status:
            errors = [line[7:] for line in lines if line.startswith("error: ")]
            problem = (errors or [f"its process ended early (status {ended.status})"])[-1]
        if _BUSY in problem:
            self._waiting[spec.key] = spec
            return
        with contextlib.suppress(OSError):
            command = shlex.join(["kakehashi", *self._arguments(folder)])
            said = ended.output or f"{problem}\n"
            (folder / "failure.txt").write_text(f"$ {command}\n{said}", encoding="utf-8")
        for cause in _NO_ROOM:
            if cause in problem:
                problem = f"cannot be written to ({cause}); finished runs stay,"
                raise RunError(self._root, f"{problem} run it again when there is room")
        self._end(spec, "failed", problem.removesuffix("; rerun with --debug"))

    def _end(self, spec: RunSpec, state: Literal["finished", "failed"], message: str) -> None:
        if state == "failed":
            self.failures[spec.key] = f"{spec.label}: {message}"
        self._watch.end(spec, state, message)
