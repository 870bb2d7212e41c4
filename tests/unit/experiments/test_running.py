import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kakehashi.errors import ConfigError, CorpusError, RunError
from kakehashi.experiments.execute import Watch, run_plan
from kakehashi.experiments.grid import Grid
from kakehashi.experiments.plan import make_plan
from kakehashi.experiments.store import load_results
from kakehashi.experiments.work import Outcome

CONFIG = """
name = "small"
[[corpus.train]]
format = "jsonl"
path = "train.jsonl"
[[corpus.dev]]
format = "jsonl"
path = "train.jsonl"
"""
COUNTS = np.array([[1, 1, 1], [2, 1, 0], [0, 1, 0]], np.int32)
SCORE = {
    "gold": 3,
    "predicted": 3,
    "correct": 1,
    "f1": 33.3,
    "precision": 33.3,
    "recall": 33.3,
    "types": {
        "LOC": {"gold": 3, "predicted": 3, "correct": 1, "f1": 33.3, "precision": 33.3}
        | {"recall": 33.3}
    },
    "signature": "s",
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("KAKEHASHI_DATA", str(tmp_path))
    (tmp_path / "train.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "small.toml").write_text(CONFIG)
    return tmp_path / "cells"


@pytest.fixture
def grid(root):
    def make(**more):
        config = str(root.parent / "small.toml")
        tree = {
            "name": "g",
            "seeds": [1, 2],
            "config": config,
            "source": "en",
            "sources": {"en": {"config": config, "set": {"training.epochs": 3}}},
            "axes": {"recognizer": {"none": {}, "char": {"groups": ["char"]}}},
            "report": {"rows": "recognizer"},
        }
        return Grid.model_validate_json(json.dumps(tree | more))

    return make


class Pretender:
    """Pretends to run cells; what becomes of them may be given, by the order of their start."""

    def __init__(self, *outcomes, workers=1):
        self.workers, self.outcomes, self.tasks, self.running = workers, list(outcomes), [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running.clear()

    def start(self, task):
        assert len(self.running) < self.workers
        self.tasks.append(task)
        self.running.append(task)

    def ended(self, seconds):
        task = self.running.pop(0)
        state, message = self.outcomes.pop(0) if self.outcomes else ("finished", "")
        if state == "finished" and not message:
            finish(Path(task.root) / task.key, task)
        return [Outcome(task.key, state, message)]


def finish(folder, task):
    folder.mkdir(parents=True)
    table = dict(zip(("gold", "predicted", "correct"), COUNTS.T, strict=True))
    pq.write_table(pa.table(table), folder / "counts.parquet")
    (folder / "cell.json").write_text(json.dumps(task.fingerprint))
    source = task.settings["transfer"] and {"source": task.settings["transfer"]["source"]}
    result = {
        "name": "small",
        "dev": SCORE,
        "test": SCORE,
        "settings": task.settings,
        "epochs": [{"number": 1, "dev": 1.0, "seconds": folder.stat().st_mtime}],
        "transfer": source,
        "machine": {"cores": 2},
    }
    (folder / "result.json").write_text(json.dumps(result))


class Listener(Watch):
    def __init__(self):
        self.total, self.lines = 0, []

    def begin(self, total):
        self.total = total

    def end(self, cell, outcome):
        self.lines.append(f"{cell.label} {outcome.state}")


def test_sources_run_first_and_everything_once(grid, root):
    executor, listener = Pretender(workers=2), Listener()
    assert run_plan(make_plan(grid(), root), executor, listener) == []
    assert listener.total == 5
    assert listener.lines[0] == "en finished"
    sources = [task.settings["transfer"] for task in executor.tasks]
    assert sources[0] is None
    assert {s["source"] for s in sources if s} == {str(root / executor.tasks[0].key)}
    again = Pretender()
    assert run_plan(make_plan(grid(), root), again) == []
    assert again.tasks == []


def test_a_cell_waits_for_its_source(grid, root):
    executor = Pretender(("failed", "no luck"), workers=3)
    failures = run_plan(make_plan(grid(), root), executor)
    assert failures == [
        "en: no luck",
        "char · seed 1: its source model has failed",
        "char · seed 2: its source model has failed",
    ]
    assert len(list(root.glob("*/result.json"))) == 2


def test_what_another_process_runs_comes_last_and_is_waited_for(grid, root):
    executor = Pretender(("finished", ""), ("busy", ""))
    assert run_plan(make_plan(grid(), root), executor) == []
    keys = [task.key for task in executor.tasks]
    assert keys[1] == keys[-1]
    assert [task.wait for task in executor.tasks] == [False] * 5 + [True]


def test_without_room_it_stops_and_keeps_what_is_finished(grid, root):
    executor = Pretender(("finished", ""), ("finished", ""), ("stuck", "No space left on device"))
    with pytest.raises(RunError, match=r"cells: cannot be written to \(No space left on device\)"):
        run_plan(make_plan(grid(), root), executor)
    assert len(executor.tasks) == 3
    assert [cell.finished for cell in load_results(grid(), root).runs].count(True) == 1
    assert (root / "g.parquet").exists()


def test_a_cell_that_is_not_where_it_should_be_has_failed(grid, root):
    executor = Pretender(("finished", "elsewhere"))
    failures = run_plan(make_plan(grid(), root, ["recognizer=none"]), executor)
    assert len(failures) == 1
    assert "all machines share" in failures[0]


def test_nothing_runs_when_a_corpus_is_missing(grid, root):
    plan = make_plan(grid(), root)
    (root.parent / "train.jsonl").unlink()
    executor = Pretender()
    with pytest.raises(CorpusError, match=r"train\.jsonl: there is no such file"):
        run_plan(plan, executor)
    assert executor.tasks == []


def test_only_some_cells(grid, root):
    plan = make_plan(grid(), root, ["recognizer=none", "seed=2"])
    assert [cell.label for cell in plan.missing] == ["none · seed 2"]
    either = make_plan(grid(), root, ["recognizer=none", "recognizer=char"])
    assert len(either.missing) == 5
    for wrong in ("seed=3", "axis=none", "nonsense"):
        with pytest.raises(ConfigError, match="no such axis and label"):
            make_plan(grid(), root, [wrong])


def test_a_changed_corpus_is_named_and_the_old_results_may_be_kept(grid, root):
    run_plan(make_plan(grid(), root), Pretender())
    assert make_plan(grid(), root).changes() == []
    (root.parent / "train.jsonl").write_text('{"text": "changed"}\n')
    plan = make_plan(grid(), root)
    assert plan.changes() == ["train.jsonl"]
    assert len(plan.changed) == len(plan.missing) == 5
    plan.store.keep(plan.changed)
    kept = make_plan(grid(), root)
    assert (kept.missing, kept.n_finished) == ((), 4)
    wider = make_plan(grid(seeds=[1, 2, 3]), root)
    executor = Pretender()
    run_plan(wider, executor)
    assert len(executor.tasks) == 2
    source = executor.tasks[1].settings["transfer"]["source"]
    assert (Path(source) / "result.json").exists()


def test_a_changed_corpus_may_be_run_again(grid, root):
    run_plan(make_plan(grid(), root), Pretender())
    (root.parent / "train.jsonl").write_text('{"text": "changed"}\n')
    executor = Pretender()
    run_plan(make_plan(grid(), root), executor)
    assert len(executor.tasks) == 5
    assert make_plan(grid(), root).changes() == []


def test_results_need_neither_folders_nor_corpora(grid, root):
    run_plan(make_plan(grid(), root), Pretender())
    archive = (root / "g.parquet").read_bytes()
    before = load_results(grid(), root)
    for folder in root.glob("*/cell.json"):
        shutil.rmtree(folder.parent)
    after = load_results(grid(), root)
    (root.parent / "train.jsonl").unlink()
    without = load_results(grid(), root)
    for results in (after, without):
        for old, new in zip(before.runs, results.runs, strict=True):
            assert new.result == old.result
            assert new.folder is None
            assert new.counts.tolist() == old.counts.tolist() == COUNTS.tolist()
    plan = make_plan(grid(), root)
    assert plan.missing == ()
    run_plan(plan, Pretender())
    assert (root / "g.parquet").read_bytes() == archive
    (root.parent / "train.jsonl").write_text('{"text": "a"}\n')
    run_plan(make_plan(grid(), root), Pretender())
    assert (root / "g.parquet").read_bytes() == archive


def test_results_that_stand_nowhere_else_stay_in_the_file(grid, root):
    run_plan(make_plan(grid(), root), Pretender())
    for folder in root.glob("*/cell.json"):
        shutil.rmtree(folder.parent)
    run_plan(make_plan(grid(seeds=[1]), root), Pretender())
    assert all(cell.finished for cell in load_results(grid(), root).runs)


def test_the_file_can_be_queried(grid, root):
    run_plan(make_plan(grid(), root), Pretender())
    table = pq.read_table(root / "g.parquet")
    assert table["axis_recognizer"].to_pylist() == ["none", "none", "char", "char"]
    assert table["training.seed"].to_pylist() == [1, 2, 1, 2]
    assert table["test_f1"].to_pylist() == [33.3] * 4
    assert table["types"][0].as_py()[0]["type"] == "LOC"
    assert table["epochs"][0].as_py() == [{"number": 1, "dev": 1.0}]
    assert table["gold"][0].as_py() == COUNTS[:, 0].tolist()
    assert str(root) not in str(table.to_pylist())


def test_a_damaged_file_is_one_line(grid, root):
    root.mkdir()
    (root / "g.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(RunError, match=r"g\.parquet: cannot be read as results"):
        load_results(grid(), root)
