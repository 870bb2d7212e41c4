"""One training of a baseline, as a run like those of our recognizer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from kakehashi.baselines import BASELINES, version_of
from kakehashi.config.settings import RunSettings
from kakehashi.corpora.corpus import read_parts
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.data.dataset import prepare
from kakehashi.files import write_atomically
from kakehashi.progress import Progress
from kakehashi.scoring.compare import known_values, with_values
from kakehashi.scoring.score import score_spans
from kakehashi.sentence import Sentence, Span, mentions_from_spans
from kakehashi.text.segment import segmenter_of
from kakehashi.training.checkpoint import Epoch
from kakehashi.training.run import Run


def train_baseline(settings: RunSettings, run: Run, progress: Progress) -> None:
    """Train a baseline; to us that is one epoch, and what it does with dev is its own affair."""
    baseline = BASELINES[settings.system](settings.training.seed)
    release = version_of(settings.system)
    train, dev, test = map(list, read_parts(settings, progress).values())
    data = prepare(train, dev, test, settings.model)
    if problem := data.train.many_lost():
        progress.warn(f"corpus.train: {problem}")
    run.begin()
    progress.say(f"training {settings.system} {release}")
    began = time.perf_counter()
    baseline.fit(train, dev, progress)
    seconds, spans = time.perf_counter() - began, [baseline.tag(dev), baseline.tag(test)]
    totals = [
        score_spans(corpus.spans, found, lost=corpus.lost) if len(corpus) else None
        for corpus, found in zip((data.dev, data.test), spans, strict=True)
    ]
    tagged = [list(map(_with_spans, *sides)) for sides in zip((dev, test), spans, strict=True)]
    scores = with_values(totals, zip((dev, test), tagged, strict=True), known_values(train))
    on_dev, on_test = (score.f1 if score is not None else None for score in scores)
    epoch: Epoch = {"number": 1, "updates": None, "loss": None, "seconds": seconds, "dev": on_dev}
    epoch["test"] = on_test if settings.training.test_epochs else None
    run.save_epochs([epoch])
    write_jsonl(run.predictions, tagged[1])
    if baseline.model:
        write_atomically(run.folder / f"model.{settings.system}", baseline.model)
    seed = {} if baseline.deterministic else {"seed": settings.training.seed}
    system = f"{settings.system} {release}"
    facts = {"text": segmenter_of(settings.text).signature, "system": system, **seed}
    selection: dict[str, object] = {"by": "dev" if dev else "last", "epoch": 1}
    if baseline.chosen:
        selection |= {"chosen": dict(baseline.chosen), "tried": list(baseline.tried)}
    run.finish(data, release, facts, scores, selection, [epoch])


def _with_spans(sentence: Sentence, spans: Sequence[Span]) -> Sentence:
    mentions = mentions_from_spans(sentence.text, sentence.tokens or (), spans)
    return replace(sentence, mentions=mentions)
