"""What is in a corpus: the numbers of the paper's tables 2 and 3, and more, for any corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from kakehashi.sentence import Mention, Sentence


class LostMention(NamedTuple):
    """A mention that no whole tokens equal, so that no tagger of these tokens finds it.

    Attributes:
        number: Of its sentence, from 1, in the order in which they are read.
        sentence: The name of its sentence, or the text where it has no name.
        mention: The mention.
        tokens: The tokens that it is a part of.
    """

    number: int
    sentence: str
    mention: Mention
    tokens: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it, the mention's fields among the others."""
        place = {"number": self.number, "sentence": self.sentence}
        return {**place, **self.mention._asdict(), "tokens": list(self.tokens)}


def lost_mentions(sentence: Sentence, number: int) -> Iterator[LostMention]:
    """Find the mentions of a segmented sentence that no whole tokens equal."""
    for mention in sentence.project().lost:
        tokens = tuple(
            token.text
            for token in sentence.tokens or ()
            if token.start < mention.end and mention.start < token.end
        )
        yield LostMention(number, sentence.id or sentence.text, mention, tokens)


@dataclass(frozen=True)
class CorpusStats:
    """Counts of one corpus.

    Attributes:
        sentences: How many.
        with_mentions: How many of them have a mention.
        articles: How many articles they name; 0 where they name none.
        characters: Of the raw text.
        tokens: None unless every sentence is segmented.
        mentions: How many.
        types: How many of each entity type, the most frequent first.
        mention_characters: Mean length of a mention.
        lost: Mentions that the tokens do not meet.
    """

    sentences: int
    with_mentions: int
    articles: int
    characters: int
    tokens: int | None
    mentions: int
    types: dict[str, int]
    mention_characters: float
    lost: tuple[LostMention, ...]

    @property
    def kept(self) -> float | None:
        """Share of the mentions that tokens meet; None where there are no tokens or mentions.

        No tagger of these tokens has a higher recall.
        """
        if self.tokens is None or not self.mentions:
            return None
        return 100 * (1 - len(self.lost) / self.mentions)

    @property
    def ceiling(self) -> float | None:
        """F1 of a tagger that finds every mention the tokens meet and nothing else, in percent."""
        return None if self.kept is None else 200 * self.kept / (100 + self.kept)

    def to_dict(self) -> dict[str, Any]:
        """Give the counts as JSON has them."""
        lost = [each.to_dict() for each in self.lost]
        return asdict(self) | {"lost": lost, "kept": self.kept, "ceiling": self.ceiling}


def describe(sentences: Iterable[Sentence]) -> CorpusStats:
    """Count what is in a corpus, in one pass."""
    counts: Counter[str] = Counter()
    types: Counter[str] = Counter()
    articles: set[str] = set()
    lost: list[LostMention] = []
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
