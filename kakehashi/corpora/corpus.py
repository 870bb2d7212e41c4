"""The corpora of a run: sources joined, types mapped, split in three or sampled, segmented."""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import accumulate, chain, compress, count, islice, pairwise
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, ValidationError

from kakehashi.config.reading import config_error, read_tree
from kakehashi.config.segmenting import TextSettings
from kakehashi.config.settings import CorpusSettings, RunSettings, Split
from kakehashi.config.sources import Settings, Source
from kakehashi.corpora.checks import excerpt
from kakehashi.corpora.formats import guess_source, read_chunks, source_name
from kakehashi.errors import ConfigError, TagError
from kakehashi.progress import Progress
from kakehashi.sentence import Part, Sentence, check_tokens
from kakehashi.tags import TypeMapping
from kakehashi.text.segment import Segmenter, segmenter_of
from kakehashi.text.words import PatternSegmenter

DEV, TRAIN, TEST = range(3)
_SHIPPED = Path(__file__).parent / "data"
_CACHED = 1 << 14  # texts; generated and spoken utterances repeat
_CHOICE = 64  # largest articles that are left to choose from when a part is filled to its size


class _MappingFile(Settings):
    types: dict[str, Annotated[str, Field(min_length=1)]]  # what each type becomes
    drop: tuple[str, ...] = ()  # types without a counterpart; one in neither is an error


