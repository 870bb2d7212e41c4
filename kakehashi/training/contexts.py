"""Sentences made of gold ones, with what stands beside names in Japanese, seldom part of them.

A time word comes before a mention (昨日田中), an honorific after it (田中さん), the form of a
company on either side (㈱青木), or the sentence ends with it (田中です). Which types that is right
for, and whether an honorific belongs to the mention and a time word is one itself, is learned from
gold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from kakehashi.sentence import Mention, Sentence, Span
from kakehashi.text.word_classes import WordClass, word_classes, words_of

_COMPANY = ("株式会社", "有限会社", "（株）", "㈱")  # part of the name, as IREX and CoNLL mark it
_ENDS = ("です。", "だ。", "でした。", "だった。", "ですか？")
_RARE = 0.05  # share of the mentions of a type below which something is none of its kind
_OF_PERSONS = 4  # sentences for each mention of a type that takes honorifics; else one
_BEFORE_TIME = (None, WordClass.PUNCTUATION, WordClass.OPENING, WordClass.PARTICLE)
_AFTER_HONORIFIC = (None, WordClass.PUNCTUATION, WordClass.PARTICLE)


@dataclass
class _Type:
    """What the mentions of an entity type have inside and beside them."""

    mentions: int = 0
    with_time: int = 0
    honorifics: Counter[bool] = field(default_factory=Counter)  # by whether they are inside

    @property
    def is_name(self) -> bool:
        return self.with_time < _RARE * self.mentions

    @property
    def takes_honorifics(self) -> bool:
        return self.honorifics.total() >= _RARE * self.mentions


def in_contexts(gold: Iterable[Sentence], seed: int) -> Iterator[Sentence]:
    """Make sentences of segmented ones with mentions; the same for the same arguments."""
    sentences, types = list(gold), defaultdict[str, _Type](_Type)
    times: list[str] = []  # types of the mentions that time words are; empty if they are none
    for sentence in sentences:
        classes, spans = word_classes(sentence.tokens or ()), sentence.project().spans
        for span in spans:
            _count(types[span.type], classes, span)
        inside = {place for span in spans for place in range(span.start, span.end)}
        alone = {span.start: span.type for span in spans if span.end == span.start + 1}
        places = (place for place, kind in enumerate(classes) if kind == WordClass.TIME)
        times += [alone.get(p, "") for p in places if p in alone or p not in inside]
    random = Random(seed)
    for sentence in sentences:
        classes, (spans, lost) = word_classes(sentence.tokens or ()), sentence.project()
        mentions = [mention for mention in sentence.mentions if mention not in lost]
        for span, mention in zip(spans, mentions, strict=True):
            habits = types[span.type]
            n_made = (_OF_PERSONS if habits.takes_honorifics else 1) * habits.is_name
            for _ in range(n_made):
                beside = _beside(classes, span)
                yield _made(sentence, mention, beside, habits, times or [""], random)


def _count(habits: _Type, classes: Sequence[WordClass], span: Span) -> None:
    habits.mentions += 1
    habits.with_time += WordClass.TIME in classes[span.start : span.end]
    if span.end > span.start + 1 and classes[span.end - 1] == WordClass.HONORIFIC:
        habits.honorifics[True] += 1
    elif classes[span.end : span.end + 1] == [WordClass.HONORIFIC]:
        habits.honorifics[False] += 1


def _beside(classes: Sequence[WordClass], span: Span) -> tuple[WordClass | None, WordClass | None]:
    before = classes[span.start - 1] if span.start else None
    return before, classes[span.end] if span.end < len(classes) else None


def _made(
    sentence: Sentence,
    mention: Mention,
    beside: tuple[WordClass | None, WordClass | None],
    habits: _Type,
    times: Sequence[str],
    random: Random,
) -> Sentence:
    """Put one of the contexts that are right here beside a mention."""
    choices = ["end"]
    if beside[0] in _BEFORE_TIME:
        choices.append("time")
    if habits.takes_honorifics and beside[1] in _AFTER_HONORIFIC:
        choices += ["honorific"] * 2
    if mention.type.casefold().startswith("org"):
        choices.append("company")
    choice = random.choice(choices)
    if choice == "time":
        word = random.choice(words_of(WordClass.TIME))
        made = _inserted(sentence, mention.start, word)
        kind, start = random.choice(times), mention.start
        own = (Mention(start, start + len(word), kind, word),) if kind else ()
        return Sentence(made.text, tuple(sorted((*made.mentions, *own))))
    if choice == "honorific":
        is_inside = random.random() * habits.honorifics.total() < habits.honorifics[True]
        word = random.choice(words_of(WordClass.HONORIFIC))
        return _inserted(sentence, mention.end, word, mention if is_inside else None)
    if choice == "company":
        place = random.choice((mention.start, mention.end))
        return _inserted(sentence, place, random.choice(_COMPANY), mention)
    kept = tuple(other for other in sentence.mentions if other.end <= mention.end)
    return Sentence(sentence.text[: mention.end] + random.choice(_ENDS), kept)


def _inserted(sentence: Sentence, place: int, word: str, grown: Mention | None = None) -> Sentence:
    """Insert a word between mentions, or at an edge of the one that grows by it."""
    text = sentence.text[:place] + word + sentence.text[place:]
    mentions = []
    for mention in sentence.mentions:
        start = mention.start + len(word) * (mention.start >= place and mention != grown)
        end = mention.end + len(word) * (mention.end > place or mention == grown)
        mentions.append(mention._replace(start=start, end=end, text=text[start:end]))
    return Sentence(text, tuple(mentions))
