import json
from dataclasses import replace
from pathlib import Path

import pytest

from kakehashi.cli.show import plan_tables
from kakehashi.config.reading import read_settings, settings_from_tree
from kakehashi.errors import ConfigError
from kakehashi.experiments.execute import run_plan
from kakehashi.experiments.plan import _Pace, _probe, forecast, make_plan
from kakehashi.experiments.store import RUN_FILE


def test_only_some_runs(grid, root):
    plan = make_plan(grid(), root, ["recognizer=none", "seed=2"])
    assert [spec.label for spec in plan.missing] == ["none · seed 2"]
    either = make_plan(grid(), root, ["recognizer=none", "recognizer=char"])
    assert len(either.missing) == 5
    for wrong in ("seed=3", "axis=none", "nonsense"):
        with pytest.raises(ConfigError, match="no such axis and label"):
            make_plan(grid(), root, [wrong])


def test_sources_are_counted_whatever_the_axes_are_called(grid, root):
    axes = {"source": {"none": {}, "English": {"source": "en", "groups": ["char"]}}}
    plan = make_plan(grid(axes=axes, report={"rows": "source"}), root)
    _, line = plan_tables(plan)
    assert line.endswith("4 runs: 0 finished, 4 runs and 1 source model to run")


def test_a_changed_corpus_is_named_and_the_old_results_may_be_kept(grid, root, pretender):
    run_plan(make_plan(grid(), root), pretender())
    assert make_plan(grid(), root).changes() == []
    (root.parent / "train.jsonl").write_text('{"text": "changed"}\n')
    plan = make_plan(grid(), root)
    assert plan.changes() == ["train.jsonl"]
    assert len(plan.changed) == len(plan.missing) == 5
    plan.store.keep(plan.changed)
    kept = make_plan(grid(), root)
    assert (kept.missing, kept.n_finished) == ((), 4)
    wider = make_plan(grid(seeds=[1, 2, 3]), root)
    executor = pretender()
    run_plan(wider, executor)
    assert len(executor.commands) == 2
    source = executor.sources[1]
    assert (Path(source) / "result.json").exists()


def test_a_changed_corpus_may_be_run_again(grid, root, pretender):
    run_plan(make_plan(grid(), root), pretender())
    (root.parent / "train.jsonl").write_text('{"text": "changed"}\n')
    executor = pretender()
    run_plan(make_plan(grid(), root), executor)
    assert len(executor.commands) == 5
    assert make_plan(grid(), root).changes() == []


SIZES = {"100": {"set": {"corpus.train_size": 100}}, "1000": {"set": {"corpus.train_size": 1000}}}


@pytest.mark.parametrize(
    ("settings", "selection", "seconds"),
    [
        ({"training.epochs": 10}, {"updates": 100}, 50 + 2 * 500),
        ({"training.epochs": 10}, {}, 50 + 2 * 500),  # of version 0.1
        # 10 updates an epoch in 100 sentences need 30 epochs; of 1000 sentences 15 are typical.
        ({}, {"updates": 100}, 150 + 2 * 750),
        ({"training.max_epochs": 12}, {"updates": 100}, 60 + 2 * 600),
        ({"training.min_updates": 2000}, {"updates": 100}, 1000 + 2 * 1000),
        ({"system": "spacy"}, {}, 50 + 2 * 500),
    ],
)
def test_a_finished_run_tells_how_long_others_take(grid, root, settings, selection, seconds):
    (root.parent / "train.jsonl").write_text('{"text": "a"}\n' * 1000)
    plan = make_plan(grid(sources={}, source=None, axes={"recognizer": SIZES}, set=settings), root)
    folder = root / plan.missing[0].key
    folder.mkdir(parents=True)
    epochs = [{}] * (1 if "system" in settings else 10)
    corpus = {"train": {"sentences": 100}}
    result = {"selection": selection, "epochs": epochs, "corpus": corpus}
    (folder / "result.json").write_text(json.dumps(result))
    (folder / RUN_FILE).write_text('{"seconds": 50}')
    plan = replace(plan, missing=plan.missing[1:])
    assert forecast(plan) == pytest.approx(seconds)


def test_only_epochs_that_are_scored_cost_a_scoring():
    """10 updates an epoch, 25 between two scores: of 30 epochs 12 are scored."""
    source = {"format": "jsonl", "path": "a"}
    tree = {"name": "n", "corpus": {"train": [source], "dev": [source]}}
    pace = _Pace(start=7, score=3, update=0.5, updates=0.1)
    assert pace.seconds(settings_from_tree(tree), 100) == pytest.approx(7 + 12 * 3 + 300 * 0.5)
    fixed = settings_from_tree(tree | {"training": {"epochs": 50}})
    assert pace.seconds(fixed, 100) == pytest.approx(7 + 50 * 3 + 500 * 0.5)


def test_a_student_is_timed_without_its_teacher():
    changes = [
        "training.select=teacher",
        'teach.teachers=["t"]',
        "model.word_lstm_width=4",
        "model.char_lstm_width=4",
    ]
    pace = _probe(read_settings("demo-ja", changes), 20)
    assert min(pace.update, pace.updates) > 0
