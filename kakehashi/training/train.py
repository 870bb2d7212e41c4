"""One training from settings to result: build, transfer, train, record.

One function per verb, for the command line, for experiments, and for programs.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import torch

from kakehashi import __version__
from kakehashi.baselines.catalogue import load_system
from kakehashi.config.settings import ModelSettings, RunSettings
from kakehashi.corpora.corpus import load_corpora, segmented
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.data.cache import corpus_fingerprint, features_fingerprint, load_dataset
from kakehashi.data.dataset import Dataset, prepare
from kakehashi.data.encode import EncodedCorpus
from kakehashi.errors import ConfigError, DivergenceError
from kakehashi.files import sha256_of
from kakehashi.model.device import find_device, limited_threads
from kakehashi.model.folder import MANIFEST, Model, find_model, load_model, save_model
from kakehashi.model.lstm_steps import is_compiled
from kakehashi.model.tagger import Tagger
from kakehashi.model.transfer import TransferPlan, apply_transfer, plan_transfer
from kakehashi.progress import Progress
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.scoring.score import Score
from kakehashi.sentence import Sentence
from kakehashi.text.segment import Segmenter, segmenter_of
from kakehashi.tracking.catalogue import open_trackers
from kakehashi.tracking.tracking import Tracking
from kakehashi.training.distributed import ALONE, Alone
from kakehashi.training.run import Result, Run
from kakehashi.training.system import Texts, train_system
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
        data: Dataset,
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


def new_tagger(data: Dataset, settings: ModelSettings) -> Tagger:
    """Draw initial weights, and take the vectors where there are some."""
    if data.vectors is not None:
        settings = settings.model_copy(update={"word_width": data.vectors.width})
    tagger = Tagger(settings, data.words, data.ngrams, data.tagset)
    if data.vectors is not None:
        tagger.take_vectors(data.vectors)
    return tagger


SAVE_EVERY = 300.0
"""Seconds of an epoch that a kill can cost."""


def run_folder(settings: RunSettings) -> Path:
    """Name the folder of a run after its config, its system or its transfer, and its seed."""
    parts = [settings.name]
    if settings.system != "kakehashi":
        parts.append(settings.system)
    if settings.transfer is not None:
        parts.append("+".join(settings.transfer.groups))
    return Path("runs") / "-".join([*parts, f"seed{settings.training.seed}"])


def train(
    settings: RunSettings,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    *,
    cache: str | Path | None = None,
    track: Sequence[str] = (),
    save_every: float = SAVE_EVERY,
    team: Alone = ALONE,
) -> Path:
    """Train a recognizer, from random weights or from a source model, or another system.

    An interrupted run goes on where it stopped when it is started again with the same settings;
    Ctrl-C leaves the best model so far in it. A finished one is left as it is if it would give the
    same again.

    Args:
        settings: What to train, on what, and how.
        folder: The run folder; default `run_folder`.
        progress: Is told how far it is.
        cache: A folder for encoded corpora, which runs on the same corpora then share; default
            none, and the corpora are read into memory.
        track: Trackers to tell how it goes; see `open_trackers`. One that fails is warned of, and
            training goes on; ask with `check_trackers` before.
        save_every: Seconds after which a checkpoint is written inside an epoch, so that a kill
            costs no more.
        team: The processes that train together, each of which calls this; see `joined_team`. The
            first one alone writes and tells.

    Returns:
        The run folder, with ``result.json`` and, of our recognizer, the model.

    Raises:
        KakehashiError: If the folder is taken, or settings, corpora or source are not as they
            should be; nothing is written then. Of a team every process raises it.
        DivergenceError: If the weights are no longer numbers.
        KeyboardInterrupt: After Ctrl-C, when the best model so far is saved.
    """
    if progress is None or team.rank:
        progress = Progress()
    if team.rank:
        track = ()
    place = Path(folder) if folder is not None else run_folder(settings)
    tracking = Tracking(open_trackers(track, place, settings.model_dump(mode="json")), progress)
    with limited_threads(settings.training.threads), tracking:
        run = team.together(lambda: _opened(place, settings, tracking, team))
        if run.finished:
            progress.say(f"{place} is finished already; remove it to train again")
            team.from_first(run.clean)
        elif settings.system == "kakehashi":
            _train_ours(settings, run, progress, cache, team, save_every)
        else:
            _train_other(settings, run, progress)
    return place


def _opened(place: Path, settings: RunSettings, tracking: Tracking, team: Alone) -> Run:
    """Open the run folder, if all is there that can be told before the corpora are read."""
    run = Run(place, settings, _inputs(settings), tracking)
    if settings.system == "kakehashi":
        find_device(team.device(settings.training.device), "training.device")
    elif team.size > 1:
        raise ConfigError("system", f"{settings.system} trains in one process; start no others")
    return run


def _inputs(settings: RunSettings) -> str:
    """Hash the files that a run reads: corpora, vectors, source model."""
    corpus = corpus_fingerprint(settings, segmenter_of(settings.text).signature)
    inputs = features_fingerprint(settings, corpus)
    if settings.transfer is None:
        return inputs
    source = sha256_of(find_model(settings.transfer.source) / MANIFEST)
    return sha256(f"{inputs} {source}".encode()).hexdigest()


def _train_ours(
    settings: RunSettings,
    run: Run,
    progress: Progress,
    cache: str | Path | None,
    team: Alone,
    save_every: float,
) -> None:
    def begin() -> tuple[Job, Iterable[Sentence]]:
        test, data = _prepare(settings, progress, cache)
        return Job(settings, data, run, progress, team), test

    job, test = team.together(begin, in_turn=cache is not None)
    team.agree(job.state, "other corpora, another checkpoint or another version")
    with ExitStack() as stack:
        # One process writes, so one holds the folder; if it cannot, all hear why.
        team.together(lambda: stack.enter_context(run.held()) if team.rank == 0 else None)
        if team.rank:
            job.follow()
        else:
            job.train(save_every)
        team.from_first(lambda: _finish(run, *_results(job, test, progress)))


def _results(
    job: Job, test: Iterable[Sentence], progress: Progress
) -> tuple[Result, Iterable[Sentence]]:
    recognizer = Recognizer(job.model)
    found = recognizer.annotate(test)
    predictions = progress.track(found, "tagging the test set", len(job.data.test))
    return job.result(recognizer.segmenter.signature), predictions


def _finish(run: Run, result: Result, predictions: Iterable[Sentence]) -> None:
    write_jsonl(run.predictions, predictions)
    run.finish(result)


def _train_other(settings: RunSettings, run: Run, progress: Progress) -> None:
    system = load_system(settings.system, settings.training.seed)
    segmenter = segmenter_of(settings.text)
    texts = Texts(*map(list, _read(settings, segmenter, progress)))
    with run.held():
        progress.say(f"training {system.name} {system.version}")
        result, predictions = train_system(system, settings, texts, segmenter.signature)
        run.save_epochs(result.epochs)
        run.log(json.dumps(result.epochs[-1]))
        _finish(run, result, predictions)


def _prepare(
    settings: RunSettings, progress: Progress, cache: str | Path | None
) -> tuple[Iterable[Sentence], Dataset]:
    """Encode the corpora in memory or load them from the cache; return the test sentences too."""
    test: Iterable[Sentence]
    if cache is not None:
        data, test = load_dataset(Path(cache), settings, progress)
    else:
        train, dev, unread = _read(settings, segmenter_of(settings.text), progress)
        test = list(unread)
        data = prepare(train, dev, test, settings.model, settings.vectors)
    if data.coverage is not None:
        progress.say(f"vectors: {data.coverage}")
        if not data.coverage.types.percent:
            progress.warn(
                "not one word of the training text has a vector; are they of its language, and cut"
                " and written as it is?"
            )
    return test, data


def _read(
    settings: RunSettings, segmenter: Segmenter, progress: Progress
) -> tuple[Iterator[Sentence], Iterator[Sentence], Iterator[Sentence]]:
    """Read and segment the sentences to train on, to select on, and to test on."""
    corpora = load_corpora(settings.corpus)

    def segment(part: str, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        tokens = segmented(sentences, segmenter, settings.text.keep_tokens)
        return progress.track(tokens, f"reading {part}")

    return (
        segment("train", corpora.train),
        segment("dev", corpora.dev),
        segment("test", corpora.test),
    )
