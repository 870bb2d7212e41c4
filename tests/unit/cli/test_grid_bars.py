import json

import pytest

from kakehashi.cli.grid_bars import GridBars
from kakehashi.config.reading import settings_from_tree
from kakehashi.experiments.runs import Fingerprint, RunSpec

SOURCE = {"format": "jsonl", "path": "a.jsonl"}


def spec_of(**training):
    tree = {"name": "n", "corpus": {"train": [SOURCE], "dev": [SOURCE]}, "training": training}
    return RunSpec({"seed": "1"}, settings_from_tree(tree), Fingerprint("c", {}))


@pytest.mark.parametrize(
    ("training", "scores", "total", "label"),
    [
        ({"epochs": 7}, [50.0, 40.0], 7, "seed 1: dev F1 40.00"),
        ({"max_epochs": 30}, [None, 50.0, None, None], 30, "seed 1: dev F1 50.00"),
        ({"max_epochs": 30}, [None], 30, "seed 1"),
        ({"max_epochs": 30}, [], 30, "seed 1"),
    ],
)
def test_a_bar_shows_the_epochs_of_a_run_and_its_latest_score(
    tmp_path, training, scores, total, label
):
    spec = spec_of(**training)
    (tmp_path / spec.key).mkdir()
    lines = (f"{json.dumps({'number': n, 'dev': dev})}\n" for n, dev in enumerate(scores, start=1))
    (tmp_path / spec.key / "epochs.jsonl").write_text("".join(lines))
    bars = GridBars(tmp_path, 1)
    bars.tick([spec])
    _, bar = bars._bars.tasks
    assert (bar.total, bar.completed, bar.description) == (total, len(scores), label)
