import shutil

import pyarrow.parquet as pq
import pytest

from kakehashi.errors import RunError
from kakehashi.experiments.execute import run_plan
from kakehashi.experiments.plan import make_plan
from kakehashi.experiments.store import load_results


def test_results_need_neither_folders_nor_corpora(grid, root, pretender):
    run_plan(make_plan(grid(), root), pretender())
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
            assert new.counts.tolist() == old.counts.tolist() != []
    plan = make_plan(grid(), root)
    assert plan.missing == ()
    run_plan(plan, pretender())
    assert (root / "g.parquet").read_bytes() == archive
    (root.parent / "train.jsonl").write_text('{"text": "a"}\n')
    run_plan(make_plan(grid(), root), pretender())
    assert (root / "g.parquet").read_bytes() == archive


def test_a_model_that_is_gone_is_trained_again_for_its_students(grid, root, pretender):
    axes = {"recognizer": {"none": {}, "taught": {"teachers": ["none"], "groups": ["char"]}}}
    run_plan(make_plan(grid(axes=axes, seeds=[1]), root), pretender())
    for folder in root.glob("*/cell.json"):
        shutil.rmtree(folder.parent)
    plan = make_plan(grid(axes=axes), root, ["recognizer=taught"])
    assert [spec.label for spec in plan.missing] == ["en", "none · seed 2", "taught · seed 2"]
    by_two = {"teachers": ["none"], "teacher_seeds": 2}
    plan = make_plan(grid(axes={"recognizer": axes["recognizer"] | {"by two": by_two}}), root)
    assert "none · seed 1" in [spec.label for spec in plan.missing]
    assert plan.changes() == []
    assert plan.changed == {}


def test_results_that_stand_nowhere_else_stay_in_the_file(grid, root, pretender):
    run_plan(make_plan(grid(), root), pretender())
    for folder in root.glob("*/cell.json"):
        shutil.rmtree(folder.parent)
    run_plan(make_plan(grid(seeds=[1]), root), pretender())
    assert all(cell.result for cell in load_results(grid(), root).runs)


def test_the_file_can_be_queried(grid, root, pretender):
    run_plan(make_plan(grid(), root), pretender())
    table = pq.read_table(root / "g.parquet")
    assert table["axis_recognizer"].to_pylist() == ["none", "none", "char", "char"]
    assert table["training.seed"].to_pylist() == [1, 2, 1, 2]
    assert table["test_f1"].to_pylist() == [33.3] * 4
    assert table["types"][0].as_py()[0]["type"] == "LOC"
    assert table["epochs"][0].as_py() == [{"number": 1, "dev": 1.0}]
    assert table["gold"][0].as_py() == [1, 2, 0]
    assert str(root) not in str(table.to_pylist())


def test_a_damaged_file_is_one_line(grid, root):
    root.mkdir()
    (root / "g.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(RunError, match=r"g\.parquet: cannot be read as results"):
        load_results(grid(), root)
