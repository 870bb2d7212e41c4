"""What is served: models by name, each with its batches, and whether they are ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Literal

import kakehashi
from kakehashi.errors import ConfigError, suggestion
from kakehashi.runtime.checked_folder import find_model, model_fingerprint
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.runtime.steps import Precision
from kakehashi.sentence import Sentence
from kakehashi.serving.batcher import Batcher
from kakehashi.serving.metrics import Metrics
from kakehashi.serving.results import View, character_view
from kakehashi.serving.schemas import Limits, Problem

State = Literal["loading", "ready", "draining"]
_JAPANESE = ("unidic-lite", "ipadic", "sudachi")


@dataclass(frozen=True)
class ServedModel:
    """A model, loaded."""

    name: str
    sha256: str
    recognizer: Recognizer
    batcher: Batcher
    view: View  # what its character layer sees of a token

    def identity(self) -> dict[str, str]:
        """Return a `kakehashi.serving.schemas.ModelName`."""
        return {"name": self.name, "version": kakehashi.__version__, "sha256": self.sha256}

    def describe(self) -> dict[str, object]:
        """Return what a client may ask of the model."""
        model = self.recognizer.model
        is_japanese = model.text.segmenter in _JAPANESE
        return {
            **self.identity(),
            "types": list(self.recognizer.types),
            "language": model.text.language or ("ja" if is_japanese else None),
            "segmenter": model.text.segmenter,
            "segmenter_version": self.recognizer.segmenter.signature,
        }


@dataclass
class Service:
    """The models of a server, and its state."""

    paths: Mapping[str, Path]  # of run or model folders, by the names that clients use
    limits: Limits = field(default_factory=Limits)
    precision: Precision | None = None
    metrics: Metrics = field(default_factory=Metrics)
    models: dict[str, ServedModel] = field(default_factory=dict)
    state: State = "loading"

    def load(self) -> None:
        """Load all models, and what their first texts would wait for; raises as `Recognizer`."""
        for name, path in self.paths.items():
            sha256 = model_fingerprint(path)
            recognizer = Recognizer.load(path, precision=self.precision)
            recognizer.warm_up()
            self.add(name, sha256, recognizer)
        if self.state == "loading":  # and not told to end meanwhile
            self.state = "ready"

    def add(self, name: str, sha256: str, recognizer: Recognizer) -> None:
        """Serve a recognizer."""
        observe = self.metrics.batch.labels(name).observe
        recognize = partial(self._recognize, name, recognizer)
        batcher = Batcher(recognize, self.limits.queue, observe)
        self.metrics.queue.labels(name).set_function(lambda: batcher.n_waiting)
        self.metrics.model.labels(name).info({"version": kakehashi.__version__, "sha256": sha256})
        view = character_view(recognizer)
        self.models[name] = ServedModel(name, sha256, recognizer, batcher, view)

    def find(self, name: str | None) -> ServedModel:
        """Find a model by its name, or the first one; `Problem` if there is none such."""
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            problem = f"there is no model {name[:60]!r}; {suggestion(name, self.models)}"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, problem, pointer="/model")
        return self.models[name]

    def check_ready(self) -> None:
        """Raise `Problem` 503 while models are being loaded, or the server is about to end."""
        if self.state != "ready":
            # Another server may answer on the next connection.
            problem = f"the server is {self.state}; try again later"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, problem, close=True)

    def is_full(self) -> bool:
        """Whether no model may be given a text now."""
        models = self.models.values()
        return bool(models) and all(model.batcher.is_full() for model in models)

    def close(self) -> None:
        """End the threads of all models."""
        for model in self.models.values():
            model.batcher.close()

    def _recognize(self, name: str, recognizer: Recognizer, texts: Sequence[str]) -> list[Sentence]:
        found = list(recognizer.recognize(texts))
        self.metrics.count(name, found)
        return found


def name_models(models: Sequence[str]) -> dict[str, Path]:
    """Read ``PATH`` or ``NAME=PATH`` of each model; `ConfigError` if two have one name.

    Without a name it is that of the run folder, of the model folder if it has one of its own, or of
    the ONNX file.
    """
    named: dict[str, Path] = {}
    for model in models:
        name, equals, path = model.partition("=")
        if not equals or Path(model).exists():
            path = model
            if Path(model).is_file():
                name = Path(model).stem
            else:
                folder = find_model(model).resolve()
                name = (folder.parent if folder.name == "model" else folder).name
        if name in named:
            raise ConfigError("MODEL", f"two models are called {name!r}; name them: NAME={path}")
        named[name] = Path(path)
    return named
