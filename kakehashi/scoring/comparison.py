"""Compare gold with predicted entities, in whichever form they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from operator import add, eq
from pathlib import Path

from kakehashi.errors import CorpusError
from kakehashi.scoring.conlleval import Row, count_chunks
from kakehashi.scoring.score import GOLD, Counts, Score, Signature, Tally, TokenCount, Variant
from kakehashi.scoring.strict import StrictScheme, count_strict
from kakehashi.sentence import Mention, Sentence, Span
from kakehashi.tags import tags_from_spans


def score_spans(
    gold: Iterable[Sequence[Span]],
    predicted: Iterable[Sequence[Span]],
    lost: Iterable[Sequence[Mention]] | None = None,
    *,
    variant: Variant = "conlleval",
) -> Score:
    """Compare entities counted in tokens; both sides must be cut into the same tokens.

    Args:
        gold: The true entities of each sentence.
        predicted: Those found in it.
        lost: Further gold entities of each sentence, which no token edges fit; they count as
            missed: moved to the nearest tokens, they would flatter the segmentation.
        variant: How the spans were read off tags; this only names it in the signature.

    Example:
        >>> gold = [[Span(0, 1, "PER")], []]
        >>> score = score_spans(gold, [[Span(0, 1, "PER")], [Span(2, 3, "LOC")]])
        >>> score.precision, score.recall
        (50.0, 100.0)
    """
    tally = Tally()
    n_lost = 0
    gold = list(gold)
    lost = [()] * len(gold) if lost is None else lost
    for true, found, missed in zip(gold, predicted, lost, strict=True):
        tally.add_sentence(true, found)
        for mention in missed:
            tally.count(GOLD, mention.type)
            n_lost += 1
    return _score(tally.counts(), Signature(variant, {"unit": "tokens", "lost": n_lost}))


def score_mentions(
    gold: Iterable[Sequence[Mention]], predicted: Iterable[Sequence[Mention]]
) -> Score:
    """Compare entities counted in characters, however the texts were cut into tokens."""
    tally = Tally()
    for true, found in zip(gold, predicted, strict=True):
        tally.add_sentence(_ranges(true), _ranges(found))
    return _score(tally.counts(), Signature("conlleval", {"unit": "characters"}))


def score_tags(
    gold: Iterable[Sequence[str]],
    predicted: Iterable[Sequence[str]],
    *,
    variant: Variant = "conlleval",
    scheme: StrictScheme = "bio",
) -> Score:
    """Compare two tag sequences per sentence.

    The variant ``conlleval`` takes tags as they are, and neighbours in IOBES for one chunk; to tell
    them apart read spans off the tags and score those.

    Args:
        gold: The true tags of each sentence.
        predicted: Those found for it.
        variant: How sequences that break their scheme are read.
        scheme: The scheme of the variant ``strict``; ``conlleval`` has but one reading.

    Raises:
        TagError: In the variant ``strict``, if a tag is none of the scheme's.

    Example:
        >>> tags = [["O", "B-PER", "I-PER"]], [["O", "I-PER", "I-PER"]]
        >>> score_tags(*tags).f1, score_tags(*tags, variant="strict").f1
        (100.0, 0.0)
    """
    return score_rows(_rows(gold, predicted), variant, scheme)


def score_rows(rows: Iterable[Row], variant: Variant, scheme: StrictScheme) -> Score:
    """Compare tags token by token, as `score_tags`; None stands after each sentence."""
    if variant == "strict":
        facts = {"unit": "tokens", "scheme": scheme}
        return _score(count_strict(rows, scheme), Signature("strict", facts))
    return _score(count_chunks(rows), Signature("conlleval", {"unit": "tokens"}))


def score_sentences(
    gold: Iterable[Sentence],
    predicted: Iterable[Sentence],
    names: tuple[str | Path, str | Path] = ("gold", "predicted"),
) -> Score:
    """Compare two readings of the same sentences by their mentions.

    Tags are compared as well, as BIO, if both sides have the same tokens everywhere.

    Args:
        gold: Sentences with the true mentions.
        predicted: The same sentences with those found.
        names: What to call the two in an error, e.g. their files.

    Raises:
        CorpusError: If the two differ in a text or in the number of sentences.
    """
    tally = Tally()
    tokens: TokenCount | None = TokenCount(0, 0)
    for true, found in _same_texts(gold, predicted, names):
        tally.add_sentence(_ranges(true.mentions), _ranges(found.mentions))
        right = _right_tags(true, found)
        tokens = tokens and right and TokenCount(*map(add, tokens, right))
    return _score(tally.counts(tokens), Signature("conlleval", {"unit": "characters"}))


def _score(counts: Counts, signature: Signature) -> Score:
    return Score(counts, signature.extended({"sentences": len(counts.sentences)}))


def _ranges(mentions: Sequence[Mention]) -> list[Span]:
    """Take mentions for spans, with characters as tokens."""
    return [Span(mention.start, mention.end, mention.type) for mention in mentions]


def _rows(gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> Iterator[Row]:
    for true, found in zip(gold, predicted, strict=True):
        yield from zip(true, found, strict=True)
        yield None


def _same_texts(
    gold: Iterable[Sentence], predicted: Iterable[Sentence], names: tuple[str | Path, str | Path]
) -> Iterator[tuple[Sentence, Sentence]]:
    here = names[0]
    for number, (true, found) in enumerate(zip_longest(gold, predicted), 1):
        if found is None:
            problem = f"expected {true.text[:40]!r} as in {here}, got the end; is it complete?"
        elif true is None:
            problem = (
                f"expected the end as in {here}, got {found.text[:40]!r}; is it the same test set?"
            )
        elif true.text != found.text:
            at = _first_difference(true.text, found.text)
            expected, came = (sentence.text[at : at + 20] for sentence in (true, found))
            problem = f"expected {expected!r} at character {at} as in {here}, got {came!r}"
        else:
            yield true, found
            continue
        raise CorpusError(names[1], f"sentence {number}: {problem}")


def _first_difference(text: str, other: str) -> int:
    pairs = zip_longest(text, other)
    return next(at for at, (character, its) in enumerate(pairs) if character != its)


def _right_tags(gold: Sentence, predicted: Sentence) -> TokenCount | None:
    """Compare tags one by one; None if the two sides have not the same tokens."""
    if gold.tokens is None or predicted.tokens is None:
        return None
    if [token[1:3] for token in gold.tokens] != [token[1:3] for token in predicted.tokens]:
        return None
    length = len(gold.tokens)
    true, found = (tags_from_spans(side.project().spans, length) for side in (gold, predicted))
    return TokenCount(length, sum(map(eq, true, found)))
