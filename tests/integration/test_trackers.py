"""Real trainings with real trackers beside them: event files, and a database of MLflow."""

import json
import socket

import pytest

from kakehashi.training.run import load_result
from kakehashi.training.train import train

events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
mlflow = pytest.importorskip("mlflow")

BOTH = ("tensorboard", "mlflow")
TRACK = ("--track", "tensorboard", "--track", "mlflow")
GRID = """
name = "grid"
config = "en.json"
seeds = [1, 2]
axes = { size = { all = {} } }
report = { rows = "size" }
"""


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def dead(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def scalars(folder):
    found = events.EventAccumulator(str(folder / "tensorboard")).Reload()
    return {
        name: [(event.step, pytest.approx(event.value, rel=1e-6)) for event in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def mlflow_runs(database):
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{database}")
    experiment = client.get_experiment_by_name("kakehashi")
    return client, client.search_runs([experiment.experiment_id])


def without_times(result):
    epochs = [epoch | {"seconds": 0} for epoch in result["epochs"]]
    return result | {"epochs": epochs}


def test_trackers_have_what_the_result_has_and_change_nothing(settings, tmp_path):
    small = settings("en", epochs=3, test_epochs=True)
    plain = load_result(train(small, tmp_path / "plain"))
    folder = train(small, tmp_path / "run", track=BOTH)
    result = load_result(folder)
    assert without_times(result) == without_times(plain)
    client, [run] = mlflow_runs(tmp_path / "mlflow.db")
    assert run.info.status == "FINISHED"
    assert run.data.params["training.learning_rate"] == "0.02"
    assert run.data.tags["signature"] == result["test"]["signature"]
    assert run.data.metrics["test/f1"] == result["test"]["f1"]
    assert run.data.metrics["types/LOC"] == result["test"]["types"]["LOC"]["f1"]
    assert scalars(folder)["test/f1"] == [(result["selection"]["epoch"], result["test"]["f1"])]
    for key, name in (("loss", "loss"), ("dev", "dev_f1"), ("test", "test_f1")):
        expected = [(epoch["number"], epoch[key]) for epoch in result["epochs"]]
        history = client.get_metric_history(run.info.run_id, f"epoch/{name}")
        assert [(metric.step, metric.value) for metric in history] == expected
        assert scalars(folder)[f"epoch/{name}"] == expected


def test_a_resumed_run_is_one_run_with_each_epoch_once(settings, tmp_path, stop_at):
    small, folder = settings("en", epochs=4), tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(small, folder, stop_at("epoch 3/"), track=BOTH)
    client, [run] = mlflow_runs(tmp_path / "mlflow.db")
    assert run.info.status == "KILLED"
    train(small, folder, track=BOTH)
    _, [again] = mlflow_runs(tmp_path / "mlflow.db")
    assert (again.info.run_id, again.info.status) == (run.info.run_id, "FINISHED")
    history = client.get_metric_history(run.info.run_id, "epoch/loss")
    assert [metric.step for metric in history] == [1, 2, 3, 4]
    assert [step for step, _ in scalars(folder)["epoch/loss"]] == [1, 2, 3, 4]


def test_a_run_that_was_begun_without_trackers_is_told_whole(settings, tmp_path, stop_at):
    small, folder = settings("en", epochs=3), tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(small, folder, stop_at("epoch 3/"))
    train(small, folder, track=["tensorboard"])
    assert [step for step, _ in scalars(folder)["epoch/dev_f1"]] == [1, 2, 3]


def test_a_server_that_dies_stops_no_training(settings, tmp_path, dead, told):
    folder = train(settings("en", epochs=2), tmp_path / "run", told, track=["mlflow"])
    assert len(load_result(folder)["epochs"]) == 2
    [warning] = [line for line in told.lines if line.startswith("warning: ")]
    assert "MLFLOW_TRACKING_URI (Connection refused); training goes on" in warning


def test_a_baseline_has_final_scores(settings, tmp_path):
    pytest.importorskip("pycrfsuite")
    other = settings("en").model_copy(update={"system": "crfsuite"})
    folder = train(other, tmp_path / "run", track=["tensorboard"])
    found = scalars(folder)
    assert found["test/f1"] == [(1, load_result(folder)["test"]["f1"])]
    assert "epoch/loss" not in found


def test_a_dead_server_is_one_line_before_anything_is_trained(tree, tmp_path, dead, run):
    (tmp_path / "en.json").write_text(json.dumps(tree("en", epochs=1)))
    (tmp_path / "grid.toml").write_text(GRID)
    for command in (("train", "en.json", "--out", "run"), ("experiment", "run", "grid.toml")):
        done = run(*command, "--track", "mlflow", cwd=tmp_path)
        done.refused("MLflow cannot use the server of MLFLOW_TRACKING_URI (Connection refused)")
        assert "secret" not in done.stderr
    assert not list(tmp_path.rglob("config.json"))


def test_runs_of_a_grid_are_tracked_too(tree, tmp_path, start):
    (tmp_path / "en.json").write_text(json.dumps(tree("en", epochs=2)))
    (tmp_path / "grid.toml").write_text(GRID)
    process = start("experiment", "run", "grid.toml", "--workers", 2, *TRACK, cwd=tmp_path)
    _, err = process.communicate()
    assert (process.returncode, len(err.splitlines())) == (0, 2), err
    root = tmp_path / "runs/cells"
    cells = {path.parent.name: path.parent for path in root.glob("*/result.json")}
    _, found = mlflow_runs(root / "mlflow.db")
    assert {run.info.run_name for run in found} == set(cells)
    for run in found:
        folder = cells[run.info.run_name]
        assert run.data.metrics["test/f1"] == load_result(folder)["test"]["f1"]
        assert [step for step, _ in scalars(folder)["epoch/loss"]] == [1, 2]
