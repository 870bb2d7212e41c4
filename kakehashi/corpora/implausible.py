"""Mentions that no reader would mark: they end in a particle, hold half a bracket, and the like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from kakehashi.corpora.checks import excerpt
from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence, Token
from kakehashi.text.word_classes import WordClass, bracket_pairs, word_classes

_TIME = "time word before"

FAULTS = (
    "only symbols",
    "half a bracket",
    "begins with punctuation",
    "ends with punctuation",
    "begins with a particle or auxiliary",
    "ends with a particle or auxiliary",
    "ends with a verb",
    _TIME,
    "honorific inside",
    "cuts a word",
)


@dataclass(frozen=True)
class ImplausibleMention:
    """A mention, where it is, and what is wrong with it."""

    number: int  # of its sentence, from 1, in the order in which they are read
    sentence: str  # its name, or the text where it has no name
    start: int
    end: int
    type: str
    text: str
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Plausibility:
    """How many mentions there are, and those that are implausible."""

    mentions: int
    implausible: tuple[ImplausibleMention, ...]

    @property
    def faults(self) -> dict[str, int]:
        """Count the mentions with each fault, in the order of `FAULTS`; 0 where there is none."""
        counts = Counter(fault for mention in self.implausible for fault in mention.faults)
        return {fault: counts[fault] for fault in FAULTS}

    def to_dict(self) -> dict[str, Any]:
        """Return counts and mentions, for JSON."""
        return {**asdict(self), "faults": self.faults}


def check_plausibility(sentences: Iterable[Sentence]) -> Plausibility:
    """Find the implausible mentions of segmented sentences, gold or predicted.

    They are judged by brackets, signs, and words that are no part of a name; and by part of speech,
    where the tokens have one. A time word before a mention is a fault unless the type is one of
    times: then most of its mentions with such a word have no other. Titles of books may well end in
    a verb: this counts what is worth a look, not errors. `ConfigError` without tokens.
    """
    found: list[ImplausibleMention] = []
    alone, before = Counter[str](), Counter[str]()  # mentions with a time word, by type
    n_mentions = 0
    for number, sentence in enumerate(sentences, start=1):
        if sentence.tokens is None:
            problem = f"{excerpt(sentence.text)} has no tokens; name a segmenter to make some"
            raise ConfigError("--segmenter", problem)
        for mention, tokens in _with_tokens(sentence.mentions, sentence.tokens):
            n_mentions += 1
            classes = word_classes(tokens)
            if WordClass.TIME in classes[:1]:
                (before if len(classes) > 1 else alone)[mention.type] += 1
            faults = tuple(_faults(mention, tokens, classes))
            name = sentence.id or sentence.text
            found.append(ImplausibleMention(number, name, *mention[:4], faults))
    times = {kind for kind in alone if alone[kind] > before[kind]}
    judged = [_without_time(each) if each.type in times else each for each in found]
    return Plausibility(n_mentions, tuple(each for each in judged if each.faults))


def _with_tokens(
    mentions: Iterable[Mention], tokens: tuple[Token, ...]
) -> Iterator[tuple[Mention, tuple[Token, ...]]]:
    """Yield each mention with the tokens that are a part of it."""
    begin = 0
    for mention in mentions:
        while begin < len(tokens) and tokens[begin].end <= mention.start:
            begin += 1
        end = begin
        while end < len(tokens) and tokens[end].start < mention.end:
            end += 1
        yield mention, tokens[begin:end]


def _faults(mention: Mention, tokens: tuple[Token, ...], classes: list[WordClass]) -> list[str]:
    if all(kind.is_sign for kind in classes):  # or blanks
        return ["only symbols"]
    pairs, halves = bracket_pairs(classes)
    first, last, end = classes[0], classes[-1], len(classes) - 1
    whole = (mention.start, mention.end) == (tokens[0].start, tokens[-1].end)
    # A bracket at an edge belongs there if the other one is inside, as in (株)青木.
    faults = {
        "half a bracket": bool(halves),
        "begins with punctuation": first.is_sign and pairs.get(0, end) == end,
        "ends with punctuation": last.is_sign and pairs.get(end, 0) == 0,
        "begins with a particle or auxiliary": first.is_function_word,
        "ends with a particle or auxiliary": last.is_function_word,
        "ends with a verb": last is WordClass.VERB,
        _TIME: first is WordClass.TIME and end > 0,
        "honorific inside": WordClass.HONORIFIC in classes[1:],
        "cuts a word": not whole,
    }
    return [fault for fault, there in faults.items() if there]


def _without_time(mention: ImplausibleMention) -> ImplausibleMention:
    return replace(mention, faults=tuple(fault for fault in mention.faults if fault != _TIME))
