"""Entities of tag sequences that keep to their scheme; nothing is repaired.

The sense is that of seqeval's strict mode: an entity counts only if it begins and ends as its
scheme demands. On noisy output such a score is several points lower than conlleval's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from kakehashi.errors import TagError
from kakehashi.scoring.conlleval import Row, TagPair
from kakehashi.scoring.score import Counts, Tally, TokenCount
from kakehashi.sentence import Span
from kakehashi.tags import OUTSIDE, SCHEMES, split_tag

StrictScheme = Literal["bio", "iobes"]
_OTHER = {"bio": "iobes", "iobes": "bio"}


def strict_spans(tags: Sequence[str], scheme: StrictScheme = "bio") -> list[Span]:
    """Read the well-formed entities off a tag sequence and pass over the rest.

    Raises:
        TagError: If a tag is none of the scheme's.

    Example:
        >>> strict_spans(["I-PER", "B-LOC", "I-LOC", "I-PER"])
        [Span(start=1, end=3, type='LOC')]
        >>> strict_spans(["B-PER", "I-PER", "S-LOC"], "iobes")
        [Span(start=2, end=3, type='LOC')]
    """
    rule = SCHEMES[scheme]
    starting, continuing = {rule.begin, rule.single}, {rule.inside, rule.end}
    spans: list[Span] = []
    start: int | None = None
    previous = open_type = ""
    for position, tag in enumerate((*tags, OUTSIDE)):
        prefix, entity_type = _split(tag, scheme)
        going_on = start is not None and previous in rule.open and entity_type == open_type
        if not (going_on and prefix in continuing):
            if start is not None and previous not in rule.unfinished:
                spans.append(Span(start, position, open_type))
            start, open_type = (position if prefix in starting else None), entity_type
        previous = prefix
    return spans


def count_strict(rows: Iterable[Row], scheme: StrictScheme = "bio") -> Counts:
    """Count well-formed gold, predicted and correct entities.

    Args:
        rows: A gold and a predicted tag for each token, None after each sentence.
        scheme: The scheme of both sides.

    Raises:
        TagError: If a tag is none of the scheme's.
    """
    tally = Tally()
    sentence: list[TagPair] = []
    ended = True
    n_tokens = n_right = 0
    for row in rows:
        ended = row is None
        if row is None:
            _add(tally, sentence, scheme)
            sentence = []
        else:
            gold, predicted = row
            _split(gold, scheme)
            _split(predicted, scheme)
            sentence.append(row)
            n_tokens += 1
            n_right += gold == predicted
    if not ended:
        _add(tally, sentence, scheme)
    return tally.counts(TokenCount(n_tokens, n_right))


def _add(tally: Tally, sentence: Sequence[TagPair], scheme: StrictScheme) -> None:
    gold, predicted = ([pair[side] for pair in sentence] for side in (0, 1))
    tally.add_sentence(strict_spans(gold, scheme), strict_spans(predicted, scheme))


def _split(tag: str, scheme: StrictScheme) -> tuple[str, str]:
    """Part a tag, and refuse one with a prefix of another scheme."""
    rule = SCHEMES[scheme]
    prefix, entity_type = split_tag(tag)
    if prefix not in (OUTSIDE, rule.begin, rule.inside, rule.end, rule.single):
        raise TagError(
            tag, f"tag {tag!r} is none of the scheme {scheme}; is it {_OTHER[scheme]} (--scheme)?"
        )
    return prefix, entity_type
