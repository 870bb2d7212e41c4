import shutil

import pytest


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """An MLflow database without runs; to make one takes seconds."""
    mlflow = pytest.importorskip("mlflow")
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def database(empty_database, tmp_path, monkeypatch):
    """The database beside run folders of this test; no other server is named."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return shutil.copy(empty_database, tmp_path / "mlflow.db")
