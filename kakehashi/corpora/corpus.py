"""Corpora: sentences that can be read again and again, mapped, sampled, and cut in three."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import compress

from kakehashi.config.settings import CorpusSettings, Split
from kakehashi.config.sources import Source
from kakehashi.corpora.checks import excerpt
from kakehashi.corpora.formats import read_source, source_name
from kakehashi.corpora.mappings import load_mapping
from kakehashi.corpora.splitting import DEV, TEST, TRAIN, assign
from kakehashi.errors import ConfigError, TagError
from kakehashi.sentence import Sentence
from kakehashi.tags import TypeMapping


@dataclass(frozen=True)
class Corpus:
    """Sentences that every iteration reads anew; none is kept in memory.

    Attributes:
        name: Where they come from, for messages.
        read: Begins to read them.
    """

    name: str
    read: Callable[[], Iterator[Sentence]]

    @classmethod
    def from_sources(cls, sources: Iterable[Source]) -> Corpus:
        """Join sources in their order."""
        sources = tuple(sources)
        return cls(
            ", ".join(map(source_name, sources)),
            lambda: (sentence for source in sources for sentence in read_source(source)),
        )

    def __iter__(self) -> Iterator[Sentence]:
        """Read the sentences."""
        return self.read()

    def map_types(self, mapping: TypeMapping) -> Corpus:
        """Give the mentions the types of another corpus.

        Raises:
            TagError: When read, at a mention whose type the mapping does not name.
        """

        def mapped(sentence: Sentence) -> Sentence:
            try:
                return replace(sentence, mentions=mapping.apply(sentence.mentions))
            except TagError as error:
                where = sentence.id or excerpt(sentence.text)
                raise TagError(error.tag, f"{self.name}: sentence {where}: {error}") from error

        return Corpus(self.name, lambda: map(mapped, self.read()))

    def sample(self, n: int, seed: int = 0) -> Corpus:
        """Draw sentences at random; they stay in their order.

        The smaller of two samples of one seed is part of the larger.

        Raises:
            ConfigError: If there are fewer than that.
        """
        size = sum(1 for _ in self)
        if n > size:
            raise ConfigError(
                "corpus.train_size", f"{n:,} is more than the {size:,} sentences there are"
            )
        order = list(range(size))
        random.Random(seed).shuffle(order)
        drawn = bytearray(size)
        for index in order[:n]:
            drawn[index] = True
        return self._selected(bytes(drawn))

    def split(self, split: Split) -> Corpora:
        """Cut in three, never inside an article if the settings say so.

        Raises:
            ConfigError: If there are too few sentences or articles.
        """
        parts = assign((sentence.group for sentence in self), split)
        train, dev, test = (
            self._selected(bytes(part == wanted for part in parts)) for wanted in (TRAIN, DEV, TEST)
        )
        return Corpora(train, dev, test)

    def _selected(self, flags: bytes) -> Corpus:
        return Corpus(self.name, lambda: compress(self.read(), flags))


@dataclass(frozen=True)
class Corpora:
    """What a run reads: sentences to learn from, to select on, and to test on."""

    train: Corpus
    dev: Corpus
    test: Corpus


def load_corpora(settings: CorpusSettings) -> Corpora:
    """Find the corpora of a run: sources, then mapping, then split or sample.

    Raises:
        ConfigError: If the mapping is unknown, or there are fewer sentences than asked for.
        CorpusError: If a source that must be counted is not what its format says.
    """
    mapping = load_mapping(settings.mapping) if settings.mapping is not None else None

    def joined(sources: Iterable[Source]) -> Corpus:
        corpus = Corpus.from_sources(sources)
        return corpus if mapping is None else corpus.map_types(mapping)

    if settings.split is not None:
        corpora = joined(settings.all).split(settings.split)
    else:
        corpora = Corpora(joined(settings.train), joined(settings.dev), joined(settings.test))
    if settings.train_size is None:
        return corpora
    train = corpora.train.sample(settings.train_size, settings.train_size_seed)
    return replace(corpora, train=train)
