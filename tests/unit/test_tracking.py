import json
import shutil
import sqlite3
import sys

import pytest

from kakehashi.errors import ConfigError, MissingExtraError, TrackingError
from kakehashi.tracking import check_trackers, sync

CONFIG = {
    "training": {"seed": 1},
    "model": {"decoder": "crf"},
    "transfer": None,
    "text": "x" * 7000,
}
SCORE = {"f1": 50.0, "precision": 40.0, "recall": 60.0, "signature": "s"}
RESULT = {
    "dev": SCORE | {"types": {"PER": {"f1": 1.0}}},
    "test": SCORE
    | {"types": {"時間": {"f1": 25.0}, "A&B": {"f1": 1.0}}, "signature": "kakehashi|t"},
    "selection": {"epoch": 2},
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "run 一"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def record(folder, epochs, result=None):
    """Write what a training has written after so many epochs."""
    lines = (
        {"number": n, "loss": 1 / n, "seconds": 0.5, "dev": 40.0 + n, "test": None}
        for n in range(1, epochs + 1)
    )
    (folder / "epochs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if result is not None:
        (folder / "result.json").write_text(json.dumps(result))


def test_an_unknown_tracker_is_named():
    with pytest.raises(ConfigError, match="there is no tracker 'abacus'; there are mlflow"):
        check_trackers(["abacus"])


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_tracker_that_is_not_installed_names_the_command(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"pip install '.*\[{name}\]'"):
        check_trackers([name])


class TestTensorBoard:
    @pytest.fixture(autouse=True)
    def library(self):
        self.events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def read(self, folder):
        return self.events.EventAccumulator(str(folder / "tensorboard")).Reload()

    def scalars(self, folder):
        found = self.read(folder)
        return {
            name: [(event.step, event.value) for event in found.Scalars(name)]
            for name in found.Tags()["scalars"]
        }

    def test_what_the_folder_holds_is_in_one_event_file(self, folder):
        sync(folder, "tensorboard")
        record(folder, 1)
        sync(folder, "tensorboard")
        assert self.scalars(folder) == {
            "epoch/loss": [(1, 1.0)],
            "epoch/dev_f1": [(1, 41.0)],
            "epoch/seconds": [(1, 0.5)],
        }
        record(folder, 3, RESULT)
        sync(folder, "tensorboard", "finished")
        found = self.scalars(folder)
        assert found["epoch/dev_f1"] == [(1, 41.0), (2, 42.0), (3, 43.0)]
        assert (found["dev/f1"], found["test/recall"]) == ([(2, 50.0)], [(2, 60.0)])
        assert found["types/時間"] == [(2, 25.0)]
        assert "types/PER" not in found
        [text] = self.read(folder).Tensors("signature/text_summary")
        assert text.tensor_proto.string_val == [b"kakehashi|t"]
        assert [path.is_file() for path in (folder / "tensorboard").iterdir()] == [True]

    def test_settings_are_hyperparameters_of_the_run_itself(self, folder):
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        sync(folder, "tensorboard")
        metadata = self.read(folder).SummaryMetadata("_hparams_/session_start_info")
        start = HParamsPluginData.FromString(metadata.plugin_data.content).session_start_info
        assert start.hparams["training.seed"].number_value == 1
        assert start.hparams["model.decoder"].string_value == "crf"
        assert start.hparams["transfer"].string_value == "none"

    @pytest.mark.parametrize("torn", [b"", b"\x18\0\0", b"\x18\0\0\0\0\0\0\0abcdefgh"])
    def test_after_a_kill_it_continues_behind_what_is_whole(self, folder, torn):
        record(folder, 2)
        sync(folder, "tensorboard")
        [file] = (folder / "tensorboard").iterdir()
        with file.open("ab") as stream:
            stream.write(torn)
        record(folder, 3)
        sync(folder, "tensorboard")
        assert self.scalars(folder)["epoch/seconds"] == [(1, 0.5), (2, 0.5), (3, 0.5)]

    def test_other_programs_read_what_was_written_by_earlier_versions_and_by_this(self, folder):
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(folder / "tensorboard")) as writer:
            for number in (1, 2):
                writer.add_scalar("epoch/seconds", 0.5, number)
        record(folder, 3)
        sync(folder, "tensorboard")
        assert self.scalars(folder)["epoch/seconds"] == [(1, 0.5), (2, 0.5), (3, 0.5)]

    def test_a_folder_that_cannot_be_written_to_is_one_line(self, folder):
        (folder / "tensorboard").write_text("a file")
        problem = r"tensorboard cannot be written to \(File exists\)"
        with pytest.raises(TrackingError, match=problem):
            sync(folder, "tensorboard")


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """An MLflow database without runs; to make one takes seconds."""
    mlflow = pytest.importorskip("mlflow")
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.mark.slow
class TestMlflow:
    @pytest.fixture(autouse=True)
    def server(self, empty_database, tmp_path, monkeypatch):
        """The database beside run folders of this test; no other server is named."""
        import mlflow

        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
            monkeypatch.delenv(name, raising=False)
        self.database = shutil.copy(empty_database, tmp_path / "mlflow.db")
        self.client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{self.database}")

    def runs(self, name="kakehashi", client=None):
        client = client or self.client
        experiment = client.get_experiment_by_name(name)
        return client.search_runs([experiment.experiment_id])

    def steps(self, run, name):
        history = self.client.get_metric_history(run.info.run_id, name)
        return [(metric.step, metric.value) for metric in history]

    def test_what_the_folder_holds_is_in_the_database_beside_it(self, folder):
        check_trackers(["mlflow"], folder)
        sync(folder, "mlflow")
        [run] = self.runs()
        assert run.info.status == "RUNNING"
        for epochs in (1, 3):
            record(folder, epochs)
            sync(folder, "mlflow")
        record(folder, 3, RESULT)
        sync(folder, "mlflow", "finished")
        [run] = self.runs()
        assert (run.info.run_name, run.info.status) == ("run 一", "FINISHED")
        assert run.data.params["training.seed"] == "1"
        assert run.data.params["transfer"] == "None"
        assert len(run.data.params["text"]) == 6000
        assert run.data.metrics["types/時間"] == 25.0
        assert run.data.metrics["types/A_B"] == 1.0
        assert run.data.tags["signature"] == "kakehashi|t"
        assert run.data.tags["folder"] == str(folder)
        assert self.steps(run, "epoch/dev_f1") == [(1, 41.0), (2, 42.0), (3, 43.0)]

    def test_a_run_that_continues_is_the_same_run(self, folder):
        record(folder, 2)
        sync(folder, "mlflow", "killed")
        assert self.runs()[0].info.status == "KILLED"
        record(folder, 3)
        sync(folder, "mlflow")
        [run] = self.runs()
        assert run.info.status == "RUNNING"
        assert self.steps(run, "epoch/seconds") == [(1, 0.5), (2, 0.5), (3, 0.5)]

    @pytest.mark.parametrize("gone", ["deleted", "unknown"])
    def test_a_run_that_is_not_on_the_server_is_begun_anew(self, folder, gone):
        record(folder, 1)
        sync(folder, "mlflow")
        [run] = self.runs()
        if gone == "deleted":
            self.client.delete_run(run.info.run_id)
        else:
            (folder / "mlflow.json").write_text(json.dumps({"run": "f" * 32}))
        sync(folder, "mlflow")
        new = json.loads((folder / "mlflow.json").read_text())["run"]
        assert new != run.info.run_id
        assert self.steps(self.client.get_run(new), "epoch/seconds") == [(1, 0.5)]

    def test_the_environment_names_server_and_experiment(self, folder, tmp_path, monkeypatch):
        import mlflow

        uri = f"sqlite:///{shutil.copy(self.database, tmp_path / 'other.db')}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
        sync(folder, "mlflow")
        assert len(self.runs("mine", mlflow.MlflowClient(tracking_uri=uri))) == 1

    @pytest.mark.parametrize("uri", ["abacus://here", "postgresql://nobody@localhost/none"])
    def test_a_server_that_mlflow_does_not_know_is_one_line(self, folder, monkeypatch, uri):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(TrackingError, match=r"^MLflow cannot use the server of .*$"):
            check_trackers(["mlflow"], folder)

    def test_a_database_that_breaks_is_one_line_and_gets_all_when_it_is_whole(self, folder):
        sync(folder, "mlflow")
        with sqlite3.connect(self.database) as connection:
            connection.execute("ALTER TABLE metrics RENAME TO away")
        record(folder, 1)
        with pytest.raises(TrackingError, match=r"mlflow.db \(.*no such table: metrics"):
            sync(folder, "mlflow")
        with sqlite3.connect(self.database) as connection:
            connection.execute("ALTER TABLE away RENAME TO metrics")
        sync(folder, "mlflow")
        [run] = self.runs()
        assert self.steps(run, "epoch/seconds") == [(1, 0.5)]
