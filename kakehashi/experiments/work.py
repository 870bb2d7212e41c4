"""Run one cell: what a worker does, in a process of its own, on this machine or another."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kakehashi import __version__
from kakehashi.config.settings import RunSettings
from kakehashi.errors import KakehashiError, system_problem
from kakehashi.experiments.store import RUN_FILE
from kakehashi.files import lock, write_json
from kakehashi.progress import Progress

FAILURE_FILE = "failure.txt"
CACHE = "cache"
"""Where the workers of a root share their encoded corpora."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Task:
    """A cell as a worker gets it: plain values only.

    Attributes:
        key: Name of the cell.
        settings: What to run.
        fingerprint: Of the run, for its folder.
        root: Where cells lie; absolute.
        directory: Where relative paths are taken from.
        environment: Variables that it depends on, e.g. ``KAKEHASHI_DATA``, where they are set.
        track: Trackers to tell how it goes.
        wait: Wait while another process runs the cell, instead of coming back at once.
    """

    key: str
    settings: dict[str, Any]
    fingerprint: dict[str, Any]
    root: str
    directory: str
    environment: dict[str, str] = field(default_factory=dict)
    track: tuple[str, ...] = ()
    wait: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    Attributes:
        key: Name of the cell.
        state: ``busy`` where another process runs it; ``stuck`` where no other cell could be
            written either.
        message: Why it failed, or what was wrong though it is finished; in one line.
    """

    key: str
    state: Literal["finished", "failed", "busy", "stuck"]
    message: str = ""


def run_cell(task: Task) -> Outcome:
    """Run a cell, or go on with it, unless it is finished or another process has it."""
    folder, warnings = Path(task.root) / task.key, _Warnings()
    locks = folder.parent / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.chdir(task.directory),
            lock(locks / task.key, wait=task.wait) as mine,
        ):
            if not mine:
                return Outcome(task.key, "busy")
            if not (folder / "result.json").exists():
                _run(task, folder, warnings)
    except Exception as error:  # whatever it is, the other cells go on
        return _failure(task.key, folder, error)
    return Outcome(task.key, "finished", "; ".join(warnings.lines))


class _Warnings(Progress):
    """Keeps what is wrong with a training, for whoever has started it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, line: str) -> None:
        self.lines.append(line)


def _run(task: Task, folder: Path, warnings: _Warnings) -> None:
    # It loads torch, which whoever only asks how a grid stands need not wait for.
    from kakehashi.training.train import train

    os.environ.update(task.environment)
    settings = RunSettings.model_validate_json(json.dumps(task.settings))
    record = {"key": task.key, "kakehashi": __version__, **task.fingerprint}
    resumed = _can_go_on(folder, settings, record)
    if not resumed:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_json(folder / "config.json", settings.model_dump(mode="json"))
        write_json(folder / RUN_FILE, record)
    (folder / FAILURE_FILE).unlink(missing_ok=True)
    began = time.perf_counter()
    train(settings, folder, warnings, cache=Path(task.root) / CACHE, track=task.track)
    if not resumed:
        seconds = round(time.perf_counter() - began, 2)
        write_json(folder / RUN_FILE, record | {"seconds": seconds})


def _can_go_on(folder: Path, settings: RunSettings, record: dict[str, Any]) -> bool:
    """Say whether an unfinished run would go on, and not refuse, with these settings."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        found = json.loads((folder / RUN_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return bool(config == settings.model_dump(mode="json") and found == record)


def _failure(key: str, folder: Path, error: Exception) -> Outcome:
    with contextlib.suppress(OSError):
        text = "".join(traceback.format_exception(error))
        (folder / FAILURE_FILE).write_text(text, encoding="utf-8")
    # An error of ours may say that a file could not be written, and its context why.
    cause = error if isinstance(error, OSError) else error.__context__
    if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
        return Outcome(key, "stuck", str(cause.strerror))
    if isinstance(error, OSError):
        return Outcome(key, "failed", system_problem(error))
    if isinstance(error, KakehashiError):
        return Outcome(key, "failed", " ".join(str(error).split()))
    return Outcome(key, "failed", f"this is a bug in kakehashi: {type(error).__name__}: {error}")
