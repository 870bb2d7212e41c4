"""Chunks counted, and scores laid out, exactly as the CoNLL evaluation script does it.

The reference is conlleval, version of 2004-01-26 (CoNLL-2000 to CoNLL-2003).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from kakehashi.scoring.score import (
    CORRECT,
    GOLD,
    PREDICTED,
    Count,
    Counts,
    Score,
    Tally,
    TokenCount,
)
from kakehashi.tags import OUTSIDE

# A gold and a predicted tag, or the end of a sentence.
TagPair = tuple[str, str]
Row = TagPair | None

# Letters of the previous tag and of this one. None has S, and EB is in neither: two neighbours of
# one type in IOBES are one chunk to conlleval.
_STARTING = frozenset(map(tuple, ("BB", "IB", "OB", "OI", "EE", "EI", "OE")))
_ENDING = frozenset(map(tuple, ("BB", "BO", "IB", "IO", "EE", "EI", "EO")))
_NOTHING = frozenset((OUTSIDE, "."))
_BRACKETS = frozenset("[]")


class _Cut(NamedTuple):
    """Whether a chunk ends before a tag and whether one starts with it."""

    ends: bool
    starts: bool


@lru_cache(maxsize=1 << 16)
def _part(tag: str) -> tuple[str, str]:
    """Part a tag at its first hyphen; any string will do."""
    letter, _, entity_type = tag.partition("-")
    # To Perl the string "0" is false, so conlleval takes such a type for none.
    return letter, "" if entity_type == "0" else entity_type


@lru_cache(maxsize=1 << 16)
def _cut(previous: str, tag: str) -> _Cut:
    """Apply the rules for the place between two tags."""
    (before, type_before), (letter, entity_type) = _part(previous), _part(tag)
    letters, changed = (before, letter), type_before != entity_type
    return _Cut(
        ends=letters in _ENDING or before in _BRACKETS or (changed and before not in _NOTHING),
        starts=letters in _STARTING or letter in _BRACKETS or (changed and letter not in _NOTHING),
    )


def count_chunks(rows: Iterable[Row]) -> Counts:
    """Count gold, predicted and correct chunks as conlleval does.

    A chunk is correct if both sides start it together, end it together and agree on its type
    throughout. It counts as correct in the sentence in which conlleval sees it end.

    Args:
        rows: A gold and a predicted tag for each token, None after each sentence.

    Example:
        >>> count_chunks([("O", "O"), ("B-PER", "I-PER"), ("I-PER", "I-PER")]).total
        Count(gold=1, predicted=1, correct=1)
    """
    tally = Tally()
    last_gold = last_predicted = OUTSIDE
    between, agreeing = True, False
    n_tokens = n_right = 0
    for row in rows:
        if between:
            tally.open_sentence()
        between = row is None
        gold, predicted = row or (OUTSIDE, OUTSIDE)
        gold_cut, predicted_cut = _cut(last_gold, gold), _cut(last_predicted, predicted)
        agreed, agreeing = agreeing, _goes_on(agreeing, gold_cut, predicted_cut, gold, predicted)
        if agreed and gold_cut.ends and predicted_cut.ends:
            tally.count(CORRECT, _part(last_gold)[1])
        if gold_cut.starts:
            tally.count(GOLD, _part(gold)[1])
        if predicted_cut.starts:
            tally.count(PREDICTED, _part(predicted)[1])
        n_tokens += not between
        n_right += not between and _part(gold) == _part(predicted)
        last_gold, last_predicted = gold, predicted
    if agreeing:
        tally.count(CORRECT, _part(last_gold)[1])
    return tally.counts(TokenCount(n_tokens, n_right))


def _goes_on(
    agreeing: bool, gold_cut: _Cut, predicted_cut: _Cut, gold: str, predicted: str
) -> bool:
    """Say whether both sides are, after this tag, inside one chunk that may become correct."""
    if _part(gold)[1] != _part(predicted)[1]:
        return False
    if gold_cut.starts and predicted_cut.starts:
        return True
    return agreeing and not gold_cut.ends and not predicted_cut.ends


def report(score: Score) -> str:
    """Lay a score out as conlleval does.

    Where tags were not compared one by one, the first line counts sentences instead of tokens and
    the second leaves accuracy out.
    """
    return "".join(_report_lines(score))


def _report_lines(score: Score) -> Iterator[str]:
    tokens, total = score.counts.tokens, score.counts.total
    seen = (
        f"{len(score.counts.sentences)} sentences" if tokens is None else f"{tokens.total} tokens"
    )
    yield f"processed {seen} with {total.gold} phrases; "
    yield f"found: {total.predicted} phrases; correct: {total.correct}.\n"
    if tokens is None:
        yield f"{_ratios(total)}\n"
    elif tokens.total:
        yield f"accuracy: {tokens.accuracy:6.2f}%; {_ratios(total)}\n"
    for name, count in score.types.items():
        # The width counts bytes, and the untyped row comes once for each side that has it.
        times = (count.gold > 0) + (count.predicted > 0) if name == "" else 1
        padding = " " * (17 - len(name.encode()))
        yield f"{padding}{name}: {_ratios(count)}  {count.predicted}\n" * times


def _ratios(count: Count) -> str:
    return f"precision: {count.precision:6.2f}%; recall: {count.recall:6.2f}%; FB1: {count.f1:6.2f}"
