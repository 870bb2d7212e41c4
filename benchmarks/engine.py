"""What our engine and the baseline share: encoded corpora, features, initial weights."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.place import PARTS, Place
from kakehashi.config.architecture import ModelSettings
from kakehashi.data.dataset import Dataset, prepare
from kakehashi.data.encode import EncodedCorpus, encode
from kakehashi.data.vocabulary import Channels, Form, FormFeatures, Vocabulary, featurize
from kakehashi.runtime.model_folder import TrainedModel
from kakehashi.sentence import Sentence

if TYPE_CHECKING:  # torch, which tagging does without
    from kakehashi.model.tagger import Tagger
    from kakehashi.training.trainer import Trainer


def prepare_whole(place: Place) -> Dataset:
    """Encode the corpora of a place."""
    train, dev, test = map(place.sentences, PARTS)
    return prepare(train, dev, test, place.settings.model, place.settings.vectors)


def prepare_slice(place: Place) -> Dataset:
    """Encode the slice of the training set, and one sentence to select on.

    Vocabularies and vectors are those of the whole, since embeddings cost by their rows.
    """
    data = prepare_whole(place)
    forms: dict[Form, int] = {}
    train = encode(place.sentences("train", place.slice_sentences), forms)
    dev = encode(place.sentences("dev", 1), forms)
    features = featurize_as(place.settings.model, forms, data.words, data.ngrams)
    return replace(data, train=train, dev=dev, test=dev, features=features)


def encode_for(
    model: Tagger | TrainedModel, sentences: Sequence[Sentence]
) -> tuple[EncodedCorpus, FormFeatures]:
    """Encode sentences for a model, and look up what it sees of them."""
    forms: dict[Form, int] = {}
    corpus = encode(sentences, forms)
    return corpus, featurize_as(model.settings, forms, model.words, model.ngrams)


def featurize_as(
    settings: ModelSettings, forms: Collection[Form], words: Vocabulary, ngrams: Vocabulary
) -> FormFeatures:
    """Look up the features of some forms by the settings of a model."""
    channels = Channels(settings.word_view, settings.char_view, settings.ngram)
    return featurize(forms, channels, words, ngrams)


def train_all(trainer: Trainer) -> None:
    """Train all epochs, and load the best."""
    while not trainer.stopped_by:
        for _ in trainer.train_epoch():
            pass
        trainer.end_epoch()
    trainer.load_best()
