"""MLflow: a tracking server, or a database beside the run."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from kakehashi import __version__
from kakehashi.errors import TrackingError
from kakehashi.extras import require
from kakehashi.files import write_json
from kakehashi.tracking.tracker import End

URI, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"

_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # not minutes, every epoch, for a server that is dead
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nothing goes anywhere but to the user's own server
}
_BEFORE_REASON = re.compile(r"failed with exception |Caused by ")
_NOT_IN_NAMES = re.compile(r"[^\w./ -]")
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}


class MlflowTracker:
    """One run on the server that MLflow's own variables name.

    Without any it is a database, ``mlflow.db`` beside the run folder. The id of the run is kept in
    ``mlflow.json`` in the run folder, so that a training that goes on is one run there too. Some
    variables of MLflow are set where they are not, so that it fails soon, says little, and sends no
    usage data.

    Args:
        folder: The run folder.
        settings: Of the run, by their dotted names.

    Raises:
        MissingExtraError: If MLflow, or what its databases need, is not installed.
    """

    name = "mlflow"

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        for variable, value in _DEFAULTS.items():
            os.environ.setdefault(variable, value)
        mlflow = require("mlflow", self.name)
        failures = require("sqlalchemy.exc", self.name).SQLAlchemyError, mlflow.MlflowException
        require("alembic", self.name)
        self._mlflow, self._failures = mlflow, (*failures, OSError, ImportError)
        self._folder, self._settings = folder, settings
        self._id_file = folder / "mlflow.json"
        self._run = ""

    def check(self) -> None:
        """Look for the experiment on the server; make it if it is not there."""
        with self._reported():
            self._experiment()

    def begin(self) -> int:
        """Go on with the run whose id the folder has, or make one; see `Tracker.begin`."""
        with self._reported():
            if self._has_run():
                self._client.update_run(self._run, status="RUNNING")
            else:
                self._make_run()
            entities = self._mlflow.entities
            params = [entities.Param(name, str(value)) for name, value in self._settings.items()]
            self._client.log_batch(self._run, params=params)  # the same once more is no mistake
            history = self._client.get_metric_history(self._run, "epoch/seconds")
        return max((metric.step for metric in history), default=0)

    def log(self, scores: Mapping[str, float], epoch: int) -> None:
        """Send scores; see `Tracker.log`."""
        now = int(time.time() * 1000)
        entities = self._mlflow.entities
        metrics = [
            entities.Metric(_NOT_IN_NAMES.sub("_", name), score, now, epoch)
            for name, score in scores.items()
        ]
        with self._reported():
            self._client.log_batch(self._run, metrics=metrics)

    def sign(self, signature: str) -> None:
        """Send the signature as a tag."""
        with self._reported():
            self._client.set_tag(self._run, "signature", signature)

    def end(self, how: End) -> None:
        """Set the status of the run."""
        with self._reported():
            self._client.set_terminated(self._run, _STATUS[how])

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - mlflow is not always there to be named
        database = self._database
        if database is None:
            return self._mlflow.MlflowClient()
        database.parent.mkdir(parents=True, exist_ok=True)
        return self._mlflow.MlflowClient(tracking_uri=f"sqlite:///{database.absolute()}")

    @property
    def _database(self) -> Path | None:
        """The database beside the run; None if another place is named."""
        if self._mlflow.tracking.is_tracking_uri_set():
            return None
        return self._folder.parent / "mlflow.db"

    def _experiment(self) -> str:
        name = os.environ.get(EXPERIMENT, "kakehashi")
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def _has_run(self) -> bool:
        """Say whether the run that the folder names is on this server, and not deleted."""
        try:
            self._run = json.loads(self._id_file.read_text(encoding="utf-8"))["run"]
            return bool(self._client.get_run(self._run).info.lifecycle_stage == "active")
        except FileNotFoundError:
            return False
        except self._mlflow.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False

    def _make_run(self) -> None:
        tags = {"kakehashi": __version__, "folder": str(self._folder.absolute())}
        run = self._client.create_run(self._experiment(), tags=tags, run_name=self._folder.name)
        self._run = run.info.run_id
        write_json(self._id_file, {"run": self._run})

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            where = self._database or f"the server of {URI}"
            raise TrackingError(f"MLflow cannot use {where} ({_reason(error)})") from None


def _reason(error: BaseException) -> str:
    """Say in a few words what is wrong; behind a long message there mostly is one of the system."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return " ".join(_BEFORE_REASON.split(str(error))[-1].split())[:200]
