from pathlib import Path

import pytest

from kakehashi.errors import ConfigError
from kakehashi.experiments.execute import run_plan
from kakehashi.experiments.plan import make_plan


def test_only_some_runs(grid, root):
    plan = make_plan(grid(), root, ["recognizer=none", "seed=2"])
    assert [spec.label for spec in plan.missing] == ["none · seed 2"]
    either = make_plan(grid(), root, ["recognizer=none", "recognizer=char"])
    assert len(either.missing) == 5
    for wrong in ("seed=3", "axis=none", "nonsense"):
        with pytest.raises(ConfigError, match="no such axis and label"):
            make_plan(grid(), root, [wrong])


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
