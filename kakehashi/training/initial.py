"""The tagger that a training starts from: random weights, vectors, what a source has learned."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.settings import RunSettings, VectorsSettings
from kakehashi.data.dataset import Dataset
from kakehashi.errors import ConfigError
from kakehashi.model.folder import Model, load_model, save_model
from kakehashi.model.sequence_tagger import SequenceTagger
from kakehashi.model.tagger import Tagger
from kakehashi.model.transfer import TransferPlan, apply_transfer, plan_transfer
from kakehashi.progress import Progress
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.sentence import Sentence
from kakehashi.text.edges import EdgeRules


class Start(NamedTuple):
    """What a training starts from."""

    data: Dataset
    test: Iterable[Sentence]  # the segmented sentences of its test set
    tagger: SequenceTagger  # on the CPU
    plan: TransferPlan | None  # what has been copied into the tagger
    save: Callable[[Path, EdgeRules | None], None]  # writes a model folder of the tagger
    recognizer: Callable[[EdgeRules | None], Recognizer]  # of the tagger as it is then

    @property
    def transfer(self) -> dict[str, object] | None:
        """The plan as JSON."""
        return self.plan.to_dict() if self.plan is not None else None


def start_tagger(
    settings: RunSettings, data: Dataset, test: Iterable[Sentence], progress: Progress
) -> Start:
    """Make the tagger of a run, and copy into it what is transferred."""
    transfer, plan = settings.transfer, None
    if settings.model.decoder == "crf":
        check_crf_memory(len(data.tagset), progress)
    torch.manual_seed(settings.training.seed)
    tagger = new_tagger(data, settings.model, settings.vectors)
    if transfer is not None:
        source = load_model(transfer.source).tagger
        plan = plan_transfer(source, tagger, transfer.groups, name=transfer.source)
        apply_transfer(plan, source, tagger)
        progress.say(str(plan))
    model = partial(Model, settings.name, tagger, settings.text)

    def save(folder: Path, edges: EdgeRules | None) -> None:
        save_model(folder, model(edges))

    return Start(data, test, tagger, plan, save, lambda edges: Recognizer(model(edges).trained()))


def new_tagger(
    data: Dataset, settings: ModelSettings, vectors: VectorsSettings | None = None
) -> Tagger:
    """Draw initial weights, and take the vectors where there are some."""
    n_compact = 0
    if data.vectors is not None:
        settings = settings.model_copy(update={"word_width": data.vectors.width})
    if vectors is not None and vectors.precision == "int8":
        n_compact = len(data.words.strings) - data.words.n_seen
    tagger = Tagger(settings, data.words, data.ngrams, data.tagset, n_compact)
    if data.vectors is not None:
        tagger.take_vectors(data.vectors)
    return tagger


def check_crf_memory(n_tags: int, progress: Progress) -> None:
    """Warn before training of what a CRF over many tags costs; `ConfigError` if it is too much."""
    pairs = (n_tags + 1) ** 2
    needed = 64 * pairs / 1e9  # weights, gradients, Adam, best weights, float64 copies; measured
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    cost = f"a CRF over {n_tags:,} tags scores {pairs:,} pairs of them: {needed:,.1f} GB of memory"
    remedy = 'model.decoder = "softmax" needs none'
    if needed > there:
        raise ConfigError("model.decoder", f"{cost}, and this machine has {there:,.1f}; {remedy}")
    if pairs >= 1_000_000:
        progress.warn(f"{cost} in training, and time that grows likewise; {remedy}")
