"""Which sentence goes to which part, when a corpus comes in one piece."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import count

from kakehashi.config.settings import Split
from kakehashi.errors import ConfigError

DEV, TRAIN, TEST = range(3)

# So many of the largest article are left to choose from when a part is filled to its size.
_CHOICE = 64


def assign(groups: Iterable[str], split: Split) -> bytes:
    """Say for every sentence which part it goes to, at random but always the same for a seed.

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
    cut = _by_article if split.by == "group" else _by_sentence
    train, test = cut(names, split)
    parts = bytearray(len(names))  # all DEV
    for part, chosen in ((TRAIN, train), (TEST, test)):
        for index in chosen:
            parts[index] = part
    return bytes(parts)


def _by_sentence(names: Sequence[str], split: Split) -> tuple[Sequence[int], Sequence[int]]:
    order = list(range(len(names)))
    random.Random(split.seed).shuffle(order)
    return order[: split.train], order[split.train : split.train + split.test]


def _by_article(names: Sequence[str], split: Split) -> tuple[Sequence[int], Sequence[int]]:
    sentences: dict[str | int, list[int]] = {}
    for index, name in enumerate(names):
        sentences.setdefault(name or index, []).append(index)
    articles = list(sentences.values())
    random.Random(split.seed).shuffle(articles)
    train, articles = _filled(articles, split.train)
    test, _ = _filled(articles, split.test)
    if not train or not test:
        raise ConfigError(
            "corpus.split.by",
            f"{len(sentences)} articles are too few to part so; split by sentence",
        )
    return train, test


def _filled(articles: Sequence[list[int]], size: int) -> tuple[list[int], list[list[int]]]:
    """Take articles of about so many sentences; give those sentences, and the other articles."""
    chosen = nearest([len(article) for article in articles], size)
    taken = [index for place in chosen for index in articles[place]]
    return taken, [article for place, article in enumerate(articles) if place not in chosen]


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
    chosen = set(range(n_first))
    total = _nearest_bit(sums[-1], room)
    for index in range(len(sums) - 1, 0, -1):
        if not sums[index - 1] >> total & 1:
            chosen.add(n_first + index - 1)
            total -= sizes[n_first + index - 1]
    return chosen


def _nearest_bit(bits: int, place: int) -> int:
    # Bit 0 is always set, the sum of no article, so the search ends.
    near = (bit for distance in count() for bit in (place - distance, place + distance))
    return next(bit for bit in near if bits >> bit & 1)
