import errno
import fcntl
import json
import os
import signal
from dataclasses import replace

import pytest

from kakehashi.config.settings import RunSettings
from kakehashi.errors import CorpusError, RunError
from kakehashi.experiments.execute import LocalExecutor
from kakehashi.experiments.work import Task, run_cell

SOURCE = {"format": "jsonl", "path": "no-such.jsonl"}
SETTINGS = RunSettings.model_validate(
    {"name": "small", "corpus": {"train": [SOURCE], "dev": [SOURCE]}}
)


@pytest.fixture
def task(tmp_path):
    return Task(
        key="k",
        settings=SETTINGS.model_dump(mode="json"),
        fingerprint={"config": "c", "facts": {}},
        root=str(tmp_path / "cells"),
        directory=str(tmp_path),
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cells/k"


@pytest.fixture
def trainings(monkeypatch):
    """Trainings as they are asked for; they write a checkpoint, or raise what is given."""
    seen = []

    def train(settings, folder, progress, *, cache, track):
        seen.append((settings, (folder / "checkpoint").exists()))
        if train.error is not None:
            raise train.error
        (folder / "checkpoint").write_bytes(b"")
        if not train.finish:
            raise RunError(folder, "is not finished")
        (folder / "result.json").write_text("{}")
        return folder

    train.error, train.finish, train.seen = None, True, seen
    monkeypatch.setattr("kakehashi.training.train.train", train)
    return train


def test_a_finished_cell_is_not_run_again(task, folder, trainings):
    assert [run_cell(task).state, run_cell(task).state] == ["finished", "finished"]
    assert trainings.seen == [(SETTINGS, False)]
    record = json.loads((folder / "cell.json").read_text())
    assert (record["key"], record["config"]) == ("k", "c")
    assert record["seconds"] >= 0


def test_an_unfinished_cell_goes_on_with_the_same_settings(task, trainings):
    trainings.finish = False
    run_cell(task)
    run_cell(task)
    assert [resumed for _, resumed in trainings.seen] == [False, True]


@pytest.mark.parametrize("damage", ["settings", "version", "nothing written", "no identity"])
def test_what_cannot_go_on_begins_again(task, folder, trainings, monkeypatch, damage):
    trainings.finish = False
    run_cell(task)
    if damage == "settings":
        task = replace(task, settings=task.settings | {"name": "other"})
    elif damage == "version":
        monkeypatch.setattr("kakehashi.experiments.work.__version__", "0")
    elif damage == "nothing written":
        (folder / "config.json").unlink()
    else:
        (folder / "cell.json").unlink()
    trainings.finish = True
    assert run_cell(task).state == "finished"
    assert [resumed for _, resumed in trainings.seen] == [False, False]


def test_a_cell_that_another_process_runs_is_left_to_it(task, folder, trainings):
    locks = folder.parent / "locks"
    locks.mkdir(parents=True)
    with (locks / "k").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run_cell(task).state == "busy"
    assert run_cell(task).state == "finished"
    assert len(trainings.seen) == 1


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (CorpusError("f", "is\nempty", 3), "failed", "f:3: is empty"),
        (PermissionError(errno.EACCES, "Permission denied", "f"), "failed", "Permission denied"),
        (ZeroDivisionError("by zero"), "failed", "this is a bug in kakehashi: ZeroDivisionError"),
        (OSError(errno.ENOSPC, "No space left on device"), "stuck", "No space left on device"),
    ],
)
def test_whatever_goes_wrong_is_an_outcome(task, folder, trainings, error, state, message):
    trainings.error = error
    outcome = run_cell(task)
    assert outcome.state == state
    assert message in outcome.message
    assert "\n" not in outcome.message
    assert type(error).__name__ in (folder / "failure.txt").read_text()
    trainings.error = None
    assert run_cell(task).state == "finished"
    assert not (folder / "failure.txt").exists()


def test_a_full_disk_is_known_behind_our_own_error(task, trainings):
    trainings.error = CorpusError("f", "cannot be written (No space left on device)")
    trainings.error.__context__ = OSError(errno.ENOSPC, "No space left on device")
    assert run_cell(task).state == "stuck"


def test_a_run_error_of_another_cause_is_no_full_disk(task, trainings):
    trainings.error = RunError("f", "is damaged")
    assert run_cell(task).state == "failed"


def test_a_process_that_dies_fails_its_cell_and_is_replaced(task):
    with LocalExecutor(1) as executor:
        executor.start(task)
        [worker] = executor._busy
        os.kill(worker._process.pid, signal.SIGKILL)
        [outcome] = executor.ended(60)
        assert outcome.message == "its process ended early (killed by SIGKILL)"
        executor.start(task)
        [outcome] = executor.ended(60)
        assert "no-such.jsonl" in outcome.message
        executor.start(replace(task, key="other"))
        [worker] = executor._busy
    assert not worker._process.is_alive()
