"""What a view does to a corpus: letters it cannot write, words it makes one, n-grams it shares."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from kakehashi.corpora.stats import Share
from kakehashi.errors import ConfigError
from kakehashi.sentence import Sentence, Token
from kakehashi.text.views import ngrams, view

UNWRITTEN = "token with letters that are not Latin"


@dataclass(frozen=True)
class Leak:
    """A form with letters that its view leaves as they are."""

    form: str
    seen: str
    tokens: int


@dataclass(frozen=True)
class Romanization:
    """A corpus as a view writes it. All shares count tokens, or the n-grams of tokens."""

    view: str
    forms: int  # distinct tokens after NFKC
    seen: int  # distinct ones in the view
    leaking: Share  # tokens that keep letters that are not Latin
    alike: Share  # tokens whose form looks as another one does
    shared: Share | None  # n-grams that occur in the source; None without one
    leaks: tuple[Leak, ...]  # the most frequent first


def audit_view(
    sentences: Iterable[Sentence],
    name: str,
    n: int = 2,
    source: Collection[str] | None = None,
) -> Romanization:
    """Write all tokens in a view, and count.

    Args:
        sentences: Segmented ones; `ConfigError` at one without tokens.
        name: The view.
        n: Characters per n-gram.
        source: The n-grams of a source, see `ngrams_of`.
    """
    counts = Counter(_forms(sentences))
    forms, seen = Counter[str](), defaultdict[str, set[str]](set)
    leaks, grams, n_shared = Counter[tuple[str, str]](), 0, 0
    for (surface, reading), count in counts.items():
        form, shown = unicodedata.normalize("NFKC", surface), view(surface, reading, name)
        forms[form] += count
        seen[shown].add(form)
        if not all(map(_is_latin, shown)):
            leaks[form, shown] += count
        if source is not None:
            found = ngrams(shown, n)
            grams += count * len(found)
            n_shared += count * sum(each in source for each in found)
    alike = set().union(*(those for those in seen.values() if len(those) > 1))
    total = counts.total()
    return Romanization(
        view=name,
        forms=len(forms),
        seen=len(seen),
        leaking=Share(total, leaks.total()),
        alike=Share(total, sum(forms[form] for form in alike)),
        shared=None if source is None else Share(grams, n_shared),
        leaks=tuple(Leak(*pair, count) for pair, count in leaks.most_common()),
    )


def ngrams_of(sentences: Iterable[Sentence], name: str, n: int = 2) -> set[str]:
    """Return the n-grams of a segmented corpus in a view; see `audit_view`."""
    return {each for form in set(_forms(sentences)) for each in ngrams(view(*form, name), n)}


def written_as(sentences: Iterable[Sentence], name: str) -> Iterator[Sentence]:
    """Yield segmented sentences with what a view makes of each token as its reading.

    Tokens that keep a letter which is not Latin become notes, `UNWRITTEN`.
    """
    for sentence in sentences:
        tokens = [
            token._replace(reading=view(token.text, token.reading, name))
            for token in _tokens(sentence)
        ]
        leaks = sum(not all(map(_is_latin, token.reading)) for token in tokens)
        notes = (*sentence.notes, *[UNWRITTEN] * leaks)
        yield replace(sentence, tokens=tuple(tokens), notes=notes)


def _forms(sentences: Iterable[Sentence]) -> Iterator[tuple[str, str]]:
    return ((token.text, token.reading) for each in sentences for token in _tokens(each))


def _tokens(sentence: Sentence) -> tuple[Token, ...]:
    if sentence.tokens is None:
        problem = f"{sentence.text[:40]!r} has no tokens; say how to cut"
        raise ConfigError("--segmenter", problem)
    return sentence.tokens


@cache
def _is_latin(char: str) -> bool:
    """Whether a character is no letter of another script."""
    return not char.isalpha() or unicodedata.name(char, "").startswith("LATIN ")
