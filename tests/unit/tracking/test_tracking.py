import sys

import pytest

from kakehashi.errors import ConfigError, MissingExtraError, RunError, TrackingError
from kakehashi.progress import Progress
from kakehashi.tracking.catalogue import check_trackers, open_trackers
from kakehashi.tracking.tracking import Tracking

EPOCHS = [{"number": n, "loss": 1 / n, "seconds": 0.5, "dev": 40.0 + n} for n in (1, 2, 3)]
SCORE = {"f1": 50.0, "precision": 40.0, "recall": 60.0, "signature": "s"}
RESULT = {
    "dev": SCORE | {"types": {"PER": {"f1": 1.0}}},
    "test": SCORE | {"types": {"LOC": {"f1": 55.0}}, "signature": "t"},
    "selection": {"epoch": 2},
    "epochs": EPOCHS,
}


class Kept:
    """A tracker that keeps what it is told, and fails while it is down."""

    name = "kept"

    def __init__(self, epochs=0):
        self.epochs, self.told, self.down = epochs, [], False

    def _take(self, *news):
        if self.down:
            raise TrackingError("it is down")
        self.told.append(news)

    def begin(self):
        self._take("begin")
        return self.epochs

    def log(self, scores, epoch):
        self._take(epoch, scores)
        if "epoch/loss" in scores:
            self.epochs = epoch

    def sign(self, signature):
        self._take(signature)

    def end(self, how):
        self._take(how)


class Warned(Progress):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def progress():
    return Warned()


def follow(tracking, upto=3):
    for number in range(upto + 1):
        tracking.follow(EPOCHS[:number])


def epochs(tracker):
    return [news[0] for news in tracker.told if "epoch/loss" in news[-1]]


def test_a_run_is_told_in_order(progress):
    tracker = Kept()
    with Tracking([tracker], progress) as tracking:
        follow(tracking)
        tracking.finish(RESULT)
    assert tracker.told[0] == ("begin",)
    assert tracker.told[1] == (
        1,
        {"epoch/loss": 1.0, "epoch/dev_f1": 41.0, "epoch/seconds": 0.5},
    )
    assert epochs(tracker) == [1, 2, 3]
    step, scores = tracker.told[4]
    assert step == 2
    assert (scores["dev/f1"], scores["test/recall"]) == (50.0, 60.0)
    assert {name for name in scores if name.startswith("types/")} == {"types/LOC"}
    assert tracker.told[5:] == [("t",), ("finished",)]
    assert progress.lines == []


def test_what_a_tracker_has_is_not_told_again():
    tracker = Kept(epochs=2)
    with Tracking([tracker]) as tracking:
        tracking.follow(())
        tracking.follow(EPOCHS)
    assert epochs(tracker) == [3]


def test_a_tracker_that_fails_is_warned_of_once_and_gets_the_rest_at_the_end(progress):
    tracker, other = Kept(), Kept()
    with Tracking([tracker, other], progress) as tracking:
        follow(tracking, upto=1)
        tracker.down = True
        follow(tracking)
        tracker.down = False
        follow(tracking)  # is left alone until the end
        assert epochs(tracker) == [1]
        tracking.finish(RESULT)
    assert epochs(tracker) == epochs(other) == [1, 2, 3]
    assert tracker.told[-1] == ("finished",)
    assert progress.lines == [
        "warning: it is down; training goes on, and kept is asked again at its end"
    ]


def test_a_tracker_that_stays_away_stops_nothing(progress):
    tracker = Kept()
    tracker.down = True
    with Tracking([tracker], progress) as tracking:
        follow(tracking)
        tracking.finish(RESULT)
    assert tracker.told == []
    assert len(progress.lines) == 1


def run_that_raises(tracker, error, *, begun=True):
    with Tracking([tracker]) as tracking:
        if begun:
            tracking.follow(())
        raise error


@pytest.mark.parametrize(("error", "how"), [(KeyboardInterrupt, "killed"), (RunError, "failed")])
def test_a_run_that_breaks_off_says_how(error, how):
    tracker = Kept()
    with pytest.raises(error):
        run_that_raises(tracker, error("run", "is full"))
    assert tracker.told == [("begin",), (how,)]


def test_what_never_began_is_not_ended():
    tracker = Kept()
    with pytest.raises(KeyboardInterrupt):
        run_that_raises(tracker, KeyboardInterrupt, begun=False)
    assert tracker.told == []


def test_an_unknown_tracker_is_named(tmp_path):
    with pytest.raises(ConfigError, match="there is no tracker 'abacus'; there are mlflow"):
        open_trackers(["abacus"], tmp_path, {})


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_tracker_that_is_not_installed_names_the_command(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"pip install '.*\[{name}\]'"):
        check_trackers([name], tmp_path)
