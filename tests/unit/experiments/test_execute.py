import errno
import fcntl
import json
import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from kakehashi.errors import CorpusError, RunError
from kakehashi.experiments.execute import Ended, LocalExecutor, Watch, run_plan
from kakehashi.experiments.plan import make_plan
from kakehashi.experiments.store import load_results

ONE = ["recognizer=none", "seed=1"]


class Listener(Watch):
    def __init__(self):
        self.lines, self.messages = [], []

    def end(self, spec, state, message):
        self.lines.append(f"{spec.label} {state}")
        self.messages.append(message)


def test_sources_run_first_and_everything_once(grid, root, pretender):
    executor, listener = pretender(workers=2), Listener()
    assert run_plan(make_plan(grid(), root), executor, listener, ["mlflow"]) == []
    assert (len(listener.lines), listener.lines[0]) == (5, "en finished")
    verb, config, *options = executor.commands[0]
    folder = config.removesuffix("/config.json")
    expected = ("train", ["--out", folder, "--cache", str(root / "cache"), "--track", "mlflow"])
    assert (verb, options) == expected
    assert executor.sources[0] is None
    assert {source for source in executor.sources if source} == {folder}
    again = pretender()
    assert run_plan(make_plan(grid(), root), again) == []
    assert again.commands == []


def test_a_run_waits_for_its_source(grid, root, pretender):
    executor = pretender((2, "error: no luck\n"), workers=3)
    failures = run_plan(make_plan(grid(), root), executor)
    assert failures == [
        "en: no luck",
        "char · seed 1: its source model has failed",
        "char · seed 2: its source model has failed",
    ]
    assert len(list(root.glob("*/result.json"))) == 2


def test_a_run_that_another_process_begins_is_waited_for(grid, root, pretender):
    executor = pretender((0, ""), (2, "error: k: another process trains in it; wait for it\n"))
    assert run_plan(make_plan(grid(), root), executor) == []
    configs = [command[1] for command in executor.commands]
    assert (len(configs), configs[1]) == (6, configs[-1])


def test_a_run_that_another_process_holds_is_left_to_it(grid, root, pretender):
    plan, executor = make_plan(grid(), root, ONE), pretender()
    folder = root / plan.missing[0].key
    folder.mkdir(parents=True)

    class Other(Listener):
        def tick(self, running):
            assert list(running) == []
            if not self.lines:
                fcntl.flock(lock, fcntl.LOCK_UN)
                run_plan(make_plan(grid(), root, ONE), pretender())

    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        other = Other()
        assert run_plan(plan, executor, other) == []
    assert (executor.commands, other.lines) == ([], ["none · seed 1 finished"])


@pytest.mark.parametrize("damage", [None, "config.json", "cell.json", "settings", "version"])
def test_what_cannot_be_resumed_begins_again(grid, root, pretender, monkeypatch, damage):
    assert run_plan(make_plan(grid(), root, ONE), pretender((143, ""))) == [
        "none · seed 1: its process ended early (status 143)"
    ]
    [folder] = [path.parent for path in root.glob("*/config.json")]
    (folder / "checkpoint").write_bytes(b"")
    (folder / "model").mkdir()
    if damage == "settings":
        (folder / "config.json").write_text("{}")
    elif damage == "version":
        monkeypatch.setattr("kakehashi.experiments.execute.__version__", "0")
    elif damage is not None:
        (folder / damage).unlink()
    assert run_plan(make_plan(grid(), root, ONE), pretender()) == []
    assert (folder / "checkpoint").exists() == (folder / "model").exists() == (damage is None)
    # Of a run that was resumed, the time tells nothing.
    assert ("seconds" in (folder / "cell.json").read_text()) == (damage is not None)


@pytest.mark.parametrize(
    ("status", "output", "message"),
    [
        (2, "epoch 1/2\nerror: f:3: is empty\n", "f:3: is empty"),
        (1, "error: this is a bug: E: x; rerun with --debug\n", "this is a bug: E: x"),
        (-9, "epoch 1/2\n", "its process was killed by SIGKILL"),
    ],
)
def test_why_a_run_failed_is_one_line(grid, root, pretender, status, output, message):
    failures = run_plan(make_plan(grid(), root, ONE), pretender((status, output)))
    assert failures == [f"none · seed 1: {message}"]
    [failure] = root.glob("*/failure.txt")
    assert failure.read_text() == (
        f"$ kakehashi train {failure.parent}/config.json --out {failure.parent}"
        f" --cache {root}/cache\n{output}"
    )
    run_plan(make_plan(grid(), root, ONE), pretender())
    assert not failure.exists()


