import json

import pytest

from kakehashi.config.settings import RunSettings
from kakehashi.errors import RunError, TrackingError
from kakehashi.training import run as module
from kakehashi.training.run import Run

SETTINGS = RunSettings.model_validate(
    {
        "name": "small",
        "corpus": {part: [{"format": "jsonl", "path": "a"}] for part in ("train", "dev", "test")},
    }
)


class Trackers:
    """In the place of `sync`: keeps what it was told, and fails for a tracker that is down."""

    def __init__(self):
        self.told, self.down = [], set()

    def __call__(self, folder, name, status):
        if name in self.down:
            raise TrackingError(f"{name} is down")
        path = folder / "epochs.jsonl"
        self.told.append((name, status, len(path.read_text().split()) if path.exists() else 0))


@pytest.fixture
def trackers(monkeypatch):
    trackers = Trackers()
    monkeypatch.setattr(module, "sync", trackers)
    return trackers


def make(folder, *track, progress=None):
    return Run(folder / "run", SETTINGS, "inputs", track, progress)


def save(run, n_epochs):
    run.save_epochs([{"n": n} for n in range(n_epochs)])


def break_off(run, error):
    with run.locked():
        run.begin()
        save(run, 1)
        raise error


def test_trackers_follow_the_status_of_a_run(trackers, tmp_path):
    for error, status in ((KeyboardInterrupt, "killed"), (ZeroDivisionError, "failed")):
        with pytest.raises(error):
            break_off(make(tmp_path, "one"), error)
        assert [told[1] for told in trackers.told] == ["running", "running", status]
        trackers.told.clear()


def test_what_never_began_is_not_tracked_and_leaves_no_folder(trackers, tmp_path):
    with pytest.raises(KeyboardInterrupt), make(tmp_path / "new", "one").locked():
        raise KeyboardInterrupt
    assert trackers.told == []
    assert list(tmp_path.iterdir()) == []


def test_a_tracker_that_fails_is_warned_of_once_and_asked_at_the_end(trackers, tmp_path, told):
    run = make(tmp_path, "one", "two", progress=told)
    with run.locked():
        run.begin()
        trackers.down = {"one"}
        for number in (1, 2):
            save(run, number)
        trackers.down = set()
        save(run, 3)
        run._sync("finished")
    expected = [("running", 0), ("finished", 6)]
    assert [told[1:] for told in trackers.told if told[0] == "one"] == expected
    assert len([told for told in trackers.told if told[0] == "two"]) == 5
    assert told.lines == [
        "warning: one is down; training goes on, and one is asked again at its end"
    ]


def test_a_run_that_another_process_finishes_meanwhile_is_finished(tmp_path):
    """The other one comes after ours has looked, and before it holds the folder."""
    ours, other = make(tmp_path), make(tmp_path)
    with other.locked():
        other.begin()
        (tmp_path / "run/result.json").write_text(json.dumps({"inputs": "inputs"}))
    with ours.locked():
        assert ours.finished
    assert not (tmp_path / "run/.lock").exists()


def test_a_run_that_another_process_begins_meanwhile_with_other_settings_is_refused(tmp_path):
    changed = SETTINGS.model_copy(update={"preset": "internal"})
    ours, other = make(tmp_path), Run(tmp_path / "run", changed, "inputs")
    with other.locked():
        other.claim()
    with ours.locked():  # nothing is trained yet
        pass
    with other.locked():
        other.begin()
    with pytest.raises(RunError, match="unfinished run with other settings"), ours.locked():
        pass
