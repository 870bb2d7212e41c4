"""One training from settings to result: build, transfer, train, record."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable

import torch

from kakehashi import __version__
from kakehashi.config.settings import ModelSettings, RunSettings
from kakehashi.data.encoded import EncodedCorpus
from kakehashi.data.prepared import Prepared
from kakehashi.errors import ConfigError, DivergenceError
from kakehashi.files import sha256_of
from kakehashi.model.cell import is_compiled
from kakehashi.model.device import find_device
from kakehashi.model.storage import Model, find_model, load_model, save_model
from kakehashi.model.tagger import Tagger
from kakehashi.model.transfer import TransferPlan, apply_transfer, plan_transfer
from kakehashi.progress import Progress
from kakehashi.scoring.score import Score
from kakehashi.training.parallel import ALONE, Alone
from kakehashi.training.result import Result
from kakehashi.training.runs import Run
from kakehashi.training.trainer import Trainer, check_selection

_MANY_PAIRS = 1_000_000
_BYTES_A_PAIR = 64
"""Weights, gradients, moments of Adam, the best weights and float64 copies; measured."""


class Job:
    """A training in its run folder; begins it, or goes on with it.

    Args:
        settings: What to train, on what, and how.
        data: The corpora, encoded.
        run: Where everything is written.
        progress: Is told how far it is.
        team: The processes that train together. Each has a job; the first one's writes.

    Raises:
        ConfigError: If the device is not there, or the set to select on has no entity.
        ModelError: If the source cannot be loaded.
        TransferError: If what is asked for cannot be transferred.
        RunError: If the folder has a checkpoint that is damaged or of other data.
    """

    def __init__(
        self,
        settings: RunSettings,
        data: Prepared,
        run: Run,
        progress: Progress,
        team: Alone = ALONE,
    ) -> None:
        check_selection(settings.training, data)
        if settings.model.decoder == "crf":
            _weigh_crf(len(data.tagset), progress)
        device = find_device(team.device(settings.training.device), "training.device")
        torch.manual_seed(settings.training.seed)
        self.settings, self.data, self.run, self.progress = settings, data, run, progress
        tagger = new_tagger(data, settings.model)
        self.plan = self._transfer(tagger)
        tagger.to(device)  # only now: it starts from the same weights on every device
        self.model = Model(settings.name, tagger, settings.text)
        fingerprint = self._fingerprint()
        self.trainer = Trainer(tagger, data, settings.training, fingerprint, progress, team)
        checkpoint = run.load_checkpoint(self.trainer.fingerprint)
        if checkpoint is not None:
            self.trainer.resume(checkpoint)
            progress.say(f"going on {self.trainer.place} in {run.folder}")

    @property
    def state(self) -> tuple[str, str]:
        """What the jobs of a team have in common before they train: from what, and from where."""
        return self.trainer.fingerprint, self.trainer.place

    def follow(self) -> None:
        """Train along with the first job of the team, and write nothing."""
        self.trainer.train()

    def train(self, save_every: float) -> None:
        """Run the epochs that are left, and save the model of the best.

        Args:
            save_every: Seconds after which an epoch is interrupted to write a checkpoint.

        Raises:
            KeyboardInterrupt: After Ctrl-C, when the best model so far is saved.
            DivergenceError: If the weights are no longer numbers; likewise.
        """
        if self.plan is not None:
            self.run.save_transfer(self.plan.to_dict())
        if self.trainer.history:  # a kill may have come between checkpoint and record
            self._record()
        try:
            self.trainer.train(self._finish_epoch, self._saving(save_every))
        except (KeyboardInterrupt, DivergenceError):
            if self.trainer.history:
                save_model(self.run.model, self.model)
                number = self.trainer.best.number
                self.progress.say(f"stopped; the model of epoch {number} is in {self.run.model}")
            raise
        save_model(self.run.model, self.model)

    def result(self, segmenter: str) -> Result:
        """Score the model, and gather what made it.

        Args:
            segmenter: Signature of the segmenter.
        """
        training, number = self.settings.training, self.trainer.best.number
        facts = {"text": segmenter, "select": training.select, "epoch": number}
        return Result(
            settings=self.settings,
            data=self.data,
            version=__version__,
            facts={**facts, "seed": training.seed},
            dev=self._score(self.data.dev),
            test=self._score(self.data.test),
            selection={"by": training.select, "epoch": number},
            epochs=[vars(epoch) for epoch in self.trainer.history],
            transfer=self.plan.to_dict() if self.plan is not None else None,
            processes=self.trainer.team.size,
        )

    def _score(self, corpus: EncodedCorpus) -> Score | None:
        return self.trainer.evaluate(corpus) if len(corpus) else None

    def _transfer(self, tagger: Tagger) -> TransferPlan | None:
        transfer = self.settings.transfer
        if transfer is None:
            return None
        source = load_model(transfer.source).tagger
        plan = plan_transfer(source, tagger, transfer.groups, name=transfer.source)
        apply_transfer(plan, source, tagger)
        self.progress.say(str(plan))
        return plan

    def _fingerprint(self) -> str:
        """Hash all that the weights depend on, so that a checkpoint is not taken for another's."""
        transfer = self.settings.transfer
        parts = [
            json.dumps(self.settings.model_dump(mode="json"), sort_keys=True),
            self.data.fingerprint(),
            sha256_of(find_model(transfer.source) / "weights.safetensors") if transfer else "",
            f"{__version__} {torch.get_num_threads()} {is_compiled()}",
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _saving(self, every: float) -> Callable[[], None]:
        """Make what writes a checkpoint when it is time to."""
        saved = time.monotonic()

        def save() -> None:
            nonlocal saved
            if time.monotonic() - saved >= every:
                self.run.save_checkpoint(self.trainer.checkpoint())
                saved = time.monotonic()

        return save

    def _finish_epoch(self) -> None:
        self.run.save_checkpoint(self.trainer.checkpoint())
        self._record()
        self.run.log(json.dumps(vars(self.trainer.history[-1])))

    def _record(self) -> None:
        self.run.save_epochs([vars(epoch) for epoch in self.trainer.history])


def _weigh_crf(n_tags: int, progress: Progress) -> None:
    """Warn of what a CRF over many tags costs, before training.

    Raises:
        ConfigError: If it would not fit into the memory of this machine.
    """
    pairs = (n_tags + 1) ** 2
    if pairs < _MANY_PAIRS:
        return
    needed = pairs * _BYTES_A_PAIR / 1e9
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    cost = f"a CRF over {n_tags:,} tags scores {pairs:,} pairs of them: {needed:,.1f} GB of memory"
    remedy = 'model.decoder = "softmax" needs none'
    if needed > there:
        raise ConfigError("model.decoder", f"{cost}, and this machine has {there:,.1f}; {remedy}")
    progress.warn(f"{cost} in training, and time that grows likewise; {remedy}")


def new_tagger(data: Prepared, settings: ModelSettings) -> Tagger:
    """Draw initial weights, and take the vectors where there are some."""
    if data.vectors is not None:
        settings = settings.model_copy(update={"word_width": data.vectors.width})
    tagger = Tagger(settings, data.words, data.ngrams, data.tagset)
    if data.vectors is not None:
        tagger.take_vectors(data.vectors)
    return tagger
