"""What is in a corpus: counts (the paper's tables 2 and 3), repetition, and homophones."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import log
from statistics import linear_regression
from typing import Any

from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence, Token
from kakehashi.text.views import view

_TOLERATED = 0.02  # of all mentions


@dataclass(frozen=True)
class LostMention:
    """A mention that no whole tokens equal, so that no tagger of these tokens finds it."""

    number: int  # of its sentence, from 1, in the order in which they are read
    sentence: str  # its name, or the text where it has no name
    start: int
    end: int
    type: str
    text: str
    probability: float | None
    tokens: tuple[str, ...]  # that it is a part of


def lost_mentions(sentence: Sentence, number: int) -> Iterator[LostMention]:
    """Find the mentions of a segmented sentence that no whole tokens equal."""
    for mention in sentence.project().lost:
        tokens = (token.text for token in sentence.tokens or () if _overlap(token, mention))
        yield LostMention(number, sentence.id or sentence.text, *mention, tokens=tuple(tokens))


def _overlap(token: Token, mention: Mention) -> bool:
    return token.start < mention.end and mention.start < token.end


def many_lost(n_lost: int, n_mentions: int) -> str:
    """Return a warning where tokens lose more than 2 % of the mentions, or nothing."""
    if n_lost <= _TOLERATED * n_mentions:
        return ""
    share = f"{n_lost:,} of {n_mentions:,} mentions ({100 * n_lost / n_mentions:.1f} %)"
    problem = f"{share} begin or end inside a token, and cannot be found"
    return f"{problem}; another text.segmenter may keep them (kakehashi corpus stats lists them)"


@dataclass(frozen=True)
class CorpusStats:
    """Counts of one corpus."""

    sentences: int
    with_mentions: int  # sentences
    articles: int  # 0 where sentences name none
    characters: int  # of the raw text
    tokens: int | None  # None unless every sentence is segmented
    mentions: int
    types: dict[str, int]  # mentions of each entity type, the most frequent first
    mention_characters: float  # mean length of a mention
    lost: tuple[LostMention, ...]

    @property
    def kept(self) -> float | None:
        """Percentage of the mentions that tokens meet, the highest recall; None without any."""
        if self.tokens is None or not self.mentions:
            return None
        return 100 * (1 - len(self.lost) / self.mentions)

    @property
    def ceiling(self) -> float | None:
        """F1 of a tagger that finds every mention the tokens meet and nothing else, in percent."""
        return None if self.kept is None else 200 * self.kept / (100 + self.kept)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON has them."""
        return asdict(self) | {"kept": self.kept, "ceiling": self.ceiling}


def describe(sentences: Iterable[Sentence]) -> CorpusStats:
    """Count what is in a corpus, in one pass."""
    counts, types = Counter[str](), Counter[str]()
    articles, lost = set[str](), list[LostMention]()
    for sentence in sentences:
        counts["sentences"] += 1
        counts["with_mentions"] += bool(sentence.mentions)
        counts["characters"] += len(sentence.text)
        counts["mention_characters"] += sum(m.end - m.start for m in sentence.mentions)
        types.update(mention.type for mention in sentence.mentions)
        articles.add(sentence.group)
        if sentence.tokens is not None:
            counts["segmented"] += 1
            counts["tokens"] += len(sentence.tokens)
            lost += lost_mentions(sentence, counts["sentences"])
    n_mentions = types.total()
    return CorpusStats(
        sentences=counts["sentences"],
        with_mentions=counts["with_mentions"],
        articles=len(articles - {""}),
        characters=counts["characters"],
        tokens=counts["tokens"] if counts["segmented"] == counts["sentences"] else None,
        mentions=n_mentions,
        types=dict(types.most_common()),
        mention_characters=counts["mention_characters"] / n_mentions if n_mentions else 0.0,
        lost=tuple(lost),
    )


@dataclass(frozen=True)
class Overlap:
    """How much training repeats itself, and how much of the test set it shows; in percent."""

    sentences: int  # to train on
    distinct: float  # share of these that are left when each text counts once
    types: dict[str, int]  # mentions of each entity type in training, the most frequent first
    test_sentences: int
    unseen_values: float  # share of the test mentions whose type and text no training sentence has
    seen_sentences: float  # share of the test sentences that stand in training as they are

    @property
    def slope(self) -> float | None:
        """Slope of frequency against rank in log-log scale; Zipf's law is a straight line."""
        if len(self.types) < 2:
            return None
        ranks = [log(rank) for rank in range(1, len(self.types) + 1)]
        return linear_regression(ranks, [log(count) for count in self.types.values()]).slope

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        return asdict(self) | {"slope": self.slope}


