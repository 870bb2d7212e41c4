"""Training inside an epoch: Adam on cross entropy. The best epoch is chosen by F1 (section 4.2)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.config.settings import TrainingSettings
from kakehashi.data.augment import replace_mentions
from kakehashi.data.batches import Batch, make_batch, plan_batches
from kakehashi.data.dataset import Dataset
from kakehashi.data.encode import EncodedCorpus
from kakehashi.data.vocabulary import UNKNOWN
from kakehashi.errors import ConfigError, DivergenceError
from kakehashi.model.sequence_tagger import SequenceTagger
from kakehashi.model.torch_network import decoder_of, network_of
from kakehashi.progress import Progress
from kakehashi.runtime.prediction import predict_spans
from kakehashi.runtime.steps import multiplies_bfloat16
from kakehashi.scoring.score import Score, score_spans
from kakehashi.text.edges import EdgeRules
from kakehashi.training.checkpoint import Checkpoint, Epoch
from kakehashi.training.distributed import SINGLE, ProcessGroup
from kakehashi.training.lessons import Lessons, lessons_of
from kakehashi.training.optimizer import Optimizer


@dataclass
class EpochState:
    """What the next batch of an epoch depends on, beside weights, Adam and torch's random state."""

    batches: int  # done so far; their order is a function of (seed, epoch)
    random: np.random.Generator  # draws which rare words are hidden
    loss: Tensor  # sum over the tokens so far; to look at it would be to wait for the GPU
    began: float  # by time.perf_counter, interruptions left out


