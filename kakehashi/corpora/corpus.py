"""Corpora: sentences that can be read again and again, mapped, sampled, and cut in three."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, compress, pairwise

from kakehashi.config.settings import CorpusSettings, Split
from kakehashi.config.sources import Source
from kakehashi.corpora.checks import excerpt
from kakehashi.corpora.formats import read_chunks, source_name
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
        chunks: Begins to read them, in parts that other processes can read for us.
    """

    name: str
    chunks: Callable[[], Iterator[Iterable[Sentence]]]

    @classmethod
    def from_sources(cls, sources: Iterable[Source]) -> Corpus:
        """Join sources in their order."""
        sources = tuple(sources)
        return cls(
            ", ".join(map(source_name, sources)),
            lambda: chain.from_iterable(map(read_chunks, sources)),
        )

    def __iter__(self) -> Iterator[Sentence]:
        """Read the sentences."""
        return chain.from_iterable(self.chunks())

    def map_types(self, mapping: TypeMapping) -> Corpus:
        """Give the mentions the types of another corpus.

        Raises:
            TagError: When read, at a mention whose type the mapping does not name.
        """
        return Corpus(
            self.name,
            lambda: (_Mapped(chunk, mapping, self.name) for chunk in self.chunks()),
        )

    def sample(self, n: int, seed: int = 0) -> Corpus:
        """Draw sentences at random; they stay in their order.

        The smaller of two samples of one seed is part of the larger.

        Raises:
            ConfigError: If there are fewer than that.
        """
        sizes = [sum(1 for _ in chunk) for chunk in self.chunks()]
        size = sum(sizes)
        if n > size:
            raise ConfigError(
                "corpus.train_size", f"{n:,} is more than the {size:,} sentences there are"
            )
        order = list(range(size))
        random.Random(seed).shuffle(order)
        drawn = bytearray(size)
        for index in order[:n]:
            drawn[index] = True
        return self._selected(bytes(drawn), sizes)

    def split(self, split: Split) -> Corpora:
        """Cut in three, never inside an article if the settings say so.

        Raises:
            ConfigError: If there are too few sentences or articles.
        """
        groups = [[sentence.group for sentence in chunk] for chunk in self.chunks()]
        sizes = [len(chunk) for chunk in groups]
        parts = assign(chain.from_iterable(groups), split)
        train, dev, test = (
            self._selected(bytes(part == wanted for part in parts), sizes)
            for wanted in (TRAIN, DEV, TEST)
        )
        return Corpora(train, dev, test)

    def _selected(self, flags: bytes, sizes: Sequence[int]) -> Corpus:
        ends = tuple(accumulate(sizes, initial=0))
        return Corpus(
            self.name,
            lambda: (
                _Selected(chunk, flags[start:end])
                for chunk, (start, end) in zip(self.chunks(), pairwise(ends), strict=True)
            ),
        )


@dataclass(frozen=True)
class _Mapped:
    """A chunk whose mentions get other types."""

    chunk: Iterable[Sentence]
    mapping: TypeMapping
    name: str

    def __iter__(self) -> Iterator[Sentence]:
        return map(self._mapped, self.chunk)

    def _mapped(self, sentence: Sentence) -> Sentence:
        try:
            return replace(sentence, mentions=self.mapping.apply(sentence.mentions))
        except TagError as error:
            where = sentence.id or excerpt(sentence.text)
            raise TagError(error.tag, f"{self.name}: sentence {where}: {error}") from error


@dataclass(frozen=True)
class _Selected:
    """A chunk of which only the sentences are read that have a flag."""

    chunk: Iterable[Sentence]
    flags: bytes

    def __iter__(self) -> Iterator[Sentence]:
        return compress(self.chunk, self.flags)


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
