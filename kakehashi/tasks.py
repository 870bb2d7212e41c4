"""One function per verb, for the command line, for experiments, and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from kakehashi.config.settings import RunSettings
from kakehashi.corpora.corpus import load_corpora
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.corpora.segmentation import segmented
from kakehashi.data.origins import corpus_fingerprint, features_fingerprint
from kakehashi.data.prepared import Prepared, prepare
from kakehashi.data.store import Store
from kakehashi.errors import ConfigError
from kakehashi.files import sha256_of
from kakehashi.inference.recognizer import Recognizer
from kakehashi.model.device import find_device
from kakehashi.model.storage import MANIFEST, find_model
from kakehashi.model.threads import limited_threads
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence
from kakehashi.systems.catalogue import load_system
from kakehashi.text.segment import Segmenter, segmenter_of
from kakehashi.tracking.catalogue import open_trackers
from kakehashi.tracking.tracking import Tracking
from kakehashi.training.job import Job
from kakehashi.training.parallel import ALONE, Alone
from kakehashi.training.result import Result
from kakehashi.training.runs import Run
from kakehashi.training.system import Texts, train_system

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
) -> tuple[Iterable[Sentence], Prepared]:
    """Read, segment and encode the corpora, or map the store of them; give the test sentences."""
    test: Iterable[Sentence]
    if cache is not None:
        store = Store(Path(cache), settings, progress)
        test, data = store.test_sentences(), store.prepared()
    else:
        train, dev, unread = _read(settings, segmenter_of(settings.text), progress)
        test = list(unread)
        data = prepare(train, dev, test, settings.model, settings.vectors)
    if data.coverage is not None:
        progress.say(f"vectors: {data.coverage}")
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