class Trainer:
    """Trains a tagger in place, an epoch at a time, and keeps the weights of the best.

    `kakehashi.training.train` has the loop over the epochs; ``history`` has those that are over.
    The ``lessons`` are by default all sentences of the data that there are to learn from. If
    ``plausible``, what is found is trimmed to edges that mentions learned from have.
    """

    def __init__(
        self,
        tagger: SequenceTagger,
        data: Dataset,
        settings: TrainingSettings,
        progress: Progress | None = None,
        group: ProcessGroup = SINGLE,
        lessons: Lessons | None = None,
        plausible: bool = False,
    ) -> None:
        self.tagger, self.data, self.settings = tagger, data, settings
        self.progress, self.group = progress or Progress(), group
        rough = settings.precision == "bfloat16" and tagger.device.type == "cpu"
        if rough and not multiplies_bfloat16() and group.rank == 0:
            problem = "machine code cannot multiply bfloat16 here"
            self.progress.warn(f"training.precision: {problem}; products are float32 or torch's")
        self.optimizer = Optimizer(tagger, settings.learning_rate, settings.averaging)
        self.history: list[Epoch] = []
        self.lessons = lessons or lessons_of(data)
        learns_edges = plausible and self._n_tokens > 0
        edges = self.lessons.corpus.edge_classes() if learns_edges else None
        self.edges = None if edges is None else EdgeRules.learn(edges)
        self._tags = self.lessons.corpus.tag_ids(data.tagset)
        self._best: dict[str, Tensor] = {}
        self._epoch = self._new_epoch()

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are kept: the first of the highest F1, or the last."""
        return max(self._scored or self.history[-1:], key=itemgetter(self._key))

    @property
    def _key(self) -> str:
        keys = {"dev": "dev", "teacher": "agreement", "last": "number", "best-test": "test"}
        return keys[self.settings.select]

    @property
    def _scored(self) -> list[Epoch]:
        return [epoch for epoch in self.history if epoch.get(self._key) is not None]

    @property
    def position(self) -> str:
        """How far it is, in words."""
        inside = f"{self._epoch.batches} batches of " if self._epoch.batches else ""
        return f"after {inside}epoch {len(self.history) + bool(inside)}"

    @property
    def stopped_by(self) -> str | None:
        """The setting of training that ends it, ``patience`` or a number of epochs, if any yet."""
        fixed = self.settings.epochs is not None
        if len(self.history) >= self._last_epoch:
            fewest = "epochs" if fixed else "max_epochs"
            return fewest if self._n_tokens else "no sentences"
        return None if fixed or self.rising else "patience"

    @property
    def _n_tokens(self) -> int:
        return len(self.lessons.corpus.forms)

    @property
    def _last_epoch(self) -> int:
        if not self._n_tokens:
            return 1  # in which the initial weights are scored
        return self.settings.epochs or self.settings.max_epochs

    @property
    def rising(self) -> bool:
        """Whether F1 may still be rising: ``min_updates`` and ``patience`` would let it go on."""
        if not self._n_tokens:
            return not self.history
        if self.updates < self.settings.min_updates or not self._scored:
            return True
        later = [epoch for epoch in self._scored if epoch["number"] > self.best["number"]]
        return len(later) < (self.settings.patience or math.inf)

    @property
    def updates(self) -> int:
        """How often the finished epochs have updated the weights."""
        return int(self.history[-1]["updates"]) if self.history else 0

    def train_epoch(self) -> Iterator[None]:
        """Train on the batches of an epoch that are left, and pause after each.

        `DivergenceError` is raised if at the end the loss or a weight is not finite.
        """
        data, settings, epoch, number = self.data, self.settings, self._epoch, len(self.history) + 1
        train, tags = self.lessons.corpus, self._tags
        if settings.augment:
            train = replace_mentions(train, settings.augment, (settings.seed, number, 2))
            tags = train.tag_ids(data.tagset)
        scale = self._n_tokens / max(1, len(train.forms))  # so that the mean loss is that per token
        plan = plan_batches(train.lengths, settings.batch_tokens, (settings.seed, number))
        if not epoch.batches:
            epoch.began = time.perf_counter()
        self.tagger.train()
        left = plan[epoch.batches :]
        for sentences in self.progress.track(left, f"epoch {number}", len(left)):
            batch = make_batch(sentences, train.offsets, train.forms, data.features, tags)
            batch = hide_rare_words(batch, data.once, settings.unknown_rate, epoch.random)
            batch = self.lessons.weigh(batch)
            with _precision(settings.precision, self.tagger.device):
                loss = self.train_step(batch)
            epoch.loss += loss.double() * len(batch.words) * scale
            epoch.batches += 1
            yield
        self.tagger.eval()
        mean = epoch.loss.item() / max(1, self._n_tokens)
        # A sum is finite if all of it is, and is had in a tenth of the time.
        finite = all(
            math.isfinite(float(weights.detach().sum())) for weights in self.tagger.parameters()
        )
        if not (finite and math.isfinite(mean)):
            found = f"the loss is {mean} and the weights are {'' if finite else 'not all '}finite"
            remedy = (
                f"lower training.learning_rate ({settings.learning_rate}), in another run folder"
            )
            raise DivergenceError(number, f"training diverged: {found}; {remedy}")

    def train_step(self, batch: Batch) -> Tensor:
        """Update the weights by a batch, with the other processes; return the loss per token."""
        self.optimizer.zero_grad()
        loss = self.group.loss(self.tagger, batch)
        loss.backward()
        loss = self.group.all_reduce(loss, self.optimizer, batch)
        self.optimizer.clip(self.settings.clip_norm)
        self.optimizer.step()
        return loss

    def end_epoch(self) -> None:
        """Score an epoch that is trained, and keep its weights if it is the best so far.

        Unless the number of epochs is fixed, those are passed over that come too soon after one
        that was scored: on few sentences scoring would take longer than training.
        """
        seconds, settings = time.perf_counter() - self._epoch.began, self.settings
        number, updates = len(self.history) + 1, self.updates + self._epoch.batches
        loss, last = self._epoch.loss.item() / max(1, self._n_tokens), self._last_epoch
        since = updates - (self._scored[-1]["updates"] if self._scored else 0)
        scores = settings.epochs is not None or since >= settings.score_every or number == last
        with_test = scores and (settings.test_epochs or self._key == "test")
        with self.optimizer.average.applied():
            epoch: Epoch = {"number": number, "updates": updates, "loss": loss, "seconds": seconds}
            if self.group.rank == 0:
                held_out = self.lessons.held_out
                epoch["dev"] = self._f1(self.data.dev) if scores and held_out is None else None
                epoch["test"] = self._f1(self.data.test) if with_test else None
                if held_out is not None:
                    epoch["agreement"] = self._f1(held_out) if scores else None
            epoch = self.group.broadcast(epoch)  # to the same history
            self.history.append(epoch)
            is_best = self.best is epoch
            if is_best:
                self._best = {name: own.clone() for name, own in self._weights().items()}
        self._epoch = self._new_epoch()
        line = f"epoch {number}/{last}  loss {loss:.4f}"
        for part in ("dev", "agreement", "test"):
            line += f"  {part} F1 {epoch[part]:.2f}" if epoch.get(part) is not None else ""
        line += "  best so far" if is_best and epoch[self._key] is not None else ""
        self.progress.say(line)

    def load_best(self) -> None:
        """Load the weights of the best epoch into the tagger."""
        self.tagger.load_state_dict(self._best, strict=False)
        self.tagger.eval()

    def evaluate(self, corpus: EncodedCorpus) -> Score | None:
        """Score the tagger as it is; mentions that tokens cannot express count as missed."""
        if not len(corpus):
            return None
        parts = network_of(self.tagger), decoder_of(self.tagger)
        spans = predict_spans(*parts, corpus.offsets, corpus.forms, self.data.features)
        if self.edges is not None:
            bounds = pairwise(corpus.offsets.tolist())
            spans = [
                tuple(filter(None, self.edges.trim(found, corpus.classes[start:end].tolist())))
                for found, (start, end) in zip(spans, bounds, strict=True)
            ]
        return score_spans(corpus.spans, spans, lost=corpus.lost)

    def checkpoint(self, fingerprint: str) -> Checkpoint:
        """Return the state after the last finished epoch, or batch."""
        epoch, device = self._epoch, self.tagger.device
        random, state = {"cpu": torch.get_rng_state()}, None
        if device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(device)
        if epoch.batches:
            state = {"batches": epoch.batches, "random": epoch.random.bit_generator.state}
            state |= {"loss": epoch.loss.item(), "seconds": time.perf_counter() - epoch.began}
        weights, optimizer = self._weights(), self.optimizer.state_dict()
        return Checkpoint(fingerprint, self.history, state, weights, self._best, optimizer, random)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Continue where a checkpoint was written."""
        device = self.tagger.device
        self.history = checkpoint.history
        self.tagger.load_state_dict(checkpoint.weights, strict=False)
        self._best = checkpoint.best
        self.optimizer.load_state_dict(checkpoint.optimizer)
        torch.set_rng_state(checkpoint.random["cpu"])
        if device.type == "cuda":
            torch.cuda.set_rng_state(checkpoint.random["cuda"], device)
        self._epoch = self._new_epoch(checkpoint.epoch)

    def _weights(self) -> dict[str, Tensor]:
        """Return what training changes, which the vectors of other words may outweigh by far."""
        return {name: value.detach() for name, value in self.tagger.named_parameters()}

    def _new_epoch(self, saved: Mapping[str, Any] | None = None) -> EpochState:
        random = np.random.default_rng((self.settings.seed, len(self.history) + 1, 1))
        if saved is not None:
            random.bit_generator.state = saved["random"]
        saved = saved or {"batches": 0, "loss": 0.0, "seconds": 0.0}
        loss = torch.tensor(saved["loss"], dtype=torch.float64, device=self.tagger.device)
        return EpochState(saved["batches"], random, loss, time.perf_counter() - saved["seconds"])

    def _f1(self, corpus: EncodedCorpus) -> float | None:
        score = self.evaluate(corpus)
        return score.f1 if score is not None else None


