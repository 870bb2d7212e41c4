"""From segmented sentences and settings to what a tagger trains on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import numpy.typing as npt

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.settings import VectorsSettings
from kakehashi.data.alignment import align_files
from kakehashi.data.encode import EncodedCorpus, encode, sorted_types
from kakehashi.data.vectors import Coverage, Vectors, read_vectors
from kakehashi.data.vocabulary import Channels, Form, FormFeatures, Vocabulary, featurize
from kakehashi.errors import ConfigError
from kakehashi.sentence import Sentence
from kakehashi.tags import Tagset

Corpora = tuple[EncodedCorpus, EncodedCorpus, EncodedCorpus]
"""Sentences to learn from, to select on, and to test on."""


@dataclass(frozen=True)
class Dataset:
    """Encoded corpora with the vocabularies and the tags of what is learned from.

    That is ``train``, with gold labels, and ``labeled``, with those of teachers.
    """

    train: EncodedCorpus
    dev: EncodedCorpus
    test: EncodedCorpus
    features: FormFeatures  # of every form of them all
    words: Vocabulary  # words that are learned from, then those known from vectors only
    ngrams: Vocabulary
    tagset: Tagset
    vectors: Vectors | None
    coverage: Coverage | None  # how many of the training words have a vector
    once: npt.NDArray[np.bool_]  # whether a word id occurs just once in training (words,)
    labeled: EncodedCorpus | None = None

    def summary(self) -> dict[str, object]:
        """Count sentences, tokens, entities, words and n-grams, for the report of a run."""
        parts = {"train": self.train, "dev": self.dev, "test": self.test}
        parts |= {"labeled": self.labeled} if self.labeled is not None else {}
        return {
            **{name: corpus.summary() for name, corpus in parts.items()},
            "words": self.words.n_seen,
            "ngrams": self.ngrams.n_seen,
            "types": list(self.tagset.types),
            "vectors": self.coverage.to_dict() if self.coverage is not None else None,
        }

    def fingerprint(self) -> str:
        """Hash what training depends on beside the settings: tokens, features, gold spans."""
        parts = (self.train, self.dev, self.test, self.labeled)
        corpora = [corpus for corpus in parts if corpus is not None]
        arrays = [
            array
            for each in corpora
            for array in (each.forms, each.offsets, each.tags, each.classes)
        ]
        digest = hashlib.sha256()
        for array in (*arrays, *self.features):
            digest.update(array.data)
        names = [(corpus.types, sorted(corpus.missed.items())) for corpus in corpora]
        digest.update(repr((names, self.words.strings, self.ngrams.strings)).encode())
        if self.vectors is not None:
            digest.update(self.vectors.matrix.data)
        return digest.hexdigest()


def prepare(
    train: Iterable[Sentence],
    dev: Iterable[Sentence],
    test: Iterable[Sentence],
    model: ModelSettings,
    vectors: VectorsSettings | None = None,
    labeled: Iterable[Sentence] | None = None,
) -> Dataset:
    """Encode segmented sentences in memory, and build the vocabularies of what is learned from.

    `ConfigError` if that holds no entity, or the word width is not the vectors'.
    """
    forms: dict[Form, int] = {}
    corpora = (encode(train, forms), encode(dev, forms), encode(test, forms))
    taught = None if labeled is None else encode(labeled, forms)
    return build_dataset(corpora, list(forms), model, vectors, taught)


def build_dataset(
    corpora: Corpora,
    forms: list[Form],
    model: ModelSettings,
    settings: VectorsSettings | None,
    labeled: EncodedCorpus | None = None,
) -> Dataset:
    """Build the vocabularies of what is learned from; see `prepare`. The forms are all of them."""
    lessons = [corpora[0], *([] if labeled is None else [labeled])]
    channels = Channels(model.word_view, model.char_view, model.ngram)
    word_counts, ngram_counts = Counter[str](), Counter[str]()
    for form, count in chain.from_iterable(each.count_forms(forms) for each in lessons):
        word_counts[channels.word_of(form)] += count
        for ngram in channels.ngrams_of(form):
            ngram_counts[ngram] += count
    vectors = coverage = None
    if settings is not None:
        wanted: Collection[str] = word_counts
        if settings.extra_words == "corpus":
            found = (form for corpus in corpora for form, _ in corpus.count_forms(forms))
            wanted = set(map(channels.word_of, found))
        first = settings.most_words if settings.extra_words == "all" else 0
        vectors = read_vectors(settings.path, settings.format, wanted=wanted, first=first)
        if settings.align_to is not None:
            rotation = align_files(settings.align_to, settings.path, settings.format).rotation
            vectors = replace(vectors, matrix=vectors.matrix @ rotation)
        coverage = vectors.coverage(word_counts)
    words = Vocabulary.from_counts(word_counts, vectors.rows if vectors is not None else ())
    ngrams = Vocabulary.from_counts(ngram_counts)
    once = np.zeros(len(words), dtype=np.bool_)
    once[[row for word, row in words.seen.items() if word_counts[word] == 1]] = True
    features = featurize(forms, channels, words, ngrams)
    tagset = tagset_of(lessons, model, vectors)
    return Dataset(*corpora, features, words, ngrams, tagset, vectors, coverage, once, labeled)


def tagset_of(
    lessons: Iterable[EncodedCorpus], model: ModelSettings, vectors: Vectors | None
) -> Tagset:
    """Make the tagset of what is learned from, if the settings of the model fit the data."""
    types = sorted_types(kind for corpus in lessons for kind in corpus.types)
    tagset = Tagset(types, model.scheme)
    if not tagset.types:
        raise ConfigError("corpus.train", "no sentence to train on has an entity")
    if vectors is not None and model.word_width not in (None, vectors.width):
        found = f"is {model.word_width}, but the vectors are {vectors.width} wide"
        raise ConfigError("model.word_width", f"{found}; leave it out to take theirs")
    return tagset
