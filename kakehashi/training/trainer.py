"""How far an epoch is that is under way.

The training loop: Adam on cross entropy, selection by F1 (section 4.2).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.config.settings import Select, TrainingSettings
from kakehashi.data.batches import Batch, make_batch, plan_batches
from kakehashi.data.dataset import Dataset
from kakehashi.data.encode import EncodedCorpus
from kakehashi.data.vocabulary import UNKNOWN
from kakehashi.errors import ConfigError, DivergenceError
from kakehashi.model.prediction import predict_spans
from kakehashi.model.tagger import Tagger
from kakehashi.progress import Progress
from kakehashi.scoring.score import Score, score_spans
from kakehashi.training.checkpoint import Checkpoint
from kakehashi.training.distributed import ALONE, Alone
from kakehashi.training.optimizer import Optimization


class Course:
    """What the next batch of an epoch depends on, beside weights, moments and torch's random state.

    Which batch that is needs no more than their number: their order is a function of (seed, epoch).

    Args:
        order: (seed, epoch).
        device: Where losses are computed.

    Attributes:
        batches: How many are done.
        random: Draws which rare words are hidden.
    """

    def __init__(self, order: tuple[int, int], device: torch.device) -> None:
        self.batches = 0
        self.random = np.random.default_rng((*order, 1))
        # Summed where it is computed: to look at it would be to wait for the GPU.
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._began = time.perf_counter()

    @property
    def loss(self) -> float:
        """The sum of the losses of the tokens so far."""
        return self._loss.item()

    @property
    def seconds(self) -> float:
        """Wall-clock time in it so far, over all interruptions."""
        return time.perf_counter() - self._began

    def add(self, loss: Tensor, n_tokens: int) -> None:
        """Count a batch, with its mean loss per token."""
        self.batches += 1
        self._loss += loss.detach().double() * n_tokens

    def state(self) -> dict[str, Any]:
        """Describe it as JSON takes it, to the bit."""
        return {
            "batches": self.batches,
            "loss": self.loss,
            "seconds": self.seconds,
            "random": self.random.bit_generator.state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where the epoch was that `state` described."""
        self.batches = state["batches"]
        self.random.bit_generator.state = state["random"]
        self._loss.fill_(state["loss"])
        self._began = time.perf_counter() - state["seconds"]


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training set gave.

    Attributes:
        number: From 1.
        loss: Mean cross entropy per token.
        seconds: Wall-clock time of the training part.
        dev: F1 on the development set, in percent; None if there is none.
        test: F1 on the test set; None unless the settings ask for it.
    """

    number: int
    loss: float
    seconds: float
    dev: float | None
    test: float | None

    def selected_by(self, select: Select) -> float:
        """Return the figure that the best epoch has the highest of."""
        figure = {"dev": self.dev, "last": float(self.number), "best-test": self.test}[select]
        # None only where nobody asked `check_selection`.
        return -math.inf if figure is None else figure


class Trainer:
    """One training, from an initialised tagger to the weights of its best epoch.

    Args:
        tagger: Is trained in place.
        data: What to train, select and test on.
        settings: How.
        fingerprint: What the training was started from; a checkpoint of another is refused.
        progress: Is told how far it is.
        team: The processes that train it together.
    """

    def __init__(
        self,
        tagger: Tagger,
        data: Dataset,
        settings: TrainingSettings,
        fingerprint: str,
        progress: Progress,
        team: Alone = ALONE,
    ) -> None:
        self.tagger, self.data, self.settings = tagger, data, settings
        self.fingerprint, self.progress, self.team = fingerprint, progress, team
        self.history: list[Epoch] = []
        self.optimization = Optimization(tagger, settings.learning_rate, settings.clip_norm)
        self._tags = data.train.tag_ids(data.tagset)
        self._best: dict[str, Tensor] = {}
        self._course: Course | None = None

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are kept: the first of the highest F1, or the last."""
        return max(self.history, key=lambda epoch: epoch.selected_by(self.settings.select))

    @property
    def place(self) -> str:
        """How far it is, in words."""
        if self._course is None:
            return f"after epoch {len(self.history)}"
        return f"after {self._course.batches} batches of epoch {len(self.history) + 1}"

    def train(
        self,
        after_epoch: Callable[[], None] = lambda: None,
        after_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Run the epochs that are left; then the tagger has the weights of the best one.

        Args:
            after_epoch: Is called when an epoch is over, e.g. to write a checkpoint.
            after_batch: Is called when a batch is over, for the same.
        """
        try:
            while not self._finished():
                self._run_epoch(after_batch)
                after_epoch()
        finally:
            if self._best:
                self.tagger.load_state_dict(self._best)
            self.tagger.eval()

    def evaluate(self, corpus: EncodedCorpus) -> Score:
        """Score the tagger as it is; mentions that tokens cannot express count as missed."""
        spans = predict_spans(self.tagger, corpus.offsets, corpus.forms, self.data.features)
        return score_spans(corpus.spans, spans, lost=corpus.lost)

    def checkpoint(self) -> Checkpoint:
        """Give the state after the last finished epoch, or batch."""
        return Checkpoint(
            fingerprint=self.fingerprint,
            history=[vars(epoch) for epoch in self.history],
            weights=self.tagger.state_dict(),
            best=self._best,
            moments=self.optimization.moments(),
            random=_random_state(self.tagger.device),
            course=None if self._course is None else self._course.state(),
        )

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint was written."""
        self.history = [Epoch(**values) for values in checkpoint.history]
        self.tagger.load_state_dict(checkpoint.weights)
        self._best = checkpoint.best
        self.optimization.restore(checkpoint.moments)
        _set_random_state(checkpoint.random, self.tagger.device)
        if checkpoint.course is not None:
            self._course = self._begun(len(self.history) + 1)
            self._course.restore(checkpoint.course)

    def _finished(self) -> bool:
        done, patience = len(self.history), self.settings.patience
        if done and patience is not None and done - self.best.number >= patience:
            return True
        return done >= self.settings.epochs

    def _run_epoch(self, after_batch: Callable[[], None]) -> None:
        number = len(self.history) + 1
        self._course = self._course or self._begun(number)
        self._learn(number, self._course, after_batch)
        self._check_finite(number, self._course)
        epoch = self.team.from_first(partial(self._judge, number, self._course))
        self._course = None
        self.history.append(epoch)
        if self.best.number == number:
            state = self.tagger.state_dict()
            self._best = {name: value.clone() for name, value in state.items()}
        line = f"epoch {number}/{self.settings.epochs}"
        line += f"  loss {epoch.loss:.4f}"
        for part, f1 in (("dev", epoch.dev), ("test", epoch.test)):
            line += f"  {part} F1 {f1:.2f}" if f1 is not None else ""
        self.progress.say(line + ("  best so far" if self.best.number == number else ""))

    def _begun(self, number: int) -> Course:
        return Course((self.settings.seed, number), self.tagger.device)

    def _learn(self, number: int, course: Course, after_batch: Callable[[], None]) -> None:
        """Update the weights on every batch of an epoch that is left."""
        data, settings = self.data, self.settings
        plan = plan_batches(data.train.lengths, settings.batch_tokens, (settings.seed, number))
        left = islice(plan, course.batches, None)
        self.tagger.train()
        with _products_in(settings.precision, self.tagger.device):
            for sentences in self.progress.track(
                left, f"epoch {number}", len(plan) - course.batches
            ):
                batch = make_batch(
                    sentences, data.train.offsets, data.train.forms, data.features, self._tags
                )
                batch = hide_rare_words(batch, data.once, settings.unknown_rate, course.random)
                loss = self.team.learn(self.tagger, self.optimization, batch)
                course.add(loss, len(batch.words))
                after_batch()
        self.tagger.eval()

    def _judge(self, number: int, course: Course) -> Epoch:
        """Score an epoch that is over."""
        loss, seconds = course.loss / len(self.data.train.forms), course.seconds
        dev, test = self._f1(self.data.dev), None
        if self.settings.test_epochs or self.settings.select == "best-test":
            test = self._f1(self.data.test)
        return Epoch(number, loss, seconds, dev, test)

    def _f1(self, corpus: EncodedCorpus) -> float | None:
        return self.evaluate(corpus).f1 if len(corpus) else None

    def _check_finite(self, number: int, course: Course) -> None:
        """Refuse to go on with weights that are no numbers; every process has the same.

        Raises:
            DivergenceError: If the loss or a weight is not finite.
        """
        finite = all(bool(weights.isfinite().all()) for weights in self.tagger.parameters())
        if not (finite and math.isfinite(course.loss)):
            raise DivergenceError(
                number,
                f"training diverged: the loss is {course.loss / len(self.data.train.forms)}"
                f" and the weights are {'' if finite else 'not all '}finite; lower"
                f" training.learning_rate ({self.settings.learning_rate}), in another run folder",
            )


def check_selection(settings: TrainingSettings, data: Dataset) -> None:
    """Refuse to choose an epoch by the F1 of nothing.

    Raises:
        ConfigError: If the set to select on has no entity that tokens can express.
    """
    if settings.select == "last":
        return
    part = "dev" if settings.select == "dev" else "test"
    corpus: EncodedCorpus = getattr(data, part)
    if not corpus.types:
        what = "no sentence with an entity" if len(corpus) else "no sentence"
        raise ConfigError(
            f"corpus.{part}",
            f"has {what}, so no epoch is better there than another; name more sentences,"
            " or set training.select to 'last' to keep the last epoch",
        )


@contextmanager
def _products_in(precision: Literal["float32", "bfloat16"], device: torch.device) -> Iterator[None]:
    """Compute products in a precision; what is summed and stored is float32 in any case.

    On a GPU ``bfloat16`` is autocast's, and TF32 in the LSTMs, which are cuDNN's.
    """
    rough, cudnn = precision == "bfloat16", torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    torch.set_float32_matmul_precision("medium" if rough else "highest")
    cudnn.allow_tf32 = rough
    try:
        with torch.autocast("cuda", torch.bfloat16, enabled=rough and device.type == "cuda"):
            yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32 = before[1]


def _random_state(device: torch.device) -> dict[str, Tensor]:
    """Give the state of torch's random numbers: the CPU's, and the GPU's if there is one."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def _set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)


def hide_rare_words(
    batch: Batch,
    once: npt.NDArray[np.bool_],
    rate: float,
    random: np.random.Generator,
) -> Batch:
    """Replace some of the words seen once by the unknown word, so that it learns a vector."""
    hidden = once[batch.words] & (random.random(len(batch.words)) < rate)
    return replace(batch, words=np.where(hidden, UNKNOWN, batch.words))
