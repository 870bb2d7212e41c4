import json
import socket
import sqlite3

import pytest

from kakehashi.errors import TrackingError
from kakehashi.tracking.catalogue import check_trackers
from kakehashi.tracking.mlflow import MlflowTracker

mlflow = pytest.importorskip("mlflow")
SETTINGS = {"training.seed": 1, "transfer": None, "corpus.train": "x" * 7000}


@pytest.fixture
def folder(database, tmp_path):
    folder = tmp_path / "run 一"
    folder.mkdir()
    return folder


@pytest.fixture
def client(database):
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{database}")


def runs(client, name="kakehashi"):
    experiment = client.get_experiment_by_name(name)
    return client.search_runs([experiment.experiment_id])


def steps(client, run, name):
    history = client.get_metric_history(run.info.run_id, name)
    return [(metric.step, metric.value) for metric in history]


def start(folder, settings=SETTINGS):
    tracker = MlflowTracker(folder, settings)
    tracker.check()
    return tracker, tracker.begin()


def test_what_is_told_is_in_the_database_beside_the_run(folder, client):
    tracker, epoch = start(folder)
    assert epoch == 0
    tracker.log({"epoch/loss": 0.5, "epoch/seconds": 2.0}, 1)
    tracker.log({"types/時間": 25.0, "types/A&B": 1.0}, 1)
    tracker.sign("kakehashi|conlleval")
    [run] = runs(client)
    assert run.info.status == "RUNNING"
    tracker.end("finished")
    [run] = runs(client)
    assert (run.info.run_name, run.info.status) == ("run 一", "FINISHED")
    assert run.data.params["training.seed"] == "1"
    assert run.data.params["transfer"] == "None"
    assert len(run.data.params["corpus.train"]) == 6000
    assert run.data.metrics["types/時間"] == 25.0
    assert run.data.metrics["types/A_B"] == 1.0
    assert run.data.tags["signature"] == "kakehashi|conlleval"
    assert run.data.tags["folder"] == str(folder)
    assert steps(client, run, "epoch/loss") == [(1, 0.5)]


def test_a_second_start_goes_on_with_the_same_run(folder, client):
    tracker, _ = start(folder)
    for number in (1, 2):
        tracker.log({"epoch/seconds": number}, number)
    tracker.end("killed")
    assert runs(client)[0].info.status == "KILLED"
    tracker, epoch = start(folder)
    assert epoch == 2
    [run] = runs(client)
    assert run.info.status == "RUNNING"
    tracker.log({"epoch/seconds": 3}, 3)
    assert steps(client, run, "epoch/seconds") == [(1, 1.0), (2, 2.0), (3, 3.0)]


@pytest.mark.parametrize("gone", ["deleted", "unknown"])
def test_a_run_that_is_not_on_the_server_is_begun_anew(folder, client, gone):
    tracker, _ = start(folder)
    tracker.log({"epoch/seconds": 1}, 1)
    [run] = runs(client)
    if gone == "deleted":
        client.delete_run(run.info.run_id)
    else:
        (folder / "mlflow.json").write_text(json.dumps({"run": "f" * 32}))
    _, epoch = start(folder)
    assert epoch == 0
    assert json.loads((folder / "mlflow.json").read_text())["run"] != run.info.run_id


def test_the_environment_names_server_and_experiment(folder, empty_database, monkeypatch):
    uri = f"sqlite:///{empty_database}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    start(folder)
    assert len(runs(mlflow.MlflowClient(tracking_uri=uri), "mine")) == 1


def test_a_dead_server_is_one_line_before_anything_is_run(folder, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError) as caught:
        check_trackers(["mlflow"], folder)
    problem = "MLflow cannot use the server of MLFLOW_TRACKING_URI (Connection refused)"
    assert str(caught.value) == problem


@pytest.mark.parametrize("uri", ["abacus://here", "postgresql://nobody@localhost/none"])
def test_a_server_that_mlflow_does_not_know_is_one_line(folder, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match=r"^MLflow cannot use the server of .*$"):
        check_trackers(["mlflow"], folder)


def test_a_database_that_breaks_is_one_line_and_goes_on_when_it_is_whole(folder, database, client):
    tracker, _ = start(folder)
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE metrics RENAME TO away")
    with pytest.raises(TrackingError, match=r"mlflow.db \(.*no such table: metrics"):
        tracker.log({"epoch/seconds": 1}, 1)
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE away RENAME TO metrics")
    assert tracker.begin() == 0
    tracker.log({"epoch/seconds": 1}, 1)
    [run] = runs(client)
    assert steps(client, run, "epoch/seconds") == [(1, 1.0)]
