"""The corpora of a run: sources joined, types mapped, split in three or sampled, segmented.

Type mappings are data: shipped ones by name, others by file. A mapping is TOML: under ``[types]``
what each type becomes, in ``drop`` the types without a counterpart. A type in neither is an error,
so that no entity goes missing unnoticed.
"""

from __future__ import annotations

import difflib
import random
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from itertools import accumulate, chain, compress, count, pairwise
from pathlib import Path

from pydantic import ValidationError

from kakehashi.config.settings import CorpusSettings, RunSettings, Split
from kakehashi.config.sources import Settings, Source
from kakehashi.corpora.checks import excerpt
from kakehashi.corpora.formats import read_chunks, source_name
from kakehashi.errors import ConfigError, TagError
from kakehashi.sentence import Sentence, check_tokens
from kakehashi.tags import TypeMapping
from kakehashi.text.segment import Segmenter, load_segmenter, segmenter_of
from kakehashi.text.words import PatternSegmenter

DEV, TRAIN, TEST = range(3)
_SUFFIX = ".toml"
_SHIPPED = resources.files(__package__) / "data"
_CACHED = 1 << 14  # texts; generated and spoken utterances repeat
# So many of the largest article are left to choose from when a part is filled to its size.
_CHOICE = 64


class _MappingFile(Settings):
    types: dict[str, str]
    drop: tuple[str, ...] = ()


def shipped_mappings() -> tuple[str, ...]:
    """Name the mappings that come with the package."""
    names = (file.name for file in _SHIPPED.iterdir() if file.name.endswith(_SUFFIX))
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names))


