"""What a training gave, whichever system was trained.

One folder per training run.

::

    runs/NAME/
      config.json          every setting, resolved; written first
      log.txt              one line per event
      epochs.jsonl         one line per epoch
      transfer.json        what was copied from the source
      checkpoint           to go on from after an interruption; gone when the run is done
      tensorboard/         event files of a tracked run
      mlflow.json          id of a tracked run in MLflow
      model/               the model folder; only of our recognizer
      predictions.jsonl    the test sentences as the model reads them
      counts.parquet       gold, predicted and correct entities of each test sentence
      result.json          written last: a folder without it is not finished
      .lock                held by the process that trains; gone when the run is done
"""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from kakehashi import __version__
from kakehashi.config.settings import RunSettings
from kakehashi.data.dataset import Dataset
from kakehashi.errors import RunError
from kakehashi.files import lock, sweep, write_atomically, write_json
from kakehashi.scoring.score import Count, Score
from kakehashi.tracking.tracking import Tracking
from kakehashi.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Result:
    """The scores of a training and how they came about.

    Attributes:
        settings: What was trained, on what, and how.
        data: The corpora.
        version: Of the system, or of the library behind it.
        facts: What the scores depend on beside the corpus, for their signature.
        dev: On the development set; None if there is none.
        test: On the test set; None if there is none.
        selection: By what the best epoch was chosen, and its number.
        epochs: What each epoch gave; a system that shows us none has one.
        transfer: What was copied from a source.
        processes: How many trained together.
    """

    settings: RunSettings
    data: Dataset
    version: str
    facts: Mapping[str, object]
    dev: Score | None
    test: Score | None
    selection: Mapping[str, object]
    epochs: Sequence[Mapping[str, Any]]
    transfer: Mapping[str, object] | None = None
    processes: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Gather it all as JSON takes it."""
        settings = self.settings
        corpus = {"corpus": settings.name, "mapping": settings.corpus.mapping or "none"}
        scores = {
            part: score.extended({**corpus, **self.facts}).to_dict() if score is not None else None
            for part, score in (("dev", self.dev), ("test", self.test))
        }
        return {
            "name": settings.name,
            "kakehashi": __version__,
            "system": {"name": settings.system, "version": self.version},
            **scores,
            "selection": self.selection,
            "epochs": self.epochs,
            "transfer": self.transfer,
            "corpus": self.data.summary(),
            "settings": settings.model_dump(mode="json"),
            "machine": {**_machine(), "processes": self.processes},
        }


def _machine() -> dict[str, object]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


class Run:
    """A run folder: a new one, or one of the same settings, finished or not.

    Args:
        folder: Where it is, or will be.
        settings: Of the run.
        inputs: Fingerprint of the files that it reads, for `finished`.
        tracking: Is told how the run goes.

    Attributes:
        folder: Where it is.
        model: Where the model folder will stand in it.
        predictions: Where the test sentences will stand as the model reads them.

    Raises:
        RunError: If the folder holds a finished run of other inputs, a run of other settings, or
            something else. Nothing is written before `create`.
    """

    def __init__(
        self, folder: Path, settings: RunSettings, inputs: str, tracking: Tracking | None = None
    ) -> None:
        self._tracking = tracking or Tracking()
        self.folder = folder
        self.model = folder / "model"
        self.predictions = folder / "predictions.jsonl"
        self._config, self._inputs = settings.model_dump(mode="json"), inputs
        self._config_file = folder / "config.json"
        self._checkpoint = folder / "checkpoint"
        self._result = folder / "result.json"
        self._lock = folder / ".lock"
        self._check_mine()

    @property
    def finished(self) -> bool:
        """Whether the run is finished, and would give the same again."""
        return self._result.exists()

    def create(self) -> None:
        """Make the folder, if need be, and write the settings."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._config_file, self._config)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Create the folder, and keep other processes from training in it meanwhile.

        Raises:
            RunError: If another process trains in it, or has since `Run` looked.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with lock(self._lock, wait=False) as mine:
            if not mine:
                raise RunError(
                    self.folder,
                    "another process trains in it; wait for it, or choose another --out",
                )
            self._check_mine()
            if self.finished:
                raise RunError(self.folder, "another process has just finished it; run it again")
            self.create()
            self._tracking.follow(())
            yield
            self._clean()

    def clean(self) -> None:
        """Remove from a finished run what a process killed since then has left."""
        with lock(self._lock, wait=False) as mine:
            if mine:
                self._clean()

    def _clean(self) -> None:
        self._checkpoint.unlink(missing_ok=True)
        sweep(self.folder)

    def _check_mine(self) -> None:
        if not self.folder.exists():
            return
        try:
            found = json.loads(self._config_file.read_bytes())
        except FileNotFoundError:
            if all(path.name.startswith(".") for path in self.folder.iterdir()):
                return  # made by hand, or by a process killed in its first moment
            raise RunError(
                self.folder, "exists and is no run of ours; choose another folder with --out"
            ) from None
        except ValueError:
            raise RunError(
                self.folder, "has a damaged config.json; choose another folder with --out"
            ) from None
        other = "settings" if found != self._config else ""
        if self._result.exists() and load_result(self.folder).get("inputs") != self._inputs:
            other = other or "corpora, vectors or source, or by another version"
        if other:
            state = "a finished" if self._result.exists() else "an unfinished"
            raise RunError(
                self.folder,
                f"holds {state} run with other {other}; choose another folder with --out,"
                " or remove it",
            )

    def log(self, line: str) -> None:
        """Add a line to the log, with the time."""
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        with (self.folder / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{now}  {line}\n")

    def save_epochs(self, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Write the scores of the epochs so far."""
        lines = "".join(f"{json.dumps(epoch, allow_nan=False)}\n" for epoch in epochs)
        write_atomically(self.folder / "epochs.jsonl", lines)
        self._tracking.follow(epochs)

    def save_transfer(self, plan: dict[str, object]) -> None:
        """Write what was transferred."""
        write_json(self.folder / "transfer.json", plan)

    def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint."""
        checkpoint.save(self._checkpoint)

    def load_checkpoint(self, fingerprint: str) -> Checkpoint | None:
        """Read the checkpoint, if there is one.

        Raises:
            RunError: If it is damaged, or the corpus, the vectors or the source have changed since.
        """
        if not self._checkpoint.exists():
            return None
        checkpoint = Checkpoint.load(self._checkpoint)
        if checkpoint.fingerprint != fingerprint:
            raise RunError(
                self.folder,
                "was begun on another corpus, other vectors or another source model than there"
                " are now; choose another folder with --out, or remove it",
            )
        return checkpoint

    def finish(self, result: Result) -> None:
        """Write the counts and, last, the result."""
        write_atomically(self.folder / "counts.parquet", _parquet(result.test))
        record = result.to_dict() | {"inputs": self._inputs}
        write_json(self._result, record)
        self._tracking.finish(record)


def load_result(folder: str | Path) -> dict[str, Any]:
    """Read the result of a finished run.

    Raises:
        RunError: If there is none.
    """
    try:
        result: dict[str, Any] = json.loads((Path(folder) / "result.json").read_bytes())
    except (OSError, ValueError):
        raise RunError(folder, "holds no finished run: there is no result.json") from None
    return result


def _parquet(score: Score | None) -> bytes:
    """Write the counts of each sentence as a table; without sentences it has no rows."""
    counts = np.zeros((0, 3), np.int32) if score is None else score.counts.sentences
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(zip(Count._fields, counts.T, strict=True))), buffer)
    return bytes(buffer.getvalue())
