"""From segmented sentences and settings to what a tagger trains on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.config.settings import ModelSettings, VectorsSettings
from kakehashi.data.encode import (
    Channels,
    EncodedCorpus,
    FormFeatures,
    Forms,
    count_words,
    encode,
    featurize,
    ngram_vocabulary,
)
from kakehashi.data.vectors import Coverage, Vectors, read_vectors
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.errors import ConfigError
from kakehashi.sentence import Sentence
from kakehashi.tags import Tagset


@dataclass(frozen=True)
class Prepared:
    """Encoded corpora with the vocabularies of the training set.

    Attributes:
        train: The sentences to learn from.
        dev: The sentences to select on.
        test: The sentences to test on.
        features: Word and n-gram ids of every form of the three.
        words: Words of the training set, then those known from vectors only.
        ngrams: N-grams of the training set.
        tagset: The tags of the training set.
        vectors: Pre-trained vectors of the words, or None.
        coverage: How many of the training words have a vector, or None.
        once: Whether a word id occurs just once in training (words,) bool.
    """

    train: EncodedCorpus
    dev: EncodedCorpus
    test: EncodedCorpus
    features: FormFeatures
    words: Vocabulary
    ngrams: Vocabulary
    tagset: Tagset
    vectors: Vectors | None
    coverage: Coverage | None
    once: npt.NDArray[np.bool_]

    def summary(self) -> dict[str, object]:
        """Count sentences, tokens, entities, words and n-grams, for the report of a run."""
        parts = {"train": self.train, "dev": self.dev, "test": self.test}
        return {
            **{name: corpus.summary() for name, corpus in parts.items()},
            "words": self.words.n_seen,
            "ngrams": self.ngrams.n_seen,
            "types": list(self.tagset.types),
            "vectors": self.coverage.to_dict() if self.coverage is not None else None,
        }

    def fingerprint(self) -> str:
        """Hash what training depends on beside the settings: tokens, features, gold spans."""
        digest = hashlib.sha256()
        corpora = (self.train, self.dev, self.test)
        for corpus in corpora:
            for array in (corpus.forms, corpus.offsets, corpus.tags):
                digest.update(array.data)
        for array in (self.features.words, self.features.ngrams, self.features.offsets):
            digest.update(array.data)
        names = [(corpus.types, sorted(corpus.missed.items())) for corpus in corpora]
        digest.update(repr((names, self.words.strings, self.ngrams.strings)).encode())
        if self.vectors is not None:
            digest.update(self.vectors.matrix.data)
        return digest.hexdigest()


class Encoded(NamedTuple):
    """The three corpora of a run, and the forms that they share."""

    train: EncodedCorpus
    dev: EncodedCorpus
    test: EncodedCorpus
    forms: Forms


class Features(NamedTuple):
    """What the settings of a model make of encoded corpora; described in `Prepared`."""

    features: FormFeatures
    words: Vocabulary
    ngrams: Vocabulary
    vectors: Vectors | None
    coverage: Coverage | None
    once: npt.NDArray[np.bool_]


def prepare(
    train: Iterable[Sentence],
    dev: Iterable[Sentence],
    test: Iterable[Sentence],
    model: ModelSettings,
    vectors: VectorsSettings | None = None,
) -> Prepared:
    """Encode the corpora in memory, and build the vocabularies of the training set.

    Raises:
        ConfigError: If the training set holds no entity, or the word width is not the vectors'.
        CorpusError: If the vectors cannot be read.
    """
    forms = Forms()
    encoded = Encoded(encode(train, forms), encode(dev, forms), encode(test, forms), forms)
    return assembled(encoded, build_features(encoded, model, vectors), model)


def build_features(
    encoded: Encoded, model: ModelSettings, vectors: VectorsSettings | None
) -> Features:
    """Build the vocabularies of the training set, and look up every form in them.

    Raises:
        CorpusError: If the vectors cannot be read.
    """
    train, dev, test, forms = encoded
    channels = Channels(model.word_view, model.char_view, model.ngram)
    counts = count_words(train, forms, channels)
    elsewhere = count_words(dev, forms, channels) | count_words(test, forms, channels)
    table = _read(vectors, counts, elsewhere) if vectors is not None else None
    words = Vocabulary.from_counts(counts, table.words if table is not None else ())
    ngrams = ngram_vocabulary(train, forms, channels)
    once = np.zeros(len(words), dtype=np.bool_)
    once[[row for word, row in words.seen.items() if counts[word] == 1]] = True
    features = featurize(list(forms.ids), channels, words, ngrams)
    coverage = table.coverage(counts) if table is not None else None
    return Features(features, words, ngrams, table, coverage, once)


def assembled(encoded: Encoded, features: Features, model: ModelSettings) -> Prepared:
    """Put together what a tagger trains on.

    Raises:
        ConfigError: If the training set holds no entity, or the word width is not the vectors'.
    """
    tagset = Tagset(encoded.train.types, model.scheme)
    if not tagset.types:
        raise ConfigError("corpus.train", "no sentence to train on has an entity")
    vectors = features.vectors
    if vectors is not None and model.word_width not in (None, vectors.width):
        raise ConfigError(
            "model.word_width",
            f"is {model.word_width}, but the vectors are {vectors.width} wide;"
            " leave it out to take theirs",
        )
    train, dev, test, _ = encoded
    return Prepared(train=train, dev=dev, test=test, tagset=tagset, **features._asdict())


def _read(settings: VectorsSettings, counts: Counter[str], elsewhere: Counter[str]) -> Vectors:
    wanted = {"none": counts.keys(), "corpus": counts.keys() | elsewhere.keys(), "all": None}
    vectors = read_vectors(settings.path, settings.format, wanted=wanted[settings.extra_words])
    return vectors.lower_cased() if settings.extra_words == "all" else vectors