def load_mapping(name: str) -> TypeMapping:
    """Load a shipped mapping, or a file whose name ends in ``.toml``.

    Raises:
        ConfigError: If there is none of that name, or the file is malformed.

    Example:
        >>> load_mapping("irex-to-conll").types["PERSON"]
        'PER'
    """
    if not name.endswith(_SUFFIX) and name not in shipped_mappings():
        near = difflib.get_close_matches(name, shipped_mappings(), n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"shipped: {', '.join(shipped_mappings())}"
        problem = f"there is no type mapping {name!r}; {hint} (a file's name ends in .toml)"
        raise ConfigError("corpus.mapping", problem)
    file = Path(name) if name.endswith(_SUFFIX) else _SHIPPED / f"{name}{_SUFFIX}"
    try:
        content = _MappingFile.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError("corpus.mapping", f"{file}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError("corpus.mapping", f"{file}: {key}: {first['msg']}") from None
    except ValueError as error:
        raise ConfigError("corpus.mapping", f"{file}: is not TOML ({error})") from None
    types = content.types | dict.fromkeys(content.drop)
    return TypeMapping(file.name.removesuffix(_SUFFIX), types)


def segmented(
    sentences: Iterable[Sentence], segmenter: Segmenter, keep_tokens: bool = False
) -> Iterator[Sentence]:
    """Yield the sentences with the tokens of a segmenter.

    With ``keep_tokens`` those of sentences that have some stay, and get only what they lack:
    readings and parts of speech.

    Raises:
        ValueError: If tokens that are kept contradict their text, which no reader gives.
    """
    segment = segmenter.segment
    if not isinstance(segmenter, PatternSegmenter):  # which is as fast as a cache
        segment = lru_cache(_CACHED)(segment)
    for sentence in sentences:
        if keep_tokens and sentence.tokens is not None:
            check_tokens(sentence.text, sentence.tokens)
            tokens = segmenter.annotate(sentence.text, sentence.tokens)
        else:
            tokens = segment(sentence.text)
        yield Sentence(sentence.text, sentence.mentions, tokens, sentence.id, sentence.group)


@dataclass(frozen=True)
class Corpus:
    """Sentences that every iteration reads anew; none is kept in memory.

    ``name`` is where they come from, for messages; ``chunks`` begins to read them, in parts that
    other processes can read for us.
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
        """Replace the types of the mentions by those of another corpus.

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
            problem = f"{n:,} is more than the {size:,} sentences there are"
            raise ConfigError("corpus.train_size", problem)
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
        parts = assign_parts(chain.from_iterable(groups), split)
        train, dev, test = (
            self._selected(bytes(part == wanted for part in parts), sizes)
            for wanted in (TRAIN, DEV, TEST)
        )
        return Corpora(train, dev, test)

    def _selected(self, flags: bytes, sizes: Sequence[int]) -> Corpus:
        ranges = list(pairwise(accumulate(sizes, initial=0)))
        return Corpus(
            self.name,
            lambda: (
                _Selected(chunk, flags[start:end])
                for chunk, (start, end) in zip(self.chunks(), ranges, strict=True)
            ),
        )


@dataclass(frozen=True)
class _Mapped:
    """A chunk whose mentions get other types."""

    chunk: Iterable[Sentence]
    mapping: TypeMapping
    name: str

    def __iter__(self) -> Iterator[Sentence]:
        for sentence in self.chunk:
            try:
                yield replace(sentence, mentions=self.mapping.apply(sentence.mentions))
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
    """The corpora of a run: to train on, to select on, and to test on."""

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


def read_parts(settings: RunSettings) -> dict[str, Iterator[Sentence]]:
    """Read each part of a run's corpus, split, mapped and segmented as training sees it."""
    corpora = load_corpora(settings.corpus)
    segmenter = segmenter_of(settings.text)
    parts = {"train": corpora.train, "dev": corpora.dev, "test": corpora.test}
    return {
        part: segmented(sentences, segmenter, settings.text.keep_tokens)
        for part, sentences in parts.items()
    }


def read_mapped(source: Source, mapping: str | None, segmenter: str | None) -> Iterator[Sentence]:
    """Read a source as it is, or with other types or tokens."""
    corpus = Corpus.from_sources([source])
    if mapping is not None:
        corpus = corpus.map_types(load_mapping(mapping))
    return iter(corpus) if segmenter is None else segmented(corpus, load_segmenter(segmenter))


def assign_parts(groups: Iterable[str], split: Split) -> bytes:
    """Assign every sentence to a part, at random but always the same for a seed.

    Args:
        groups: The article of each sentence; a sentence without is an article of its own.
        split: How many sentences to train and to test on, and whether articles stay whole; their
            sizes are then met as nearly as whole articles can, first that of train.

    Returns:
        `TRAIN`, `TEST` or `DEV` for each sentence.

    Raises:
        ConfigError: If there are too few sentences or articles.
    """
    names = list(groups)
    if split.train + split.test > len(names):
        raise ConfigError(
            "corpus.split",
            f"{split.train:,} sentences to train and {split.test:,} to test on are more than the"
            f" {len(names):,} there are",
        )
    articles: dict[str | int, list[int]] = {}  # a sentence each, unless they stay whole
    for index, name in enumerate(names):
        articles.setdefault((split.by == "group" and name) or index, []).append(index)
    rest = list(articles.values())
    random.Random(split.seed).shuffle(rest)
    parts = bytearray(len(names))  # all DEV
    for part, size in ((TRAIN, split.train), (TEST, split.test)):
        chosen = nearest([len(article) for article in rest], size)
        if split.by == "group" and not chosen:
            problem = f"{len(articles)} articles are too few to part so; split by sentence"
            raise ConfigError("corpus.split.by", problem)
        for index in chain.from_iterable(rest[place] for place in chosen):
            parts[index] = part
        rest = [article for place, article in enumerate(rest) if place not in chosen]
    return bytes(parts)


def nearest(sizes: Sequence[int], target: int) -> set[int]:
    """Choose articles whose sizes sum as nearly to the target as any choice of them can.

    Of equal choices it is one of the first articles, so shuffled ones make a random choice.

    Example:
        >>> sorted(nearest([3, 3, 2, 5], 7)), sorted(nearest([4, 4], 7))
        ([2, 3], [0, 1])
    """
    largest = max(sizes, default=0)
    n_first, room = 0, target
    while n_first < len(sizes) and room - sizes[n_first] > _CHOICE * largest:
        room -= sizes[n_first]
        n_first += 1
    # Bit s of an entry: some of the articles so far have s sentences together.
    sums = [1]
    for size in sizes[n_first:]:
        sums.append((sums[-1] | sums[-1] << size) & (1 << room + largest + 1) - 1)
        if sums[-1] >> room & 1:
            break
    # Bit 0 is always set, the sum of no article, so the search ends.
    near = (bit for distance in count() for bit in (room - distance, room + distance))
    total = next(bit for bit in near if sums[-1] >> bit & 1)
    chosen = set(range(n_first))
    for index in range(len(sums) - 1, 0, -1):
        if not sums[index - 1] >> total & 1:
            chosen.add(n_first + index - 1)
            total -= sizes[n_first + index - 1]
    return chosen
