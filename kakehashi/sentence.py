"""The data model: sentences, tokens, mentions, spans.

Gold and predicted entities are *mentions*: character ranges of the raw text. A segmentation is
one way to cut that text into *tokens*; *spans* are mentions counted in tokens. So a corpus can be
segmented again without loss, and a mention that no token boundary meets stays visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import accumulate
from typing import NamedTuple


class Token(NamedTuple):
    """One element of a segmented sentence."""

    text: str  # the form as it is in the raw text, never empty
    start: int  # its first character there
    end: int  # one past its last
    reading: str = ""  # in kana or pinyin, by the segmenter or corpus; "" where there is none
    pos: str = ""  # coarse part of speech; "" where there is none


class Span(NamedTuple):
    """An entity counted in tokens, ``end`` exclusive."""

    start: int
    end: int
    type: str


class Mention(NamedTuple):
    """An entity counted in characters of the raw text, ``end`` exclusive.

    ``probability`` is None for gold mentions; for predicted ones it lies between 0 and 1.
    """

    start: int
    end: int
    type: str
    text: str
    probability: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Return its fields by name, without a probability where there is none.

        Example:
            >>> Mention(6, 11, "LOC", "Tokyo").to_dict()
            {'start': 6, 'end': 11, 'type': 'LOC', 'text': 'Tokyo'}
        """
        return {name: value for name, value in self._asdict().items() if value is not None}


class Projection(NamedTuple):
    """Mentions as spans of whole tokens, and those *lost*, which no tagger of tokens can find."""

    spans: tuple[Span, ...]
    lost: tuple[Mention, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Sentence:
    """A sentence: raw text, mentions, and, once segmented, tokens.

    Example:
        >>> Sentence("Hello Tokyo", (Mention(6, 11, "LOC", "Tokyo", 0.98),))
        Sentence('Hello [Tokyo]', LOC 0.98)
    """

    text: str  # raw; all offsets count its characters
    mentions: tuple[Mention, ...] = ()  # gold or predicted, in order, without overlap
    tokens: tuple[Token, ...] | None = None  # one segmentation; None until there is one
    id: str = ""  # its name in its corpus, "" where it has none
    group: str = ""  # its article or document, "" where unknown; splits may respect it
    notes: tuple[str, ...] = field(default=(), compare=False)  # what its file has and this has not

    def __repr__(self) -> str:
        pieces = ((piece if found is None else f"[{piece}]") for piece, found in self._pieces())
        types = (
            m.type if m.probability is None else f"{m.type} {m.probability:.2f}"
            for m in self.mentions
        )
        return f"Sentence({', '.join([repr(''.join(pieces)), *types])})"

    def _repr_html_(self) -> str:
        """Show the mentions, with types and probabilities, in a notebook."""
        parts = [
            escape(piece)
            if found is None
            else f'<mark style="padding:.1em .3em;border-radius:.3em">{escape(piece)}'
            f" <small><b>{escape(found.type)}</b>"
            f"{'' if found.probability is None else f' {found.probability:.2f}'}</small></mark>"
            for piece, found in self._pieces()
        ]
        return f'<div style="line-height:2">{"".join(parts)}</div>'

    def _pieces(self) -> Iterator[tuple[str, Mention | None]]:
        """Yield the text in pieces, each with its mention."""
        end = 0
        for mention in self.mentions:
            yield self.text[end : mention.start], None
            yield self.text[mention.start : mention.end], mention
            end = mention.end
        yield self.text[end:], None

    def project(self) -> Projection:
        """Project the mentions onto the tokens; `ValueError` if there are none yet."""
        if self.tokens is None:
            raise ValueError("the sentence has no tokens yet; segment it first")
        if not self.mentions:
            return Projection((), ())
        starts = {token.start: index for index, token in enumerate(self.tokens)}
        ends = {token.end: index + 1 for index, token in enumerate(self.tokens)}
        spans: list[Span] = []
        lost: list[Mention] = []
        for mention in self.mentions:
            start, end = starts.get(mention.start), ends.get(mention.end)
            if start is None or end is None or end <= start:
                lost.append(mention)
            else:
                spans.append(Span(start, end, mention.type))
        return Projection(tuple(spans), tuple(lost))


@dataclass(frozen=True)
class Part:
    """Sentences that are read anew each time they are asked for, here or in another process."""

    read: Callable[[], Iterator[Sentence]]

    def __iter__(self) -> Iterator[Sentence]:
        return self.read()


def check_tokens(text: str, tokens: Sequence[Token]) -> None:
    """Check that tokens are in the text where they say, one after the other.

    `ValueError` if one is empty, exceeds the text, differs from it, or overlaps the one before.
    """
    last, size = 0, len(text)
    for form, start, end, _, _ in tokens:
        if not last <= start < end <= size or text[start:end] != form:
            raise ValueError(
                f"the token {form!r} at [{start}, {end}) contradicts the text,"
                f" {text[max(0, start) : max(0, end)]!r} there; tokens must come in order,"
                " without overlap"
            )
        last = end


def mentions_from_spans(
    text: str, tokens: Sequence[Token], spans: Sequence[Span]
) -> tuple[Mention, ...]:
    """Convert spans of tokens to mentions in the raw text."""
    ranges = [(tokens[span.start].start, tokens[span.end - 1].end, span.type) for span in spans]
    return tuple(Mention(start, end, kind, text[start:end]) for start, end, kind in ranges)


def sentence_from_forms(
    forms: Sequence[str],
    spans: Sequence[Span] = (),
    *,
    joiner: str = " ",
    after: Sequence[str] | None = None,
    id: str = "",
    group: str = "",
) -> Sentence:
    """Build a sentence from token forms, where the raw text is not known.

    Between tokens is the joiner: a space, or nothing for Japanese; ``after`` has the text after
    each token, where it is not always the same.

    Example:
        >>> sentence_from_forms(["Hello", "Tokyo"], [Span(1, 2, "LOC")]).mentions
        (Mention(start=6, end=11, type='LOC', text='Tokyo', probability=None),)
    """
    after = [joiner] * len(forms) if after is None else after
    pieces = [form + gap for form, gap in zip(forms, after, strict=True)]
    starts = accumulate(map(len, pieces), initial=0)
    tokens = [Token(form, at, at + len(form)) for form, at in zip(forms, starts, strict=False)]
    text = "".join(pieces)[: tokens[-1].end if tokens else 0]
    return Sentence(text, mentions_from_spans(text, tokens, spans), tuple(tokens), id, group)
