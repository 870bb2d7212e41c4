"""One training from settings to result: open the run, prepare, transfer, train, score, write."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import torch

from kakehashi import __version__
from kakehashi.baselines import BASELINES
from kakehashi.config.architecture import VIEWS
from kakehashi.config.settings import RunSettings
from kakehashi.corpora.corpus import load_corpora, read_parts, segmented
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.data.cache import corpus_fingerprint, features_fingerprint, load_dataset
from kakehashi.data.dataset import Dataset, prepare
from kakehashi.encoders.locate import encoder_fingerprint
from kakehashi.errors import ConfigError, DivergenceError, RunError
from kakehashi.model.device import find_device, limited_threads
from kakehashi.progress import Progress, default_progress
from kakehashi.runtime.calibration import calibrate_model
from kakehashi.runtime.checked_folder import model_fingerprint
from kakehashi.runtime.steps import is_compiled
from kakehashi.scoring.compare import known_values, with_values
from kakehashi.sentence import Sentence
from kakehashi.text.segment import segmenter_of
from kakehashi.text.views import view_signature
from kakehashi.tracking import check_trackers
from kakehashi.training.baseline_run import train_baseline
from kakehashi.training.checkpoint import Checkpoint
from kakehashi.training.distributed import SINGLE, ProcessGroup
from kakehashi.training.encoding import start_on_encoder
from kakehashi.training.given import keep_given, settings_for, with_joint_corpus
from kakehashi.training.initial import Start, start_tagger
from kakehashi.training.labeling import Labeled, lessons_fingerprint, write_lessons
from kakehashi.training.lessons import lessons_of
from kakehashi.training.run import Run
from kakehashi.training.simulation import simulate
from kakehashi.training.soft_labels import SoftLabels, soft_labels_of
from kakehashi.training.trainer import Trainer, check_selection

_MUCH = 100_000_000  # bytes of vectors in a model


def run_folder(settings: RunSettings) -> Path:
    """Name the folder of a run after its config, its baseline, transfer, teachers, and its seed."""
    system = [settings.system] if settings.system != "kakehashi" else []
    groups = ["+".join(settings.transfer.groups)] if settings.transfer is not None else []
    taught = ["taught"] if settings.teach is not None else []
    chosen = [settings.selection.strategy] if settings.selection is not None else []
    parts = [settings.name, *system, *groups, *taught, *chosen, f"seed{settings.training.seed}"]
    return Path("runs", "-".join(parts))


def train(
    settings: RunSettings | str | Path | Mapping[str, Any],
    folder: str | Path | None = None,
    progress: Progress | None = None,
    *,
    cache: str | Path | None = None,
    track: Sequence[str] = (),
    save_every: float = 300.0,
    finish: bool = False,
    group: ProcessGroup = SINGLE,
    **sentences: Iterable[Sentence],
) -> Path:
    """Train a recognizer, from random weights or from a source model, or a baseline.

    Settings are also read from what `read_settings` takes. ``train``, ``dev`` and ``test`` are
    sentences in place of those that the settings name. Progress is shown in a terminal or notebook.

    Returns the run folder, by default `run_folder`. An interrupted run continues when it is started
    again with the same settings; Ctrl-C and a `DivergenceError` leave the best model so far in it.
    A finished one is left as it is if it would give the same again. Nothing is written if the
    folder is taken, or settings, corpora or source are not as they should be; but for sentences
    that are given.

    Runs on the same corpora share what is encoded in the folder ``cache``; without, it stays in
    memory. ``track`` names trackers: ``tensorboard``, ``mlflow``. ``save_every`` is in seconds,
    between checkpoints inside an epoch. With ``finish`` an interrupted run is given no more epochs,
    or its first if it has none. Each process of a ``group`` calls this.
    """
    progress = Progress() if group.rank else progress or default_progress()
    settings = settings_for(settings, sentences)
    folder = Path(folder) if folder is not None else run_folder(settings)
    settings = with_joint_corpus(keep_given(settings, sentences, folder))
    check_trackers(track)
    with limited_threads(settings.training.threads), ExitStack() as stack:
        with group.run_on_all():
            inputs = _fingerprint_of_inputs(settings)
            run = Run(folder, settings, inputs, track, progress)
            if settings.system not in BASELINES:
                find_device(group.device(settings.training.device), "training.device")
            _check_processes(settings, group)
            if finish and not (run.finished or run.checkpoint.exists()):
                problem = "has no checkpoint of an interrupted run; leave out --finish"
                raise RunError(folder, problem)
            if group.rank == 0:
                stack.enter_context(run.locked())
        if group.broadcast(run.finished):
            progress.say(f"{folder} is finished already; remove it to train again")
        elif settings.selection is not None:
            simulate(settings, run, partial(train, progress=progress), progress)
        elif settings.system not in BASELINES:
            _train_tagger(settings, run, inputs, progress, cache, save_every, finish, group)
        else:
            train_baseline(settings, run, progress)
    return folder


def _check_processes(settings: RunSettings, group: ProcessGroup) -> None:
    """Check that what is trained can be by so many processes."""
    if group.world_size > 1 and settings.system != "kakehashi":
        problem = f"{settings.system} trains in one process; start no others"
        raise ConfigError("system", problem)
    if group.world_size > 1 and settings.selection is not None:
        raise ConfigError("selection", "is played in one process; start no others")


def _fingerprint_of_inputs(settings: RunSettings) -> str:
    """Hash all files that a run reads: corpora, vectors, encoder, source model, teachers, texts."""
    corpus = corpus_fingerprint(settings, segmenter_of(settings.text).signature)
    inputs = features_fingerprint(settings, corpus)
    if settings.transfer is not None:
        inputs = _hash(f"{inputs} {model_fingerprint(settings.transfer.source, calibrated=False)}")
    if settings.encoder is not None:
        inputs = _hash(inputs, encoder_fingerprint(settings.encoder.name))
    if _has_more(settings):
        inputs = _hash(inputs, lessons_fingerprint(settings))
    if settings.system in BASELINES and (revision := BASELINES[settings.system].revision):
        inputs = _hash(inputs, revision)
    return inputs


def _train_tagger(
    settings: RunSettings,
    run: Run,
    inputs: str,
    progress: Progress,
    cache: str | Path | None,
    save_every: float,
    finish: bool,
    group: ProcessGroup,
) -> None:
    with group.run_on_all(in_turn=cache is not None or _has_more(settings)):
        labeled = _label(settings, run, cache, progress)
        start = _start(settings, progress, cache, run.labeled if labeled else None, group)
        # Only now: it starts from the same weights on every device.
        start.tagger.to(find_device(group.device(settings.training.device), "training.device"))
        is_soft = settings.teach is not None and settings.teach.labels == "soft"
        soft = SoftLabels.open(soft_labels_of(run.labeled)) if is_soft else None
        lessons = lessons_of(start.data, settings, labeled, soft)
        parts, plausible = (start.tagger, start.data, settings.training), settings.text.plausible
        trainer = Trainer(*parts, progress, group, lessons, plausible)
        # All that the weights depend on, so that a checkpoint is not taken for another's.
        versions = f"{__version__} {torch.get_num_threads()} {is_compiled()}"
        config = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
        fingerprint = _hash(config, inputs, start.data.fingerprint(), versions)
        if run.checkpoint.exists():
            trainer.resume(Checkpoint.load(run.checkpoint, fingerprint))
            progress.say(f"continuing {trainer.position} in {run.folder}")
    state = (fingerprint, trainer.position)
    group.check_equal(state, "other corpora, another checkpoint or another version")
    writes, saved = group.rank == 0, time.monotonic()
    if writes:
        run.begin(start.transfer, trainer.history)
    try:
        while not (stopped_by := trainer.stopped_by or (finish and trainer.history and "finish")):
            for _ in trainer.train_epoch():
                if writes and time.monotonic() - saved >= save_every:
                    trainer.checkpoint(fingerprint).save(run.checkpoint)
                    saved = time.monotonic()
            trainer.end_epoch()
            if writes:
                trainer.checkpoint(fingerprint).save(run.checkpoint)
                run.save_epochs(trainer.history)
    except (KeyboardInterrupt, DivergenceError):
        if writes and trainer.history:
            trainer.load_best()
            start.save(run.model, trainer.edges)
            number = trainer.best["number"]
            progress.say(f"stopped; the model of epoch {number} is in {run.model}")
        raise
    if writes:
        _finish(run, trainer, start, str(stopped_by), labeled, progress)
    group.broadcast(None)  # the others wait until all is written


def _finish(
    run: Run,
    trainer: Trainer,
    start: Start,
    stopped_by: str,
    labeled: Labeled | None,
    progress: Progress,
) -> None:
    """Write the best model, what it finds in the test set, its scores, and the result."""
    data, training, epochs, test = trainer.data, trainer.settings, trainer.history, start.test
    trainer.load_best()
    start.save(run.model, trainer.edges)
    recognizer, corpora = start.recognizer(trainer.edges), load_corpora(run.settings.corpus)
    calibration = calibrate_model(run.model, recognizer, corpora.dev, progress)
    found = progress.track(recognizer.annotate(test), "tagging the test set", len(data.test))
    write_jsonl(run.predictions, found)
    facts = {"text": recognizer.segmenter.signature, "select": training.select}
    facts |= {"epoch": str(trainer.best["number"]), "seed": str(training.seed)}
    views = (run.settings.model.word_view, run.settings.model.char_view)
    if others := set(map(view_signature, views)).difference(VIEWS):  # of plug-ins
        facts["views"] = ", ".join(sorted(others))
    if (encoder := run.settings.encoder) is not None:
        facts["system"] = f"encoder {Path(encoder.name).name}"
    if training.epochs is not None:
        facts["epochs"] = str(training.epochs)
    selection = {
        "by": training.select,
        "epoch": trainer.best["number"],
        "updates": trainer.updates,
        "stopped_by": stopped_by,
        "rising": trainer.rising if training.select != "last" else None,
    }
    if selection["rising"] and stopped_by == "max_epochs":
        problem = f"F1 may still have been rising {trainer.position}"
        progress.warn(f"{problem}; raise training.max_epochs")
    known = known_values(progress.track(corpora.train, "reading the values of train"))
    dev = recognizer.annotate(recognizer.as_trained(corpora.dev))
    sides = ((corpora.dev, dev), (test, read_jsonl(run.predictions)))
    totals = [trainer.evaluate(part) for part in (data.dev, data.test)]
    scores = with_values(totals, sides, known)
    processes = trainer.group.world_size
    taught = labeled.to_dict() if labeled is not None else None
    transfer = start.transfer
    calibrated = None if calibration is None else calibration.model_dump(mode="json")
    parts = transfer, processes, taught, calibrated
    run.finish(data, __version__, facts, scores, selection, epochs, *parts)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _start(
    settings: RunSettings,
    progress: Progress,
    cache: str | Path | None,
    labeled: Path | None,
    group: ProcessGroup,
) -> Start:
    """Prepare the data, and make the tagger that is trained."""
    folder = Path(cache) if cache is not None else None
    if settings.system == "encoder":
        device = find_device(group.device(settings.training.device), "training.device")
        return start_on_encoder(
            settings, read_parts(settings, progress).values(), folder, device, progress
        )
    data, test = _prepare(settings, progress, folder, labeled)
    check_selection(settings.training, data)
    if problem := data.train.many_lost():
        progress.warn(f"corpus.train: {problem}")
    if data.labeled is not None and labeled is not None and (problem := data.labeled.many_lost()):
        progress.warn(f"{labeled.name}: sentences are left out, since {problem}")
    return start_tagger(settings, data, test, progress)


def _has_more(settings: RunSettings) -> bool:
    """Whether there is more to learn from than gold."""
    parts = (settings.teach, settings.joint, settings.contexts)
    return any(part is not None for part in parts)


def _label(
    settings: RunSettings, run: Run, cache: str | Path | None, progress: Progress
) -> Labeled | None:
    """Write what is learned beside gold; a kill loses little of what teachers have labeled."""
    if not _has_more(settings):
        return None
    run.claim()
    found = Path(cache) if cache is not None else run.folder / "found"
    return write_lessons(settings, run.labeled, found, progress)


def _prepare(
    settings: RunSettings, progress: Progress, cache: str | Path | None, labeled: Path | None
) -> tuple[Dataset, Iterable[Sentence]]:
    """Encode the corpora in memory or load them from the cache; return the test sentences too."""
    test: Iterable[Sentence]
    if cache is not None:
        data, test = load_dataset(Path(cache), settings, progress, labeled=labeled)
    else:
        train, dev, unread = read_parts(settings, progress).values()
        test = list(unread)
        taught = None
        if labeled is not None:
            cut = segmenter_of(settings.text)
            taught = segmented(read_jsonl(labeled), cut, settings.text.keep_tokens)
        data = prepare(train, dev, test, settings.model, settings.vectors, taught)
    if settings.vectors is not None and data.vectors is not None and data.coverage is not None:
        progress.say(f"vectors: {data.coverage}")
        if not data.coverage.types.percent:
            problem = "not one word of the training text has a vector"
            progress.warn(f"{problem}; take vectors of its language, or none: --set vectors=null")
        n_others = len(data.words.strings) - data.words.n_seen
        size = n_others * data.vectors.width * (1 if settings.vectors.precision == "int8" else 4)
        if size > _MUCH:
            what = f"vectors of {n_others:,} words outside the training text"
            remedy = "vectors.most_words=200000 keeps the most frequent"
            progress.warn(f"{what} take {size / 1e6:,.0f} MB of the model; {remedy}")
    return data, test
