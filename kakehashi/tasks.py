"""One function per verb, for the command line, for experiments, and for programs."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from kakehashi import __version__
from kakehashi.config.settings import RunSettings
from kakehashi.corpora.corpus import load_corpora
from kakehashi.corpora.formats import guess_source
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.corpora.segmentation import segmented
from kakehashi.corpora.writing import Written, written_lines
from kakehashi.data.prepared import Prepared, prepare
from kakehashi.errors import RunError
from kakehashi.files import sha256_of
from kakehashi.inference.recognizer import Recognizer
from kakehashi.model.storage import Model, find_model, load_model, save_model
from kakehashi.model.tagger import Tagger
from kakehashi.model.transfer import TransferPlan, apply_transfer, plan_transfer
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence
from kakehashi.text.segment import load_segmenter
from kakehashi.training.runs import Run
from kakehashi.training.trainer import Trainer


def run_folder(settings: RunSettings) -> Path:
    """Name the folder of a run after its config, its transfer and its seed."""
    transfer = settings.transfer
    groups = f"-{'+'.join(transfer.groups)}" if transfer is not None else ""
    return Path("runs") / f"{settings.name}{groups}-seed{settings.training.seed}"


def train(
    settings: RunSettings, folder: str | Path | None = None, progress: Progress | None = None
) -> Path:
    """Train a recognizer, from random weights or from a source model.

    An interrupted run goes on where it stopped when it is started again with the same settings;
    Ctrl-C leaves the best model so far in it.

    Args:
        settings: What to train, on what, and how.
        folder: The run folder; default `run_folder`.
        progress: Is told how far it is.

    Returns:
        The run folder, with ``result.json`` and the model.

    Raises:
        KakehashiError: If the folder is taken, or settings, corpora or source are not as they
            should be; nothing is written then.
        KeyboardInterrupt: After Ctrl-C, when the best model so far is saved.
    """
    progress = progress or Progress()
    run = Run(Path(folder) if folder is not None else run_folder(settings), settings)
    source = load_model(settings.transfer.source) if settings.transfer is not None else None
    test, data = _prepare(settings, progress)
    if data.coverage is not None:
        progress.say(f"vectors: {data.coverage}")
    with _threads(settings.training.threads):
        return _train(settings, run, source, test, data, progress)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(
    settings: RunSettings,
    run: Run,
    source: Model | None,
    test: list[Sentence],
    data: Prepared,
    progress: Progress,
) -> Path:
    torch.manual_seed(settings.training.seed)
    tagger = _new_tagger(settings, data)
    plan = _transfer(settings, source, tagger)
    trainer = Trainer(tagger, data, settings.training, _fingerprint(settings, data), progress)
    checkpoint = run.load_checkpoint(trainer.fingerprint)
    run.start()
    if plan is not None:
        progress.say(str(plan))
        run.save_transfer(plan.to_dict())
    if checkpoint is not None:
        trainer.resume(checkpoint)
        progress.say(f"going on after epoch {len(trainer.history)} in {run.folder}")
    model = Model(settings.name, tagger, settings.text)
    try:
        trainer.train(lambda: _record(run, trainer))
    except KeyboardInterrupt:
        if trainer.history:
            save_model(run.model, model)
            progress.say(f"stopped; the model of epoch {trainer.best.number} is in {run.model}")
        raise
    save_model(run.model, model)
    recognizer = Recognizer(model)
    predictions = progress.track(recognizer.annotate(test), "tagging the test set", len(test))
    write_jsonl(run.predictions, predictions)
    run.finish(_result(settings, data, trainer, plan, recognizer.segmenter.signature))
    return run.folder


def predict_lines(
    model: str | Path, texts: Iterable[str], format: str, *, at_once: bool = False
) -> Iterator[str]:
    """Find the entities of texts, and write them in a format.

    Args:
        model: Model or run folder.
        texts: One sentence each; an empty one gives an empty sentence.
        format: ``jsonl``, ``columns`` or ``inline``.
        at_once: Answer each text as it comes, as somebody who types wants it.

    Yields:
        Lines of the output.
    """
    recognizer = Recognizer.load(model)
    found: Iterator[Sentence]
    if at_once:
        found = (sentence for text in texts for sentence in recognizer.recognize([text]))
    else:
        found = recognizer.recognize(texts)
    source = guess_source("standard output", format, **_output_settings(recognizer, format))
    yield from written_lines(found, source, Written())


def _output_settings(recognizer: Recognizer, format: str) -> dict[str, object]:
    if format == "columns":
        return {"separator": "\t"}
    return {"types": recognizer.model.tagger.tagset.types} if format == "inline" else {}


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


def _prepare(settings: RunSettings, progress: Progress) -> tuple[list[Sentence], Prepared]:
    """Read, segment and encode the corpora; give the test sentences along."""
    segmenter = load_segmenter(settings.text.segmenter, cut_scripts=settings.text.cut_scripts)
    corpora = load_corpora(settings.corpus)

    def segment(part: str, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        tokens = segmented(sentences, segmenter, settings.text.keep_tokens)
        return progress.track(tokens, f"reading {part}")

    test = list(segment("test", corpora.test))
    train, dev = segment("train", corpora.train), segment("dev", corpora.dev)
    return test, prepare(train, dev, test, settings.model, settings.vectors)


def _new_tagger(settings: RunSettings, data: Prepared) -> Tagger:
    model = settings.model
    if data.vectors is not None:
        model = model.model_copy(update={"word_width": data.vectors.width})
    tagger = Tagger(model, data.words, data.ngrams, data.tagset)
    if data.vectors is not None:
        tagger.take_vectors(data.vectors)
    return tagger


def _transfer(settings: RunSettings, source: Model | None, tagger: Tagger) -> TransferPlan | None:
    if settings.transfer is None or source is None:
        return None
    plan = plan_transfer(
        source.tagger, tagger, settings.transfer.groups, name=settings.transfer.source
    )
    apply_transfer(plan, source.tagger, tagger)
    return plan


def _fingerprint(settings: RunSettings, data: Prepared) -> str:
    """Hash all that the weights depend on, so that a checkpoint is not taken for another's."""
    source = settings.transfer.source if settings.transfer is not None else None
    parts = [
        json.dumps(settings.model_dump(mode="json"), sort_keys=True),
        data.fingerprint(),
        sha256_of(find_model(source) / "weights.safetensors") if source is not None else "",
        f"{__version__} {torch.get_num_threads()}",
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _record(run: Run, trainer: Trainer) -> None:
    epochs = [vars(epoch) for epoch in trainer.history]
    run.save_checkpoint(trainer.checkpoint())
    run.save_epochs(epochs)
    run.log(json.dumps(epochs[-1]))


def _result(
    settings: RunSettings, data: Prepared, trainer: Trainer, plan: TransferPlan | None, text: str
) -> dict[str, Any]:
    training, best = settings.training, trainer.best
    facts = {
        "corpus": settings.name,
        "mapping": settings.corpus.mapping or "none",
        "text": text,
        "select": training.select,
        "epoch": best.number,
        "seed": training.seed,
    }
    return {
        "name": settings.name,
        "kakehashi": __version__,
        "dev": trainer.evaluate(data.dev).extended(facts).to_dict(),
        "test": trainer.evaluate(data.test).extended(facts).to_dict() if len(data.test) else None,
        "selection": {"by": training.select, "epoch": best.number},
        "epochs": [vars(epoch) for epoch in trainer.history],
        "transfer": plan.to_dict() if plan is not None else None,
        "corpus": data.summary(),
        "settings": settings.model_dump(mode="json"),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }
