"""The utterances of the built-in grammars, by language, partition, seed and number."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from random import Random
from typing import get_args

from kakehashi.config.sources import Partition
from kakehashi.corpora.assistant.reading import read_grammar
from kakehashi.corpora.assistant.sampler import Sampler
from kakehashi.errors import ConfigError
from kakehashi.sentence import Sentence


def generate(
    language: str,
    utterances: int,
    *,
    seed: int = 0,
    partition: Partition = "train",
    start: int = 0,
) -> Iterator[Sentence]:
    """Generate voice-assistant utterances; ``group`` is the domain.

    Utterance k depends on language, partition, seed and k alone, so several processes can each make
    a range. Dev and test hold values and carrier phrases that train never shows, whatever the seed.

    Args:
        language: ``en``, ``ja`` or ``de``.
        utterances: How many.
        seed: Any integer; another gives other utterances.
        partition: ``train``, ``dev`` or ``test``.
        start: Number of the first one.

    Raises:
        ConfigError: If the language or the partition is unknown.

    Example:
        >>> [third] = generate("en", 1, start=2)
        >>> [_, _, same] = generate("en", 3)
        >>> third == same, third.id
        (True, 'assistant-en-train-000002')
    """
    if partition not in get_args(Partition):
        expected = ", ".join(get_args(Partition))
        raise ConfigError("partition", f"expected one of {expected}, got {partition!r}")
    sampler = _sampler(language, partition)
    digest = sha256(f"{language} {partition} {seed}".encode()).digest()
    name = f"assistant-{language}-{partition}"
    return _range(sampler, int.from_bytes(digest[:8]), name, range(start, start + utterances))


@cache
def _sampler(language: str, partition: Partition) -> Sampler:
    return Sampler(read_grammar(language), partition)


def _range(sampler: Sampler, seed: int, name: str, numbers: range) -> Iterator[Sentence]:
    random = Random()
    for number in numbers:
        random.seed(seed + number)
        group, text, mentions = sampler.draw(random.random)
        yield Sentence(text, mentions, None, f"{name}-{number:06d}", group)