def check_selection(settings: TrainingSettings, data: Dataset) -> None:
    """Check that the set to select on has an entity that tokens can express; else `ConfigError`."""
    # A training set without one is refused before.
    if settings.select in ("last", "teacher"):
        return
    part = "dev" if settings.select == "dev" else "test"
    corpus: EncodedCorpus = getattr(data, part)
    if not corpus.types:
        what = "no sentence with an entity" if len(corpus) else "no sentence"
        problem = f"has {what}, so no epoch is better there than another; name more sentences"
        remedy = "or set training.epochs, and training.select to 'last' to keep the last epoch"
        raise ConfigError(f"corpus.{part}", f"{problem}, {remedy}")


@contextmanager
def _precision(name: Literal["float32", "bfloat16"], device: torch.device) -> Iterator[None]:
    """Compute products in a precision; what is summed and stored is float32 in any case.

    ``bfloat16`` is autocast's, on a CPU if that multiplies it; on a GPU it is TF32 in the LSTMs,
    which are cuDNN's. Autocast keeps what it has rounded of the weights until its end, so every
    step needs one of its own.
    """
    rough, cudnn = name == "bfloat16", torch.backends.cudnn
    in_cpu = device.type == "cpu" and multiplies_bfloat16()
    autocast = rough and (device.type == "cuda" or in_cpu)
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    torch.set_float32_matmul_precision("medium" if rough else "highest")
    cudnn.allow_tf32 = rough
    try:
        with torch.autocast(device.type, torch.bfloat16) if autocast else nullcontext():
            yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32 = before[1]


def hide_rare_words(
    batch: Batch, once: npt.NDArray[np.bool_], rate: float, random: np.random.Generator
) -> Batch:
    """Replace some of the words seen once by the unknown word, so that it learns a vector."""
    hidden = once[batch.words] & (random.random(len(batch.words)) < rate)
    return replace(batch, words=np.where(hidden, UNKNOWN, batch.words))
