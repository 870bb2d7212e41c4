"""A corpus as arrays, from columns of texts: as sentence by sentence, but many times faster.

All texts are cut at once. A word between blanks is looked up once; what tokens it has is found out
when it is met first.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.corpora.texts import Texts
from kakehashi.data.batches import ranges
from kakehashi.data.encode import EncodedCorpus, Forms, tag_renumbering
from kakehashi.sentence import Mention
from kakehashi.text.words import PatternSegmenter

_Numbers = npt.NDArray[np.int64]

_BLANK = np.array([chr(code).isspace() for code in range(0x3002)])  # all that there are


class _Tokens(NamedTuple):
    """The tokens of a text: the number of the form, first character, one past the last."""

    forms: npt.NDArray[np.int32]
    starts: _Numbers
    ends: _Numbers


class _Words(dict[str, int]):
    """Words with numbers; each one's tokens are cut when it is looked up first."""

    def __init__(self, segmenter: PatternSegmenter, forms: Forms) -> None:
        super().__init__()
        self._segmenter, self._forms = segmenter, forms
        self.tokens = array("i"), array("i"), array("i")
        self.offsets = array("q", [0])

    def __missing__(self, word: str) -> int:
        tokens = self._segmenter.tokens_of(word)
        forms, starts, ends = self.tokens
        forms.extend(self._forms.number(tokens))
        for token in tokens:
            starts.append(token.start)
            ends.append(token.end)
        self.offsets.append(len(forms))
        number = self[word] = len(self)
        return number


def encode_texts(texts: Texts, segmenter: PatternSegmenter, forms: Forms) -> EncodedCorpus:
    """Turn texts into arrays, numbering new forms as they come.

    Raises:
        ConfigError: If there are so many entity types that something else must be meant.
    """
    begins = np.cumsum(texts.lengths + 1) - texts.lengths - 1
    tokens = _cut("\n".join(texts.texts), segmenter, forms)
    shifts = begins[texts.sentences]
    firsts = _places(tokens.starts, shifts + texts.starts)
    lasts = _places(tokens.ends, shifts + texts.ends)
    kept = (firsts >= 0) & (lasts >= firsts)
    types = list(compress(texts.types, kept))
    tags = _tags(firsts[kept], lasts[kept], types, len(tokens.forms))
    return EncodedCorpus(
        tokens.forms,
        np.append(np.searchsorted(tokens.starts, begins), len(tokens.forms)),
        tags,
        tuple(sorted(set(types))),
        _missed(texts, np.flatnonzero(~kept).tolist()),
    )


def _cut(text: str, segmenter: PatternSegmenter, forms: Forms) -> _Tokens:
    """Cut a text into tokens."""
    known = _Words(segmenter, forms)
    found = segmenter.words(text)
    words = np.fromiter(map(known.__getitem__, found), np.int64, len(found))
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    inside = ~_BLANK[np.minimum(codes, len(_BLANK) - 1)]
    begins = np.flatnonzero(inside & ~np.append(np.False_, inside[:-1]))
    offsets = np.array(known.offsets)
    counts = np.diff(offsets)[words]
    shifts = np.repeat(begins, counts)
    rows = ranges(offsets[words], counts)
    forms_, starts, ends = (np.array(column, dtype=np.int32)[rows] for column in known.tokens)
    return _Tokens(forms_, shifts + starts, shifts + ends)


def _places(edges: _Numbers, wanted: _Numbers) -> _Numbers:
    """Find at which token an edge is the wanted one; -1 where at none."""
    places = np.searchsorted(edges, wanted)
    return np.where(np.append(edges, -1)[places] == wanted, places, -1)


def _tags(
    firsts: _Numbers, lasts: _Numbers, types: Sequence[str], n_tokens: int
) -> npt.NDArray[np.int16]:
    """Tag the tokens of mentions, by the first and the last of each."""
    names = sorted(set(types))
    begin = dict(zip(names, tag_renumbering(names, names)[1::2].tolist(), strict=True))
    begins = np.array([begin[kind] for kind in types], dtype=np.int16)
    counts = lasts - firsts + 1
    tags = np.zeros(n_tokens, dtype=np.int16)
    tags[ranges(firsts, counts)] = np.repeat(begins + 1, counts)
    tags[firsts] = begins
    return tags


def _missed(texts: Texts, mentions: Sequence[int]) -> dict[int, tuple[Mention, ...]]:
    """Gather the mentions of some numbers by sentence."""
    missed: dict[int, tuple[Mention, ...]] = {}
    for number in mentions:
        sentence, start, end = (
            int(column[number]) for column in (texts.sentences, texts.starts, texts.ends)
        )
        mention = Mention(start, end, texts.types[number], texts.texts[sentence][start:end])
        missed[sentence] = (*missed.get(sentence, ()), mention)
    return missed
