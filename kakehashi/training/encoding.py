"""What a training on an encoder starts from: states of all sentences, and the initial tagger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from kakehashi.config.settings import EncoderSettings, RunSettings
from kakehashi.corpora.corpus import Corpus, read_parts, segmented
from kakehashi.data.dataset import Dataset
from kakehashi.data.encode import EncodedCorpus, encode
from kakehashi.data.vocabulary import Form, FormFeatures, Vocabulary
from kakehashi.encoders.encoder_folder import EncoderModel, load_encoder_model, save_encoder_model
from kakehashi.encoders.encoder_recognizer import EncoderRecognizer, forms_of
from kakehashi.encoders.encoder_tagger import EncoderTagger, States
from kakehashi.encoders.states import StateStore
from kakehashi.errors import ConfigError
from kakehashi.model.device import find_device
from kakehashi.model.transfer import apply_transfer, plan_transfer
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence
from kakehashi.tags import Tagset
from kakehashi.text.edges import EdgeRules
from kakehashi.text.segment import segmenter_of
from kakehashi.training.initial import Start
from kakehashi.training.trainer import check_selection

_STANDARD_TOKENS = 20_000  # of training, then dev text, by which states are standardized


def prepare_states(
    corpora: Sequence[Iterable[Sentence]], store: StateStore, types: Iterable[str]
) -> tuple[Dataset, States]:
    """Encode segmented sentences to train, select and test on; their tokens are numbered through.

    The tagset has the entity types of the training set and ``types``, those of a source.
    `ConfigError` if there are none.
    """
    forms: dict[Form, int] = {}
    parts: list[EncodedCorpus] = []
    rows = []
    n_tokens = 0
    for corpus in corpora:
        sentences = list(corpus)
        encoded = encode(sentences, forms)
        rows.append(store.rows_of([forms_of(sentence.tokens or ()) for sentence in sentences]))
        numbers = np.arange(n_tokens, n_tokens + len(encoded.forms), dtype=np.int32)
        parts.append(replace(encoded, forms=numbers))
        n_tokens += len(numbers)
    train, dev, test = parts
    tagset = Tagset(tuple(sorted({*train.types, *types})))
    if not tagset.types:
        raise ConfigError("corpus.train", "no sentence to train on has an entity")
    none = np.zeros(0, np.int64)
    features = FormFeatures(np.arange(n_tokens), none, np.zeros(n_tokens + 1, np.int64))
    vocabularies, once = (Vocabulary(()), Vocabulary(())), np.zeros(n_tokens, np.bool_)
    data = Dataset(train, dev, test, features, *vocabularies, tagset, None, None, once)
    return data, States(store.states, np.concatenate(rows))


def encode_corpora(
    settings: RunSettings, cache: Path, progress: Progress
) -> Iterator[tuple[str, int, int, int]]:
    """Compute the states that a training with these settings takes from the folder ``cache``.

    Yields for train, dev and test its name, sentences, tokens, and how many tokens were computed
    now: those of sentences that are new, once each. Raises what `StateStore` does.
    """
    device = find_device(settings.training.device, "training.device")
    store = StateStore(cache, encoder_of(settings), device, progress)
    for name, part in read_parts(settings, progress).items():
        sentences, n_before = [forms_of(each.tokens or ()) for each in part], len(store.states)
        rows = store.rows_of(sentences)
        yield name, len(sentences), len(rows), len(store.states) - n_before


def encoder_of(settings: RunSettings) -> EncoderSettings:
    """Return the encoder of a run of system ``encoder``."""
    if settings.encoder is None:
        raise ValueError("these settings have no [encoder]")
    return settings.encoder


def start_on_encoder(
    settings: RunSettings,
    corpora: Iterable[Iterable[Sentence]],
    cache: Path | None,
    device: torch.device,
    progress: Progress,
) -> Start:
    """Encode segmented sentences, to train, select and test on, and make the initial tagger.

    States are kept in the folder ``cache``, or as long as the training goes on. Raises what
    `StateStore` and `load_encoder_model` do; `ConfigError` if the source reads other states.
    """
    encoder, transfer, source, plan = encoder_of(settings), settings.transfer, None, None
    store = StateStore(cache, encoder, device, progress)
    if transfer is not None:
        source = load_encoder_model(transfer.source)
        _check_source(transfer.source, source, encoder, store.fingerprint)
    train, dev, test = map(list, corpora)
    types = source.tagset.types if source is not None else ()
    data, states = prepare_states((train, dev, test), store, types)
    check_selection(settings.training, data)
    torch.manual_seed(settings.training.seed)
    tagger = EncoderTagger(encoder, store.width, data.tagset)
    tagger.states = states
    text = np.concatenate([data.train.forms, data.dev.forms])[:_STANDARD_TOKENS]
    tagger.word.standardize(states.of(text) if len(text) else _unlabeled(settings, store))
    if source is not None and transfer is not None:
        plan = plan_transfer(source.tagger, tagger, transfer.groups, name=transfer.source)
        apply_transfer(plan, source.tagger, tagger)
        progress.say(str(plan))
    facts = settings.text, store.fingerprint, segmenter_of(settings.text).signature
    model = partial(EncoderModel, settings.name, tagger, *facts)

    def save(folder: Path, edges: EdgeRules | None) -> None:
        save_encoder_model(folder, model(edges))

    return Start(
        data, test, tagger, plan, save, lambda edges: EncoderRecognizer(model(edges), store)
    )


def _unlabeled(settings: RunSettings, store: StateStore) -> torch.Tensor:
    """Encode the training text that is there without labels, where `train_size` is 0.

    `ConfigError` if there is none.
    """
    corpus, sentences, n_tokens = settings.corpus, [], 0
    texts = Corpus.from_sources(corpus.train or corpus.all)
    for text in segmented(texts, segmenter_of(settings.text), settings.text.keep_tokens):
        sentences.append(forms_of(text.tokens or ()))
        n_tokens += len(sentences[-1])
        if n_tokens >= _STANDARD_TOKENS:
            break
    rows = store.rows_of(sentences)
    if not len(rows):
        raise ConfigError("corpus", "has no text to train on or to select by")
    return States(store.states, rows).of(np.arange(len(rows))[:_STANDARD_TOKENS])


def _check_source(
    path: str, source: EncoderModel, encoder: EncoderSettings, fingerprint: str
) -> None:
    theirs = source.tagger.settings
    for key, came, expected in (
        ("files of the encoder", source.fingerprint[:12], fingerprint[:12]),
        ("encoder.layers", theirs.layers, encoder.layers),
        ("encoder.precision", theirs.precision, encoder.precision),
    ):
        if came != expected:
            problem = f"{path} was trained on other states: {key} {came}, and here {expected}"
            raise ConfigError("transfer.source", f"{problem}; train both alike")
