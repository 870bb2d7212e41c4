"""Scores of tag sequences as the CoNLL evaluation script computes and prints them, or strictly.

The reference is conlleval, version of 2004-01-26 (CoNLL-2000 to CoNLL-2003), which repairs broken
sequences. The strict variant is seqeval's strict mode: an entity counts only if it begins and ends
as its scheme demands. On noisy output it is several points lower.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Literal

from kakehashi.errors import ConfigError, CorpusError, TagError
from kakehashi.scoring.score import (
    CORRECT,
    GOLD,
    PREDICTED,
    Count,
    Counts,
    Score,
    Tally,
    TokenCount,
    Variant,
)
from kakehashi.sentence import Span
from kakehashi.tags import OUTSIDE, SCHEMES, split_tag

StrictScheme = Literal["bio", "iobes"]

# The gold and the predicted tags of a sentence.
TagPair = tuple[Sequence[str], Sequence[str]]

# Letters of the previous tag and of this one. None has S, and EB is in neither: two neighbours of
# one type in IOBES are one chunk to conlleval.
_STARTING = frozenset(map(tuple, ("BB", "IB", "OB", "OI", "EE", "EI", "OE")))
_ENDING = frozenset(map(tuple, ("BB", "BO", "IB", "IO", "EE", "EI", "EO")))
_NOTHING = frozenset((OUTSIDE, "."))
_BRACKETS = frozenset("[]")


@lru_cache(maxsize=1 << 16)
def _letter_and_type(tag: str) -> tuple[str, str]:
    letter, _, entity_type = tag.partition("-")  # any string is a tag
    # To Perl the string "0" is false, so conlleval takes such a type for none.
    return letter, "" if entity_type == "0" else entity_type


@lru_cache(maxsize=1 << 16)
def _edges(previous: str, tag: str) -> tuple[bool, bool]:
    """Whether a chunk ends before a tag, and whether one starts with it."""
    (before, type_before), (letter, entity_type) = map(_letter_and_type, (previous, tag))
    letters, changed = (before, letter), type_before != entity_type
    ends = letters in _ENDING or before in _BRACKETS or (changed and before not in _NOTHING)
    starts = letters in _STARTING or letter in _BRACKETS or (changed and letter not in _NOTHING)
    return ends, starts


def count_chunks(sentences: Iterable[TagPair]) -> Counts:
    """Count gold, predicted and correct chunks as conlleval does.

    A chunk is correct if both sides start it together, end it together and agree on its type
    throughout. It counts as correct in the sentence in which conlleval sees it end.

    Example:
        >>> count_chunks([(["O", "B-PER", "I-PER"], ["O", "I-PER", "I-PER"])]).total
        Count(gold=1, predicted=1, correct=1)
    """
    tally = Tally()
    agreeing = False  # whether both sides are inside one chunk that may become correct
    n_tokens = n_correct = 0
    for gold_tags, predicted_tags in sentences:
        tally.open_sentence()
        last_gold = last_predicted = OUTSIDE
        for gold, predicted in zip((*gold_tags, OUTSIDE), (*predicted_tags, OUTSIDE), strict=True):
            gold_ends, gold_starts = _edges(last_gold, gold)
            predicted_ends, predicted_starts = _edges(last_predicted, predicted)
            if agreeing and gold_ends and predicted_ends:
                tally.count(CORRECT, _letter_and_type(last_gold)[1])
            gold_letter, gold_type = _letter_and_type(gold)
            predicted_letter, predicted_type = _letter_and_type(predicted)
            if gold_starts:
                tally.count(GOLD, gold_type)
            if predicted_starts:
                tally.count(PREDICTED, predicted_type)
            same_type = gold_type == predicted_type
            going_on = agreeing and not gold_ends and not predicted_ends
            agreeing = same_type and (going_on or (gold_starts and predicted_starts))
            n_correct += same_type and gold_letter == predicted_letter
            last_gold, last_predicted = gold, predicted
        n_tokens += len(gold_tags)
        n_correct -= 1  # the O at the end is no token
    if agreeing:  # an untyped chunk that no O ends
        tally.count(CORRECT, "")
    return tally.counts(TokenCount(n_tokens, n_correct))


def strict_spans(tags: Sequence[str], scheme: StrictScheme = "bio") -> list[Span]:
    """Read only the well-formed entities off a tag sequence; a tag of another scheme is a TagError.

    Example:
        >>> strict_spans(["I-PER", "B-LOC", "I-LOC", "I-PER"])
        [Span(start=1, end=3, type='LOC')]
        >>> strict_spans(["B-PER", "I-PER", "S-LOC"], "iobes")
        [Span(start=2, end=3, type='LOC')]
    """
    rule = SCHEMES[scheme]
    starting, continuing = {rule.begin, rule.single}, {rule.inside, rule.end}
    opening, unfinished = {rule.begin, rule.inside}, rule.unfinished
    spans: list[Span] = []
    start: int | None = None
    previous = open_type = ""
    for position, tag in enumerate((*tags, OUTSIDE)):
        prefix, entity_type = _split_strictly(tag, scheme)
        going_on = start is not None and previous in opening and entity_type == open_type
        if not (going_on and prefix in continuing):
            if start is not None and previous not in unfinished:
                spans.append(Span(start, position, open_type))
            start, open_type = (position if prefix in starting else None), entity_type
        previous = prefix
    return spans


def count_strict(sentences: Iterable[TagPair], scheme: StrictScheme = "bio") -> Counts:
    """Count well-formed gold, predicted and correct entities."""
    tally = Tally()
    n_tokens = n_correct = 0
    for gold, predicted in sentences:
        tally.add_sentence(strict_spans(gold, scheme), strict_spans(predicted, scheme))
        n_tokens += len(gold)
        n_correct += sum(tag == other for tag, other in zip(gold, predicted, strict=True))
    return tally.counts(TokenCount(n_tokens, n_correct))


@lru_cache(maxsize=1 << 16)
def _split_strictly(tag: str, scheme: StrictScheme) -> tuple[str, str]:
    rule = SCHEMES[scheme]
    prefix, entity_type = split_tag(tag)
    if prefix not in (OUTSIDE, *rule):
        question = f"is it {'iobes' if scheme == 'bio' else 'bio'} (--scheme)?"
        raise TagError(tag, f"tag {tag!r} is none of the scheme {scheme}; {question}")
    return prefix, entity_type


def score_tags(
    gold: Iterable[Sequence[str]],
    predicted: Iterable[Sequence[str]],
    *,
    variant: Variant = "conlleval",
    scheme: StrictScheme = "bio",
) -> Score:
    """Score two tag sequences per sentence.

    The variant ``conlleval`` takes tags of every scheme as they are, and neighbours of one type in
    IOBES for one chunk; to tell them apart read spans off the tags and score those. In the variant
    ``strict`` a tag that is none of the scheme's is a TagError.

    Example:
        >>> tags = [["O", "B-PER", "I-PER"]], [["O", "I-PER", "I-PER"]]
        >>> score_tags(*tags).f1, score_tags(*tags, variant="strict").f1
        (100.0, 0.0)
    """
    return _score(zip(gold, predicted, strict=True), variant, scheme)


def _score(sentences: Iterable[TagPair], variant: Variant, scheme: StrictScheme) -> Score:
    if variant == "strict":
        counts = count_strict(sentences, scheme)
        return Score.of(counts, variant, {"unit": "tokens", "scheme": scheme})
    return Score.of(count_chunks(sentences), variant, {"unit": "tokens"})


def score_columns(
    path: str | Path,
    *,
    delimiter: str = " ",
    raw: bool = False,
    outside: str = OUTSIDE,
    variant: Variant = "conlleval",
    scheme: StrictScheme = "bio",
    encoding: str = "utf-8",
) -> Score:
    r"""Score a file as conlleval reads it: gold and predicted tag in the last two columns.

    A sentence ends at an empty line or one whose first column is ``-X-``. A line ends with ``\n``;
    ``\r`` is part of the tag. The delimiter is taken exactly, not as a pattern (``-d``). In a
    ``raw`` file tags are bare types, each token with one is an entity of its own (``-r``), and
    ``outside`` stands for no entity (``-o``). Variant and scheme are those of `score_tags`.

    Raises a CorpusError with the line if it cannot be read, has another number of columns than the
    first, or a tag that is none of the scheme's; a ConfigError if the delimiter is empty.
    """

    def read(number: int, tag: str) -> str:
        if raw and tag != OUTSIDE:
            tag = OUTSIDE if tag == outside else f"B-{tag}"
        if variant == "strict":
            try:
                _split_strictly(tag, scheme)
            except TagError as error:
                raise CorpusError(path, str(error), number) from error
        return tag

    def sentences() -> Iterator[TagPair]:
        lines = _read_columns(Path(path), delimiter, encoding)
        for inside, rows in groupby(lines, lambda line: bool(line[1])):
            if inside:
                gold, found = zip(*((read(n, c[-2]), read(n, c[-1])) for n, c in rows), strict=True)
                yield gold, found

    return _score(sentences(), variant, scheme)


def _read_columns(path: Path, delimiter: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the columns of each line; no columns between sentences."""
    if not delimiter:
        raise ConfigError("delimiter", "expected at least one character, got ''")
    number = width = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                columns = line.removesuffix(b"\n").decode(encoding).split(delimiter)
                while columns and not columns[-1]:  # as Perl splits
                    columns.pop()
                width = width or len(columns)
                is_boundary = not columns or columns[0] == "-X-"
                problem = ""
                if columns and len(columns) != width:
                    problem = f"expected {width} columns as in the lines before"
                elif not is_boundary and width < 2:
                    problem = "expected 2 or more columns, gold and predicted tag last"
                if problem:
                    got = f"got {len(columns)} ({delimiter.join(columns)[:60]!r})"
                    problem += f", parted by {delimiter!r} (-d), {got}"
                    raise CorpusError(path, problem, number)
                yield number, [] if is_boundary else columns
    except OSError as error:
        raise CorpusError(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        byte = f"the byte 0x{error.object[error.start]:02x}; name another with --encoding"
        problem = f"expected {encoding}, got {byte}"
        raise CorpusError(path, problem, number) from error


def report(score: Score) -> str:
    """Write a score as conlleval prints it.

    Where tags were not compared one by one, the first line counts sentences instead of tokens and
    the second leaves accuracy out.
    """
    tokens, total = score.counts.tokens, score.counts.total
    size = f"{tokens.total} tokens" if tokens else f"{len(score.counts.sentences)} sentences"
    found = f"found: {total.predicted} phrases; correct: {total.correct}."
    lines = [f"processed {size} with {total.gold} phrases; {found}\n"]
    if tokens is None:
        lines.append(f"{_ratios(total)}\n")
    elif tokens.total:
        lines.append(f"accuracy: {100 * tokens.correct / tokens.total:6.2f}%; {_ratios(total)}\n")
    for name, count in score.types.items():
        # The width counts bytes, and the untyped row comes once for each side that has it.
        times = (count.gold > 0) + (count.predicted > 0) if name == "" else 1
        padding = " " * (17 - len(name.encode()))
        lines.append(f"{padding}{name}: {_ratios(count)}  {count.predicted}\n" * times)
    return "".join(lines)


def _ratios(count: Count) -> str:
    return f"precision: {count.precision:6.2f}%; recall: {count.recall:6.2f}%; FB1: {count.f1:6.2f}"
