"""What romanization costs: words that are written differently and romanized alike.

The paper reads Japanese in Latin letters (table 1), so that 川 and 皮 are both ``kawa``. Words here
are tokens after NFKC. Whether two that collapse are one word in two spellings (出来る, できる) or
two words, no corpus tells.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence
from kakehashi.text.romanize import romanize_token


class Share(NamedTuple):
    """How many there are, and how many of them a collapse touches."""

    total: int
    touched: int

    def __str__(self) -> str:
        percent = f" ({100 * self.touched / self.total:.1f} %)" if self.total else ""
        return f"{self.touched:,} of {self.total:,}{percent}"


class Collapse(NamedTuple):
    """Words that share their romanization.

    Attributes:
        romaji: What they are romanized as.
        words: Each with its number of tokens, the most frequent first.
        mentions: How many mentions hold one of them.
    """

    romaji: str
    words: Mapping[str, int]
    mentions: int

    @property
    def rarer(self) -> int:
        """Count the tokens of all but the most frequent word."""
        return sum(self.words.values()) - max(self.words.values())


@dataclass(frozen=True)
class Homophones:
    """The words of a corpus that romanization makes one.

    Attributes:
        words: Distinct words, and how many are romanized as another one is.
        romanized: How many words are distinct once romanized.
        tokens: How many of them are such words.
        rarer: How many of these are not the most frequent word so romanized: who guessed the word
            from its romanization alone would be wrong at least so often.
        mentions: How many hold such a word.
        types: The same for each entity type, the most frequent first.
        collapses: All of them; first those with most tokens of rarer words.
    """

    words: Share
    romanized: int
    tokens: Share
    rarer: int
    mentions: Share
    types: Mapping[str, Share]
    collapses: tuple[Collapse, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON has it."""
        shares = {name: getattr(self, name)._asdict() for name in ("words", "tokens", "mentions")}
        types = {name: share._asdict() for name, share in self.types.items()}
        collapses = [collapse._asdict() for collapse in self.collapses]
        return asdict(self) | shares | {"types": types, "collapses": collapses}


def find_homophones(sentences: Iterable[Sentence]) -> Homophones:
    """Find the words of a corpus that romanization makes one, in one pass.

    Raises:
        ConfigError: If a sentence has no tokens.
    """
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    mentions: Counter[tuple[str, frozenset[str]]] = Counter()
    for sentence in sentences:
        if sentence.tokens is None:
            raise ConfigError(
                "--segmenter", f"{sentence.text[:40]!r} has no tokens; say how to cut"
            )
        romanized = [romanize_token(token.text, token.reading) for token in sentence.tokens]
        for token, romaji in zip(sentence.tokens, romanized, strict=True):
            spellings[romaji][unicodedata.normalize("NFKC", token.text)] += 1
        for mention in sentence.mentions:
            mentions[mention.type, _inside(sentence, mention, romanized)] += 1
    return _counted(spellings, mentions)


def _inside(sentence: Sentence, mention: Mention, romanized: list[str]) -> frozenset[str]:
    """Collect the romanized words that a mention is made of, in whole or in part."""
    return frozenset(
        romaji
        for token, romaji in zip(sentence.tokens or (), romanized, strict=True)
        if token.start < mention.end and token.end > mention.start
    )


def _counted(
    spellings: Mapping[str, Counter[str]], mentions: Mapping[tuple[str, frozenset[str]], int]
) -> Homophones:
    collapsed = {romaji: words for romaji, words in spellings.items() if len(words) > 1}
    total: Counter[str] = Counter()
    touched: Counter[str] = Counter()
    holding: Counter[str] = Counter()
    for (entity_type, inside), count in mentions.items():
        total[entity_type] += count
        touched[entity_type] += 0 if inside.isdisjoint(collapsed) else count
        holding.update(dict.fromkeys(inside, count))
    collapses = [
        Collapse(romaji, dict(words.most_common()), holding[romaji])
        for romaji, words in collapsed.items()
    ]
    return Homophones(
        words=Share(len(set().union(*spellings.values())), len(set().union(*collapsed.values()))),
        romanized=len(spellings),
        tokens=Share(*(sum(map(Counter.total, side.values())) for side in (spellings, collapsed))),
        rarer=sum(collapse.rarer for collapse in collapses),
        mentions=Share(total.total(), touched.total()),
        types={name: Share(count, touched[name]) for name, count in total.most_common()},
        collapses=tuple(sorted(collapses, key=lambda collapse: -collapse.rarer)),
    )