def test_a_process_that_says_nothing_ended_early(grid, root, pretender):
    assert run_plan(make_plan(grid(), root, ONE), pretender((3, "")))
    [failure] = root.glob("*/failure.txt")
    assert failure.read_text().endswith("its process ended early (status 3)\n")


def test_warnings_are_told(grid, root, pretender):
    listener = Listener()
    executor = pretender((0, "warning: slow\nepoch 1/2\nwarning: very\nresult\n"))
    run_plan(make_plan(grid(), root, ONE), executor, listener)
    assert listener.messages == ["slow; very"]


def test_without_room_it_stops_and_keeps_what_is_finished(grid, root, pretender):
    full = f"error: x: {os.strerror(errno.ENOSPC)}; make room, then run the same command again\n"
    executor = pretender((0, ""), (0, ""), (2, full))
    with pytest.raises(RunError, match=r"cells: cannot be written to \(No space left on device\)"):
        run_plan(make_plan(grid(), root), executor)
    assert len(executor.commands) == 3
    assert sum(bool(run.result) for run in load_results(grid(), root).runs) == 1
    assert (root / "g.parquet").exists()


def test_a_folder_that_cannot_be_written_to_fails_its_run(grid, root, pretender):
    plan = make_plan(grid(), root, ["recognizer=none"])
    (root / plan.missing[0].key).write_text("a file")
    failures = run_plan(plan, pretender())
    assert len(failures) == 1
    assert "File exists" in failures[0]


def test_a_run_that_is_not_where_it_should_be_has_failed(grid, root, pretender):
    failures = run_plan(make_plan(grid(), root, ONE), pretender((0, "elsewhere")))
    assert len(failures) == 1
    assert "all machines share" in failures[0]


def test_nothing_runs_when_a_corpus_is_missing(grid, root, pretender):
    plan = make_plan(grid(), root)
    (root.parent / "train.jsonl").unlink()
    executor = pretender()
    with pytest.raises(CorpusError, match=r"train\.jsonl: there is no such file"):
        run_plan(plan, executor)
    assert executor.commands == []


def ended(executor):
    while True:
        for found in executor.ended(60):
            return found


@pytest.mark.slow
def test_processes_say_how_they_ended_and_are_killed_in_the_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with closing(LocalExecutor(2)) as executor:
        executor.start("a", ["train", "no-such.toml"])
        assert ended(executor) == Ended(
            "a", 2, "error: no-such.toml: there is no such config file\n"
        )
        executor.start("b", ["train", "demo-en"])
        [program] = executor._running.values()
        os.kill(program.pid, signal.SIGKILL)
        assert ended(executor)[:2] == ("b", -signal.SIGKILL)
        executor.start("c", ["train", "demo-en"])
        [program] = executor._running.values()
    assert program.exitcode == -signal.SIGKILL


TAUGHT = {
    "seeds": [1],
    "axes": {"recognizer": {"taught": {"teachers": ["char"]}, "char": {"groups": ["char"]}}},
    "set": {"corpus.train_size": 1, "teach.unlabeled": "rest"},
}


def test_a_run_waits_for_its_teacher_and_is_given_its_folder(grid, root, pretender):
    executor, listener = pretender(workers=2), Listener()
    plan = make_plan(grid(**TAUGHT), root, ["recognizer=taught"])
    assert run_plan(plan, executor, listener) == []
    assert listener.lines == ["en finished", "char · seed 1 finished", "taught · seed 1 finished"]
    configs = [json.loads(Path(command[1]).read_text()) for command in executor.commands]
    teacher = Path(executor.commands[1][1]).parent
    assert configs[2]["teach"]["teachers"] == [str(teacher.absolute())]
    assert make_plan(grid(**TAUGHT), root).missing == ()


def test_what_a_failed_teacher_should_teach_fails(grid, root, pretender):
    executor = pretender((0, ""), (2, "error: no luck\n"))
    assert run_plan(make_plan(grid(**TAUGHT), root), executor) == [
        "char · seed 1: no luck",
        "taught · seed 1: its teacher has failed",
    ]
