"""A corpus as arrays: a form number and a tag per token.

A text is cut piece by piece, and a piece that occurs again is not cut again: a word between blanks
where a pattern cuts, else a whole text. The rest is done for all tokens of a chunk at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress, count, islice, starmap
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi.corpora.corpus import segmented
from kakehashi.corpora.stats import many_lost
from kakehashi.corpora.texts import Texts
from kakehashi.data.batches import Ids, ranges
from kakehashi.data.vocabulary import Form
from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence, Span, Token
from kakehashi.tags import Tagset
from kakehashi.text.segment import Segmenter
from kakehashi.text.word_classes import WordClass, word_class
from kakehashi.text.words import PatternSegmenter

_MOST_TYPES = (np.iinfo(np.int16).max - 1) // 2
_AT_ONCE = 32  # sentences; the garbage collector would follow the tokens of more
_COUNTED_AT_ONCE = 1 << 22  # tokens; numpy counts in 8 bytes each
_WORD = attrgetter("text", "pos")
_FORM, _START, _END = attrgetter("text", "reading"), attrgetter("start"), attrgetter("end")
_BLANK = np.array([chr(code).isspace() for code in range(0x3002)])  # all that there are


@dataclass(frozen=True)
class EncodedCorpus:
    """Segmented sentences as arrays, which may be views of a file."""

    forms: npt.NDArray[np.int32]  # form number per token (tokens,)
    offsets: npt.NDArray[np.int64]  # where each sentence begins, and the end (sentences + 1,)
    tags: npt.NDArray[np.int16]  # gold spans, as BIO tag ids of ``types`` (tokens,)
    classes: npt.NDArray[np.uint8]  # `WordClass` per token (tokens,)
    types: tuple[str, ...]  # entity types of the spans, sorted
    missed: Mapping[int, tuple[Mention, ...]]  # by sentence number; no tokens can express them

    def __len__(self) -> int:
        """Count the sentences."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens per sentence (sentences,) int64."""
        return np.diff(self.offsets)

    @cached_property
    def spans(self) -> tuple[tuple[Span, ...], ...]:
        """Gold spans per sentence, read off the tags."""
        spans: list[list[Span]] = [[] for _ in range(len(self))]
        starts, ends = self.span_edges()
        sentences = np.searchsorted(self.offsets, starts, side="right") - 1
        firsts = self.offsets[sentences]
        columns = (sentences, starts - firsts, ends - firsts, self.tags[starts] // 2)
        for sentence, start, end, kind in zip(*(c.tolist() for c in columns), strict=True):
            spans[sentence].append(Span(start, end, self.types[kind]))
        return tuple(map(tuple, spans))

    @cached_property
    def lost(self) -> tuple[tuple[Mention, ...], ...]:
        """Gold mentions per sentence that no tokens can express."""
        return tuple(self.missed.get(sentence, ()) for sentence in range(len(self)))

    def take(self, sentences: Ids) -> EncodedCorpus:
        """Return some sentences, by their numbers, as a corpus of the same entity types."""
        lengths = self.lengths[sentences]
        tokens = ranges(self.offsets[sentences], lengths)
        offsets = np.append(0, np.cumsum(lengths))
        lost = {row: self.missed.get(number, ()) for row, number in enumerate(sentences.tolist())}
        missed = {row: mentions for row, mentions in lost.items() if mentions}
        columns = self.forms[tokens], offsets, self.tags[tokens], self.classes[tokens]
        return EncodedCorpus(*columns, self.types, missed)

    def summary(self) -> dict[str, object]:
        """Count sentences, tokens, entities, the lost among them, and the entities of each type."""
        lost = [mention.type for mentions in self.missed.values() for mention in mentions]
        counts = _count(self.tags, 1 + 2 * len(self.types))[1::2]
        types = Counter(dict(zip(self.types, counts, strict=True)))
        types.update(lost)
        sizes = {"sentences": len(self), "tokens": len(self.forms), "entities": types.total()}
        return {**sizes, "lost": len(lost), "types": dict(types.most_common())}

    def many_lost(self) -> str:
        """Return a warning where tokens lose more than 2 % of the mentions, or nothing."""
        n_lost = sum(map(len, self.missed.values()))
        return many_lost(n_lost, n_lost + int(np.count_nonzero(self.tags % 2)))

    def tag_ids(self, tagset: Tagset) -> npt.NDArray[np.integer[Any]]:
        """Return the gold spans as tag ids (tokens,); `TagError` if the tagset lacks a type."""
        if tagset == Tagset(self.types):
            return self.tags
        # Rows: O, then B and I of each type; columns: whether the span goes on at the next token.
        table = [(0, 0)]
        for kind in self.types:
            begin, inside, end = tagset.ids_from_spans([Span(0, 3, kind)], 3)
            [single] = tagset.ids_from_spans([Span(0, 1, kind)], 1)
            table += [(single, begin), (end, inside)]
        goes_on = np.append(self._inside()[1:], np.False_)[: len(self.tags)]
        ids: npt.NDArray[np.int32] = np.array(table, dtype=np.int32)[self.tags, goes_on.view("u1")]
        return ids

    def edge_classes(self) -> Iterator[tuple[str, WordClass, WordClass]]:
        """Yield of each distinct kind of gold span: its type, its first and its last class."""
        starts, ends = self.span_edges()
        columns = (self.tags[starts] // 2, self.classes[starts], self.classes[ends - 1])
        distinct = np.unique(np.stack(columns, axis=1), axis=0)
        for kind, first, last in distinct.tolist():
            yield self.types[kind], WordClass(first), WordClass(last)

    def span_edges(self) -> tuple[Ids, Ids]:
        """Return the first token of each gold span, and one past its last (spans,)."""
        starts = np.flatnonzero(self.tags % 2)
        ends = np.append(np.flatnonzero(~self._inside()), len(self.tags))
        return starts, ends[np.searchsorted(ends, starts, side="right")]

    def _inside(self) -> npt.NDArray[np.bool_]:  # whether a token goes on with a span
        inside: npt.NDArray[np.bool_] = (self.tags > 0) & (self.tags % 2 == 0)
        return inside

    def count_forms(self, forms: Sequence[Form]) -> Iterator[tuple[Form, int]]:
        """Yield those forms, of all that are numbered, that occur here, and how often."""
        counts = _count(self.forms, len(forms))
        return ((form, count) for form, count in zip(forms, counts, strict=True) if count)


def join(parts: Sequence[EncodedCorpus]) -> EncodedCorpus:
    """Join corpora whose forms are numbered alike to one with the entity types of all."""
    types = sorted_types(kind for part in parts for kind in part.types)
    parts = list(renumber(parts, types))
    forms = np.concatenate([np.zeros(0, np.int32), *(part.forms for part in parts)])
    offsets = np.concatenate([np.zeros(1, np.int64), *(part.offsets[1:] for part in parts)])
    tags = np.concatenate([np.zeros(0, np.int16), *(part.tags for part in parts)])
    classes = np.concatenate([np.zeros(0, np.uint8), *(part.classes for part in parts)])
    missed = {sentence: lost for part in parts for sentence, lost in part.missed.items()}
    return EncodedCorpus(forms, offsets, tags, classes, types, missed)


def encode(sentences: Iterable[Sentence], forms: dict[Form, int]) -> EncodedCorpus:
    """Encode segmented sentences, numbering new forms as they come; ValueError without tokens."""
    sentences, parts = iter(sentences), []
    while chunk := list(islice(sentences, _AT_ONCE)):
        if any(sentence.tokens is None for sentence in chunk):
            raise ValueError("a sentence has no tokens yet; segment it first")
        texts, tokens = Texts.from_sentences(chunk), [each.tokens or () for each in chunk]
        parts.append(_encode(texts, tokens, np.arange(len(chunk)), texts.begins, forms))
    return join(parts)


def encode_chunk(
    chunk: Iterable[Sentence], segmenter: Segmenter, forms: dict[Form, int], keep_tokens: bool
) -> EncodedCorpus:
    """Segment and encode a part of a corpus, as `encode` would what `segmented` makes of it."""
    texts: Texts | None = chunk.texts() if hasattr(chunk, "texts") else None
    if texts is None and keep_tokens:
        return encode(segmented(chunk, segmenter, keep_tokens), forms)
    texts = texts or Texts.from_sentences(chunk)
    pieces, begins = texts.texts, texts.begins
    cut: Callable[[str], Sequence[Token]] = segmenter.segment
    if isinstance(segmenter, PatternSegmenter):
        text = "\n".join(texts.texts)
        codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        inside = ~_BLANK[np.minimum(codes, len(_BLANK) - 1)]
        begins = np.flatnonzero(inside & ~np.append(np.False_, inside[:-1]))
        pieces, cut = segmenter.words(text), segmenter.tokens_of
    rows: dict[str, int] = defaultdict(count().__next__)
    which = np.fromiter(map(rows.__getitem__, pieces), np.int64, len(pieces))
    return _encode(texts, [cut(piece) for piece in rows], which, begins, forms)


def _encode(
    texts: Texts, tokens: Sequence[Sequence[Token]], which: Ids, begins: Ids, forms: dict[Form, int]
) -> EncodedCorpus:
    """Encode texts whose distinct pieces have these tokens; which piece begins where is given."""
    counts = np.array([len(each) for each in tokens], dtype=np.int64)
    flat = list(chain.from_iterable(tokens))
    numbers = [forms.setdefault(form, len(forms)) for form in map(_FORM, flat)]
    classes = np.fromiter(starmap(word_class, map(_WORD, flat)), np.uint8, len(flat))
    first, last = (np.fromiter(map(edge, flat), np.int64, len(flat)) for edge in (_START, _END))
    rows = ranges((np.cumsum(counts) - counts)[which], counts[which])
    shifts = np.repeat(begins, counts[which])
    starts, ends = shifts + first[rows], shifts + last[rows]
    # Project the mentions onto the tokens, as `Sentence.project` does.
    shifts = texts.begins[texts.sentences]
    firsts, lasts = _find(starts, shifts + texts.starts), _find(ends, shifts + texts.ends)
    kept = (firsts >= 0) & (lasts >= firsts)
    missed: dict[int, tuple[Mention, ...]] = {}
    for number in np.flatnonzero(~kept).tolist():
        sentence, mention = texts.mention(number)
        missed[sentence] = (*missed.get(sentence, ()), mention)
    kinds = list(compress(texts.types, kept))
    types = sorted_types(kinds)
    ids = {kind: 1 + 2 * row for row, kind in enumerate(types)}
    tags = np.zeros(len(rows), dtype=np.int16)
    begin_tags = np.array([ids[kind] for kind in kinds], dtype=np.int16)
    lengths = (lasts - firsts + 1)[kept]
    tags[ranges(firsts[kept], lengths)] = np.repeat(begin_tags + 1, lengths)
    tags[firsts[kept]] = begin_tags
    offsets = np.append(np.searchsorted(starts, texts.begins), len(rows))
    forms_of = np.array(numbers, np.int32)[rows]
    return EncodedCorpus(forms_of, offsets, tags, classes[rows], types, missed)


def _find(edges: Ids, wanted: Ids) -> Ids:
    """Find the token whose edge is the wanted one; -1 where there is none."""
    places = np.searchsorted(edges, wanted)
    return np.where(np.append(edges, -1)[places] == wanted, places, -1)


def sorted_types(kinds: Iterable[str]) -> tuple[str, ...]:
    """Sort the distinct entity types; refuse more than there are numbers for their tags."""
    types = tuple(sorted(set(kinds)))
    if (n := len(types)) > _MOST_TYPES:
        raise ConfigError("corpus", f"expected at most {_MOST_TYPES:,} entity types, got {n:,}")
    return types


def renumber(parts: Iterable[EncodedCorpus], types: Sequence[str]) -> Iterator[EncodedCorpus]:
    """Number the sentences, tokens and tags of parts as those of one corpus with these types."""
    ids = {kind: 1 + 2 * row for row, kind in enumerate(types)}
    sentence = token = 0
    for part in parts:
        tags = [0, *(ids[kind] + inside for kind in part.types for inside in (0, 1))]
        tags_of_all = np.array(tags, dtype=np.int16)[part.tags]
        missed = {sentence + row: lost for row, lost in part.missed.items()}
        offsets = part.offsets + token
        yield EncodedCorpus(part.forms, offsets, tags_of_all, part.classes, tuple(types), missed)
        sentence, token = sentence + len(part), token + len(part.forms)


def _count(numbers: npt.NDArray[np.integer[Any]], size: int) -> list[int]:
    """Count how often each number below `size` occurs."""
    counts = np.zeros(size, dtype=np.int64)
    for start in range(0, len(numbers), _COUNTED_AT_ONCE):
        counts += np.bincount(numbers[start : start + _COUNTED_AT_ONCE], minlength=size)
    found: list[int] = counts.tolist()
    return found
