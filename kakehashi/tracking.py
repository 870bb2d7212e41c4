"""Runs as TensorBoard and MLflow show them: `sync` brings these up to date with a run folder.

Nothing is remembered between two calls: what a tracker lacks is found by asking it.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kakehashi import __version__
from kakehashi.config.reading import dotted
from kakehashi.errors import ConfigError, TrackingError
from kakehashi.extras import require
from kakehashi.files import write_json

# The environment variables that name MLflow's server and experiment.
TRACKING_VARIABLES = _URI, _EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"

Status = Literal["running", "finished", "failed", "killed"]

_EPOCH = {"loss": "epoch/loss", "seconds": "epoch/seconds"}
_EPOCH |= {"dev": "epoch/dev_f1", "test": "epoch/test_f1"}
_MLFLOW_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # not minutes, every epoch, for a server that is dead
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nothing goes anywhere but to the user's own server
}


class _Record(NamedTuple):
    """What a run folder holds; scores are by name, with the number of their epoch."""

    settings: Mapping[str, Any]  # by dotted name
    epochs: list[tuple[int, dict[str, float]]]
    final: list[tuple[int, dict[str, float]]]
    signature: str


def check_trackers(names: Sequence[str], folder: Path | None = None) -> None:
    """Check that trackers are installed and, if a folder is named, would take a run in it.

    `ConfigError` if there is none of a name, `TrackingError` if one cannot be reached.
    """
    for name in names:
        if name not in _SYNC:
            known = ", ".join(_SYNC)
            raise ConfigError("track", f"there is no tracker '{name}'; there are {known}")
        require(name, name)
        if name == "mlflow" and folder is not None:
            with _mlflow(folder) as client:
                _experiment(client)


def sync(folder: Path, name: str, status: Status = "running") -> None:
    """Bring a tracker up to date with a run folder; `TrackingError` if it cannot be written to."""
    settings = dict(dotted(json.loads((folder / "config.json").read_bytes())))
    epochs, final = [], []
    last: dict[str, Any] = {"types": {}, "signature": ""}
    with suppress(FileNotFoundError):
        for epoch in map(json.loads, (folder / "epochs.jsonl").read_bytes().splitlines()):
            known = {_EPOCH[key]: epoch[key] for key in _EPOCH if epoch.get(key) is not None}
            epochs.append((epoch["number"], known))
        result = json.loads((folder / "result.json").read_bytes())
        parts = [(part, result[part]) for part in ("dev", "test") if result[part] is not None]
        ratios = ("f1", "precision", "recall")
        scores = {f"{part}/{ratio}": score[ratio] for part, score in parts for ratio in ratios}
        last |= parts[-1][1] if parts else {}
        scores |= {f"types/{kind}": count["f1"] for kind, count in last["types"].items()}
        final = [(result["selection"]["epoch"], scores)]
    _SYNC[name](folder, _Record(settings, epochs, final, last["signature"]), status)


def _sync_tensorboard(folder: Path, record: _Record, _: Status) -> None:
    """Append to the event file of a run.

    `SummaryWriter` would start a file at every call, and a run of its own for hyperparameters.
    """
    event = require("tensorboard.compat.proto.event_pb2", "tensorboard").Event
    summary = require("torch.utils.tensorboard.summary", "tensorboard")
    writer = require("tensorboard.summary.writer.record_writer", "tensorboard")
    place, now = folder / "tensorboard", time.time()
    try:
        place.mkdir(exist_ok=True)
        new = place / f"events.out.tfevents.{now:.0f}.{socket.gethostname()}"
        files = sorted(place.glob("events.out.tfevents.*")) or [new]
        known = [_read_events(file, event) for file in files]
        told, end, news = max(epoch for epoch, _ in known), known[-1][1], []
        if not end:
            values = {key: "none" if x is None else x for key, x in record.settings.items()}
            hparams = summary.hparams(values, {"dev/f1": 0, "test/f1": 0})[:2]
            news = [event(file_version="brain.Event:2"), *(event(summary=each) for each in hparams)]
        for step, scores in [each for each in record.epochs if each[0] > told] + record.final:
            news += [event(step=step, summary=summary.scalar(*each)) for each in scores.items()]
        if record.signature:
            news.append(event(summary=summary.text("signature", record.signature)))
        with files[-1].open("r+b" if end else "wb") as file:
            file.truncate(end)
            file.seek(end)
            for each in news:
                each.wall_time = now
                writer.RecordWriter(file).write(each.SerializeToString())
    except OSError as error:
        raise TrackingError(f"{place} cannot be written to ({error.strerror or error})") from None


def _read_events(file: Path, event: Any) -> tuple[int, int]:  # noqa: ANN401
    """Find the last epoch in an event file, and where its last whole record ends.

    A record is its length (8 bytes), a checksum of that (4), an event, and a checksum of it (4).
    """
    data, epoch, end = file.read_bytes() if file.exists() else b"", 0, 0
    while len(data) >= end + 8:
        stop = end + 16 + struct.unpack_from("<Q", data, end)[0]
        if stop > len(data):  # its writer was killed
            break
        found, end = event.FromString(data[end + 12 : stop - 4]), stop
        if any(value.tag == "epoch/seconds" for value in found.summary.value):
            epoch = found.step
    return epoch, end


def _sync_mlflow(folder: Path, record: _Record, status: Status) -> None:
    """Continue the run whose id the folder has in ``mlflow.json``, or make one."""
    entities = require("mlflow.entities", "mlflow")
    with _mlflow(folder) as client:
        run = _find_run(client, folder / "mlflow.json")
        if run is None:
            tags = {"kakehashi": __version__, "folder": str(folder.absolute())}
            run = client.create_run(_experiment(client), tags=tags, run_name=folder.name)
            write_json(folder / "mlflow.json", {"run": run.info.run_id})
        key, now = run.info.run_id, int(time.time() * 1000)
        if not run.data.params:
            params = [entities.Param(name, str(value)) for name, value in record.settings.items()]
            client.log_batch(key, params=params)
        history = client.get_metric_history(key, "epoch/seconds")
        told = max((metric.step for metric in history), default=0)
        for step, scores in [each for each in record.epochs if each[0] > told] + record.final:
            names = {name: re.sub(r"[^\w./ -]", "_", name) for name in scores}  # which MLflow takes
            metrics = [entities.Metric(names[name], scores[name], now, step) for name in scores]
            client.log_batch(key, metrics=metrics)
        if record.signature:
            client.set_tag(key, "signature", record.signature)
        if status != "running":
            client.set_terminated(key, status.upper())
        elif run.info.status != "RUNNING":
            client.update_run(key, status="RUNNING")


@contextmanager
def _mlflow(folder: Path) -> Iterator[Any]:
    """Open the server that MLflow's own variables name, or the database beside the run folder."""
    for variable, value in _MLFLOW_DEFAULTS.items():
        os.environ.setdefault(variable, value)
    mlflow, sql = require("mlflow", "mlflow"), require("sqlalchemy.exc", "mlflow")
    require("alembic", "mlflow")
    place, uri = f"the server of {_URI}", None
    try:
        if not mlflow.tracking.is_tracking_uri_set():
            folder.parent.mkdir(parents=True, exist_ok=True)
            place = str(folder.parent.absolute() / "mlflow.db")
            uri = f"sqlite:///{place}"
        yield mlflow.MlflowClient(tracking_uri=uri)
    except (sql.SQLAlchemyError, mlflow.MlflowException, OSError, ImportError) as error:
        raise TrackingError(f"MLflow cannot use {place} ({_reason(error)})") from None


def _experiment(client: Any) -> str:  # noqa: ANN401 - mlflow is not always there to be named
    name = os.environ.get(_EXPERIMENT, "kakehashi")
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _find_run(client: Any, id_file: Path) -> Any:  # noqa: ANN401
    """Return the run that the folder names if it is on this server, and not deleted."""
    if not id_file.exists():
        return None
    try:
        run = client.get_run(json.loads(id_file.read_bytes())["run"])
    except require("mlflow", "mlflow").MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return run if run.info.lifecycle_stage == "active" else None


def _reason(error: BaseException) -> str:
    """Return in a few words what is wrong; behind a long message is mostly one of the system."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return " ".join(re.split(r"failed with exception |Caused by ", str(error))[-1].split())[:200]


_SYNC = {"mlflow": _sync_mlflow, "tensorboard": _sync_tensorboard}