def load_mapping(name: str) -> TypeMapping:
    """Load a shipped mapping, or a file whose name ends in ``.toml``.

    Example:
        >>> load_mapping("irex-to-conll").types["PERSON"]
        'PER'
    """
    shipped = {file.stem: file for file in sorted(_SHIPPED.glob("*.toml"))}
    file = shipped.get(name, Path(name))
    if file.suffix != ".toml" or not file.is_file():
        near = difflib.get_close_matches(name, shipped, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"shipped: {', '.join(shipped)}"
        problem = f"there is no type mapping {name!r}; {hint} (a file's name ends in .toml)"
        raise ConfigError("corpus.mapping", problem)
    try:
        content = _MappingFile.model_validate(read_tree(file))
    except ValidationError as error:
        raise config_error(error, str(file), _MappingFile) from None
    return TypeMapping(file.stem, content.types | dict.fromkeys(content.drop))


def segmented(
    sentences: Iterable[Sentence], segmenter: Segmenter, keep_tokens: bool = False
) -> Iterator[Sentence]:
    """Yield the sentences with the tokens of a segmenter.

    With ``keep_tokens``, tokens that are there already stay, and get the readings and parts of
    speech that they lack; a `ValueError` if they contradict their text.
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
        yield replace(sentence, tokens=tokens)


@dataclass(frozen=True)
class Corpus:
    """Sentences that every iteration reads anew; none is kept in memory."""

    name: str  # where they come from, for messages
    chunks: Callable[[], Iterator[Iterable[Sentence]]]  # parts that other processes can read

    @classmethod
    def from_sources(cls, sources: Iterable[Source], mapping: TypeMapping | None = None) -> Corpus:
        """Join sources; reading raises `TagError` at a mention whose type the mapping lacks."""
        sources = tuple(sources)
        name = ", ".join(map(source_name, sources))

        def chunks() -> Iterator[Iterable[Sentence]]:
            for chunk in chain.from_iterable(map(read_chunks, sources)):
                yield chunk if mapping is None else Part(partial(_mapped, chunk, mapping, name))

        return cls(name, chunks)

    def __iter__(self) -> Iterator[Sentence]:
        return chain.from_iterable(self.chunks())

    def sample(
        self, n: int | None, seed: int = 0, *, skip: int = 0, key: str = "corpus.train_size"
    ) -> Corpus:
        """Draw sentences, None for all; a seed's smaller sample is part of a larger.

        ``skip`` leaves out a sample of that size. `ConfigError`, of the setting ``key``, if there
        are too few.
        """
        sizes = [sum(1 for _ in chunk) for chunk in self.chunks()]
        order = list(range(sum(sizes)))
        if n is not None and n > len(order) - skip:
            problem = f"{n:,} is more than the {len(order) - skip:,} sentences there are"
            raise ConfigError(key, problem)
        random.Random(seed).shuffle(order)
        drawn = set(order[skip:] if n is None else order[skip : skip + n])
        return self._selected(bytes(index in drawn for index in range(len(order))), sizes)

    def split(self, split: Split) -> Corpora:
        """Cut in three; see `assign_parts`."""
        groups = [[sentence.group for sentence in chunk] for chunk in self.chunks()]
        sizes = [len(chunk) for chunk in groups]
        parts = assign_parts(chain.from_iterable(groups), split)
        flags = (bytes(part == wanted for part in parts) for wanted in (TRAIN, DEV, TEST))
        return Corpora(*(self._selected(each, sizes) for each in flags))

    def _selected(self, flags: bytes, sizes: Sequence[int]) -> Corpus:
        def chunks() -> Iterator[Iterable[Sentence]]:
            ranges = pairwise(accumulate(sizes, initial=0))
            for chunk, (start, end) in zip(self.chunks(), ranges, strict=True):
                yield Part(partial(compress, chunk, flags[start:end]))

        return Corpus(self.name, chunks)


def _mapped(chunk: Iterable[Sentence], mapping: TypeMapping, name: str) -> Iterator[Sentence]:
    for sentence in chunk:
        try:
            yield replace(sentence, mentions=mapping.apply(sentence.mentions))
        except TagError as error:
            where = sentence.id or excerpt(sentence.text)
            raise TagError(error.tag, f"{name}: sentence {where}: {error}") from error


class Corpora(NamedTuple):
    """The corpora of a run: to train, to select and to test on."""

    train: Corpus
    dev: Corpus
    test: Corpus


def load_corpora(settings: CorpusSettings) -> Corpora:
    """Find the corpora of a run: sources, then mapping, then split or sample."""
    mapping = None if settings.mapping is None else load_mapping(settings.mapping)
    if settings.split is not None:
        corpora = Corpus.from_sources(settings.all, mapping).split(settings.split)
    else:
        parts = (settings.train, settings.dev, settings.test)
        corpora = Corpora(*(Corpus.from_sources(part, mapping) for part in parts))
    if settings.train_size is None:
        return corpora
    train = corpora.train.sample(settings.train_size, settings.train_size_seed)
    return corpora._replace(train=train)


def load_unlabeled(settings: RunSettings) -> Corpus:
    """Find the text that teachers label, `TeachSettings.unlabeled`, with whatever labels it has."""
    corpus, teach = settings.corpus, settings.teach
    if teach is None:
        raise ValueError("these settings have no [teach]")
    size, seed, key = teach.unlabeled_size, corpus.train_size_seed, "teach.unlabeled_size"
    if teach.unlabeled == "rest":
        train = load_corpora(corpus.model_copy(update={"train_size": None})).train
        return train.sample(size, seed, skip=corpus.train_size or 0, key=key)
    labels = (path for path in map(Path, teach.teachers) if path.suffix != ".onnx")
    files = (guess_source(path) for path in labels if path.is_file())
    sources = teach.unlabeled or tuple(islice(files, 1))
    if not sources:
        raise ConfigError("teach.unlabeled", "is needed where no teacher is a file; name text")
    texts = Corpus.from_sources(sources)
    return texts if size is None else texts.sample(size, seed, key=key)


def load_joint(settings: RunSettings) -> Corpus:
    """Find the sentences of another corpus that are learned beside gold, `JointSettings`."""
    joint = settings.joint
    if joint is None:
        raise ValueError("these settings have no [joint]")
    mapping = None if joint.mapping is None else load_mapping(joint.mapping)
    corpus = Corpus.from_sources(joint.train, mapping)
    size, seed = joint.size, settings.corpus.train_size_seed
    return corpus if size is None else corpus.sample(size, seed, key="joint.size")


def read_parts(
    settings: RunSettings, progress: Progress | None = None
) -> dict[str, Iterator[Sentence]]:
    """Read each part of a run's corpus, split, mapped and segmented as training sees it."""
    parts, segmenter = load_corpora(settings.corpus)._asdict(), segmenter_of(settings.text)
    keep_tokens, progress = settings.text.keep_tokens, progress or Progress()
    return {
        name: progress.track(segmented(part, segmenter, keep_tokens), f"reading {name}")
        for name, part in parts.items()
    }


def read_mapped(
    source: Source, mapping: str | None, text: TextSettings | None
) -> Iterator[Sentence]:
    """Read a source as it is, or with other types or tokens."""
    corpus = Corpus.from_sources([source], None if mapping is None else load_mapping(mapping))
    return iter(corpus) if text is None else segmented(corpus, segmenter_of(text))


def assign_parts(groups: Iterable[str], split: Split) -> bytes:
    """Assign every sentence to `TRAIN`, `TEST` or `DEV` at random, always the same for a seed.

    ``groups`` has the article of each sentence, ``""`` if it is one of its own. Where articles stay
    whole, sizes are met as nearly as they can be. `ConfigError` if there are too few of either.
    """
    names = list(groups)
    if split.train + split.test > len(names):
        parts = f"{split.train:,} sentences to train and {split.test:,} to test on"
        raise ConfigError("corpus.split", f"{parts} are more than the {len(names):,} there are")
    articles: dict[str | int, list[int]] = {}  # a sentence each, unless they stay whole
    for index, name in enumerate(names):
        articles.setdefault((split.by == "group" and name) or index, []).append(index)
    rest = list(articles.values())
    random.Random(split.seed).shuffle(rest)
    assigned = bytearray(len(names))  # all DEV
    for part, size in ((TRAIN, split.train), (TEST, split.test)):
        chosen = nearest([len(article) for article in rest], size)
        if split.by == "group" and not chosen:
            problem = f"{len(articles)} articles are too few to part so; split by sentence"
            raise ConfigError("corpus.split.by", problem)
        for index in chain.from_iterable(rest[place] for place in chosen):
            assigned[index] = part
        rest = [article for place, article in enumerate(rest) if place not in chosen]
    return bytes(assigned)


def nearest(sizes: Sequence[int], target: int) -> set[int]:
    """Choose articles whose sizes sum as nearly to the target as any choice of them can.

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
