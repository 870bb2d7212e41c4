"""From a text with mentions as another tool gives them to a sentence, and what is lost on the way.

Mentions of ours are in one piece and do not overlap: of two that do the longer one is kept, of
equally long ones the first. Every one that is left out, and whatever else was changed, becomes a
note of its sentence.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from kakehashi.corpora.checks import checked
from kakehashi.corpora.units import Record, Unit, UnitName, find_unit
from kakehashi.sentence import Mention, Sentence, Token


def sentences_from_records(
    records: Callable[[], Iterable[Record]],
    offsets: UnitName | None = None,
    usual: UnitName = "characters",
) -> Iterator[Sentence]:
    """Yield a sentence for each record that has a text.

    ``offsets`` is what those of the file count. Without, the records are read twice, and ``usual``
    is what they count where the texts of mentions do not say otherwise.
    Notes of records without a text go to the next sentence, or to the last. `CorpusError` at a
    mention that is not in the text.
    """
    unit = find_unit(records, usual) if offsets is None else Unit(offsets)
    last, waiting = None, list[str]()
    for record in records():
        if not record.text:
            waiting += record.notes
            if not record.notes:
                waiting.append("record without a text")
            continue
        if last is not None:
            yield last
        sentence = _sentence(record, unit)
        if unit != Unit(usual):
            waiting.append(f"text whose offsets count {''.join(unit)}")
        last, waiting = replace(sentence, notes=(*sentence.notes, *waiting)), []
    if last is not None:
        yield replace(last, notes=(*last.notes, *waiting))


def _sentence(record: Record, unit: Unit) -> Sentence:
    text, mentions, notes = record.text, list[Mention](), list(record.notes)
    for given, places in zip(record.given, unit.convert(record), strict=True):
        kind = "_".join(given.type.split())
        start, end = places[0][0], places[-1][1]
        if any(text[a[1] : b[0]].strip() for a, b in pairwise(places)):
            notes.append("mention in several pieces")
        elif start == end:
            notes.append("mention without a text")
        elif not kind:
            notes.append("mention without a type")
        else:
            mentions.append(Mention(start, end, kind, text[start:end], given.probability))
            notes += ["type with blanks, which are _ now"] * (kind != given.type)
    kept = without_overlap(mentions)
    notes += ["mention that overlaps another"] * (len(mentions) - len(kept))
    tokens = None
    if record.tokens is not None:
        tokens = tuple(Token(text[start:end], start, end) for start, end in record.tokens)
    sentence = Sentence(text, kept, tokens, record.id, record.group, tuple(notes))
    return checked(sentence, record.path, record.line)


def without_overlap(mentions: Sequence[Mention]) -> tuple[Mention, ...]:
    """Keep of mentions that overlap the longer ones, or the first; in order."""
    kept, starts = list[Mention](), list[int]()
    for mention in sorted(mentions, key=lambda each: each.start - each.end):
        at = bisect(starts, mention.start)
        if (at == 0 or kept[at - 1].end <= mention.start) and (
            at == len(kept) or mention.end <= kept[at].start
        ):
            kept.insert(at, mention)
            starts.insert(at, mention.start)
    return tuple(kept)