def measure_overlap(train: Iterable[Sentence], test: Iterable[Sentence]) -> Overlap:
    """Read both sets once; of texts and values only hashes are kept."""
    types, texts, values = Counter[str](), set[int](), set[int]()
    n_train = 0
    for sentence in train:
        n_train += 1
        texts.add(hash(sentence.text))
        for mention in sentence.mentions:
            types[mention.type] += 1
            values.add(hash((mention.type, mention.text)))
    n_test = n_seen = n_mentions = n_unseen = 0
    for sentence in test:
        n_test += 1
        n_seen += hash(sentence.text) in texts
        n_mentions += len(sentence.mentions)
        n_unseen += sum(hash((m.type, m.text)) not in values for m in sentence.mentions)
    return Overlap(
        sentences=n_train,
        distinct=100 * len(texts) / (n_train or 1),
        types=dict(types.most_common()),
        test_sentences=n_test,
        unseen_values=100 * n_unseen / (n_mentions or 1),
        seen_sentences=100 * n_seen / (n_test or 1),
    )


@dataclass(frozen=True)
class Share:
    """How many there are, and how many of them share a romanization."""

    total: int
    touched: int

    def __str__(self) -> str:
        percent = f" ({100 * self.touched / self.total:.1f} %)" if self.total else ""
        return f"{self.touched:,} of {self.total:,}{percent}"


@dataclass(frozen=True)
class Collapse:
    """Words that share their romanization."""

    romaji: str
    words: Mapping[str, int]  # tokens of each, the most frequent first
    mentions: int  # that hold one of them

    @property
    def rarer(self) -> int:
        """The number of tokens of all but the most frequent word."""
        return sum(self.words.values()) - max(self.words.values())


@dataclass(frozen=True)
class Homophones:
    """The words of a corpus, tokens after NFKC, that romanization makes one, as 川 and 皮 ``kawa``.

    Some of them are one word in two spellings (出来る, できる). Who guessed the word from its
    romanization would be wrong as often as there are ``rarer`` tokens, or more often.
    """

    words: Share  # distinct ones; touched are those that are romanized as another one is
    romanized: int  # words that are distinct once romanized
    tokens: Share
    rarer: int  # tokens that are not of the most frequent word so romanized
    mentions: Share  # touched are those that hold such a word
    types: Mapping[str, Share]  # mentions of each entity type, the most frequent first
    collapses: tuple[Collapse, ...]  # all; first those with most tokens of rarer words


def find_homophones(sentences: Iterable[Sentence], name: str = "romaji") -> Homophones:
    """Find words that are alike in a view in one pass; `ConfigError` without tokens."""
    spellings = defaultdict[str, Counter[str]](Counter)
    mentions = Counter[tuple[str, frozenset[str]]]()
    for sentence in sentences:
        if sentence.tokens is None:
            problem = f"{sentence.text[:40]!r} has no tokens; say how to cut"
            raise ConfigError("--segmenter", problem)
        romanized = [(view(each.text, each.reading, name), each) for each in sentence.tokens]
        for romaji, token in romanized:
            spellings[romaji][unicodedata.normalize("NFKC", token.text)] += 1
        for mention in sentence.mentions:
            inside = frozenset(romaji for romaji, token in romanized if _overlap(token, mention))
            mentions[mention.type, inside] += 1
    collapsed = {romaji: words for romaji, words in spellings.items() if len(words) > 1}
    total, touched, holding = Counter[str](), Counter[str](), Counter[str]()
    for (entity_type, inside), count in mentions.items():
        total[entity_type] += count
        touched[entity_type] += 0 if inside.isdisjoint(collapsed) else count
        holding.update(dict.fromkeys(inside, count))
    collapses = [Collapse(r, dict(w.most_common()), holding[r]) for r, w in collapsed.items()]
    return Homophones(
        words=Share(len(set().union(*spellings.values())), len(set().union(*collapsed.values()))),
        romanized=len(spellings),
        tokens=Share(*(sum(map(Counter.total, side.values())) for side in (spellings, collapsed))),
        rarer=sum(collapse.rarer for collapse in collapses),
        mentions=Share(total.total(), touched.total()),
        types={name: Share(count, touched[name]) for name, count in total.most_common()},
        collapses=tuple(sorted(collapses, key=lambda collapse: -collapse.rarer)),
    )
