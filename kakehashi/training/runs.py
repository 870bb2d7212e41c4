"""One folder per training run.

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
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kakehashi.config.settings import RunSettings
from kakehashi.errors import RunError
from kakehashi.files import write_atomically, write_json
from kakehashi.scoring.counts import Count
from kakehashi.scoring.score import Score
from kakehashi.tracking.tracking import Tracking
from kakehashi.training.checkpoint import Checkpoint
from kakehashi.training.result import Result


class Run:
    """A run folder: a new one, or an unfinished one of the same settings.

    Attributes:
        folder: Where it is.
        model: Where the model folder will stand in it.
        predictions: Where the test sentences will stand as the model reads them.

    Raises:
        RunError: If the folder holds a finished run, a run of other settings, or something else.
            Nothing is written before `start`.
    """

    def __init__(
        self, folder: Path, settings: RunSettings, tracking: Tracking | None = None
    ) -> None:
        self._tracking = tracking or Tracking()
        self.folder = folder
        self.model = folder / "model"
        self.predictions = folder / "predictions.jsonl"
        self._config = settings.model_dump(mode="json")
        self._config_file = folder / "config.json"
        self._checkpoint = folder / "checkpoint"
        self._result = folder / "result.json"
        if folder.exists():
            self._check_mine()

    def start(self) -> None:
        """Make the folder, if need be, and write the settings."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self._config_file, self._config)
        except OSError as error:
            raise RunError(self.folder, f"cannot be written to ({error.strerror})") from None
        self._tracking.follow(())

    def _check_mine(self) -> None:
        if self._result.exists():
            raise RunError(
                self.folder, "holds a finished run; choose another folder with --out, or remove it"
            )
        try:
            found = json.loads(self._config_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise RunError(
                self.folder, "exists and is no run of ours; choose another folder with --out"
            ) from None
        if found != self._config:
            raise RunError(
                self.folder,
                "holds an unfinished run with other settings; choose another folder with --out,"
                " or remove it",
            )

    def log(self, line: str) -> None:
        """Add a line to the log, with the time."""
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        with (self.folder / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{now}  {line}\n")

    def save_epochs(self, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Write the scores of the epochs so far."""
        lines = "".join(f"{json.dumps(epoch)}\n" for epoch in epochs)
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
        """Write the counts and the result, and drop the checkpoint."""
        write_atomically(self.folder / "counts.parquet", _parquet(result.test))
        record = result.to_dict()
        write_json(self._result, record)
        self._checkpoint.unlink(missing_ok=True)
        self._tracking.finish(record)


def _parquet(score: Score | None) -> bytes:
    """Write the counts of each sentence as a table; without sentences it has no rows."""
    counts = np.zeros((0, 3), np.int32) if score is None else score.counts.sentences
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(zip(Count._fields, counts.T, strict=True))), buffer)
    return bytes(buffer.getvalue())
