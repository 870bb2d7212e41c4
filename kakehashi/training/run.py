"""A run folder: what one training writes.

::

    runs/NAME/
      corpus/              sentences that a program has given it; else it has none
      config.json          every setting, resolved; written first
      log.txt              one line per event
      epochs.jsonl         one line per epoch
      transfer.json        what was copied from the source
      labeled.jsonl        what teachers have found in unlabeled text, and sentences of [joint]
      labeled-tags/        soft labels of the former, see `kakehashi.training.soft_labels`
      checkpoint           to continue from after an interruption; removed when the run is finished
      tensorboard/         event files of a tracked run
      mlflow.json          id of a tracked run in MLflow
      model/               the model folder; only of our recognizer
      model.crfsuite       what CRFsuite has learned, in its format
      predictions.jsonl    the test sentences as the model reads them
      counts.parquet       gold, predicted and correct entities of each test sentence
      result.json          written last: a folder without it is not finished
      .lock                held by the process that trains; removed when it ends
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from kakehashi import __version__
from kakehashi.config.settings import RunSettings
from kakehashi.data.dataset import Dataset
from kakehashi.errors import RunError, TrackingError
from kakehashi.files import lock, read_json, sweep, write_atomically, write_json
from kakehashi.progress import Progress
from kakehashi.scoring.score import Count, Score
from kakehashi.tracking import Status, sync
from kakehashi.training.checkpoint import Epoch
from kakehashi.training.given import GIVEN

_ELSEWHERE = "choose another folder with --out"


class Run:
    """A run folder: a new one, or one of the same settings, finished or not.

    Nothing is written yet. A `RunError` is raised if it holds a finished run of other ``inputs``
    (the fingerprint of all files that a run reads), a run of other settings, or something else. A
    tracker that fails is warned of once, and gets at the end what it has missed.
    """

    def __init__(
        self,
        folder: Path,
        settings: RunSettings,
        inputs: str,
        track: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> None:
        self.folder, self.settings = folder, settings
        self.model, self.predictions = folder / "model", folder / "predictions.jsonl"
        self.labeled = folder / "labeled.jsonl"
        self.checkpoint, self._result = folder / "checkpoint", folder / "result.json"
        self._epochs = folder / "epochs.jsonl"
        self._config, self._inputs = settings.model_dump(mode="json"), inputs
        self._track, self._progress = track, progress or Progress()
        self._failed: set[str] = set()
        self._begun = False
        self._check()

    @property
    def finished(self) -> bool:
        """Whether the run is finished, and would give the same again."""
        return self._result.exists()

    def _check(self) -> None:
        config = self.folder / "config.json"
        if not config.exists():
            others = {path.name for path in self.folder.glob("[!.]*")} - {GIVEN}
            if others:  # else a process was killed in its first moment
                raise RunError(self.folder, f"exists and is no run of ours; {_ELSEWHERE}")
            return
        found = read_json(config)
        if not found:
            raise RunError(self.folder, f"has a config.json that cannot be read; {_ELSEWHERE}")
        # What teachers have found in a run that has not begun to train is of use with others too.
        other = "settings" if found != self._config and self._epochs.exists() else ""
        if self.finished and load_result(self.folder).get("inputs") != self._inputs:
            other = other or "corpora, vectors or source, or by another version"
        if other:
            state = "a finished" if self.finished else "an unfinished"
            problem = f"holds {state} run with other {other}; {_ELSEWHERE}, or remove it"
            raise RunError(self.folder, problem)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; `RunError` if another process trains in it.

        At the end what killed processes left is removed, and the folder itself if it is empty.
        """
        new = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with lock(self.folder / ".lock", wait=False) as mine:
                if not mine and not self.finished:
                    problem = "another process trains in it; wait for it, or choose another --out"
                    raise RunError(self.folder, problem)
                self._check()
                yield
                if mine and self.finished:
                    self.checkpoint.unlink(missing_ok=True)
                    sweep(self.folder)
        except BaseException as error:
            if self._begun and not self.finished:
                self._sync("killed" if isinstance(error, KeyboardInterrupt) else "failed")
            raise
        finally:
            for path in new:
                with suppress(OSError):
                    path.rmdir()

    def claim(self) -> None:
        """Write the settings, by which the folder is known as this run's."""
        write_json(self.folder / "config.json", self._config)

    def begin(
        self, transfer: Mapping[str, object] | None = None, epochs: Sequence[Epoch] = ()
    ) -> None:
        """Write the settings, what is transferred, and the epochs of a run that continues."""
        self.claim()
        if transfer is not None:
            write_json(self.folder / "transfer.json", transfer)
        self._begun = True
        self.save_epochs(epochs)

    def save_epochs(self, epochs: Sequence[Epoch]) -> None:
        """Write the epochs so far, and log those that are new."""
        path, now = self._epochs, datetime.datetime.now().astimezone()
        n_known = len(path.read_bytes().splitlines()) if path.exists() else 0
        lines = [f"{json.dumps(epoch, allow_nan=False)}\n" for epoch in epochs]
        write_atomically(path, lines)
        with (self.folder / "log.txt").open("a", encoding="utf-8") as file:
            file.writelines(f"{now.isoformat(timespec='seconds')}  {x}" for x in lines[n_known:])
        self._sync("running")

    def finish(
        self,
        data: Dataset,
        version: str,
        facts: Mapping[str, object],
        scores: Sequence[Score | None],
        selection: Mapping[str, object],
        epochs: Sequence[Epoch],
        transfer: Mapping[str, object] | None = None,
        processes: int = 1,
        labeled: Mapping[str, object] | None = None,
        calibration: Mapping[str, object] | None = None,
    ) -> None:
        """Write the counts and, last, the result.

        ``version`` is that of our program or of the library behind a baseline; ``facts`` are what
        the ``scores`` on dev and test depend on beside the corpus, for their signature;
        ``selection`` is what the best epoch was chosen by, and its number; ``labeled`` counts what
        teachers have found, and what was left out; ``calibration`` is that of the model.
        """
        settings, (dev, test) = self.settings, scores
        mapping = settings.corpus.mapping or "none"
        facts = {"corpus": settings.name, "mapping": mapping, **facts}
        counts = np.zeros((0, 3), np.int32) if test is None else test.counts.sentences
        buffer = pa.BufferOutputStream()
        pq.write_table(pa.table(dict(zip(Count._fields, counts.T, strict=True))), buffer)
        write_atomically(self.folder / "counts.parquet", bytes(buffer.getvalue()))
        machine = {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "processes": processes,
        }
        result = {
            "name": settings.name,
            "kakehashi": __version__,
            "system": {"name": settings.system, "version": version},
            "dev": dev.extended(facts).to_dict() if dev is not None else None,
            "test": test.extended(facts).to_dict() if test is not None else None,
            "selection": selection,
            "epochs": epochs,
            "transfer": transfer,
            "labeled": labeled,
            "calibration": calibration,
            "corpus": data.summary(),
            "settings": self._config,
            "machine": machine,
            "inputs": self._inputs,
        }
        write_json(self._result, result)
        self._sync("finished")

    def adopt(self, folder: Path, more: Mapping[str, object]) -> None:
        """Finish with what another run has given, its model among it, and more of the result."""
        shutil.copytree(folder / "model", self.model, dirs_exist_ok=True)
        for name in (self.predictions.name, "counts.parquet", self._epochs.name):
            shutil.copy2(folder / name, self.folder / name)
        own = {"settings": self._config, "inputs": self._inputs}
        write_json(self._result, {**load_result(folder), **own, **more})
        self._sync("finished")

    def _sync(self, status: Status) -> None:
        for name in self._track:
            if name in self._failed and status != "finished":
                continue
            try:
                sync(self.folder, name, status)
            except TrackingError as error:
                if name not in self._failed:
                    later = f"training goes on, and {name} is asked again at its end"
                    self._progress.warn(f"{error}; {later}")
                self._failed.add(name)


def load_result(folder: str | Path) -> dict[str, Any]:
    """Read the result of a finished run; `RunError` if there is none."""
    result = read_json(Path(folder) / "result.json")
    if not result:
        raise RunError(folder, "holds no finished run: there is no result.json")
    return result
