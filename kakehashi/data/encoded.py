"""A corpus as arrays: one form number per token."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kakehashi.data.forms import Channels, Forms
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.sentence import Mention, Sentence, Span
from kakehashi.tags import Tagset


@dataclass(frozen=True)
class EncodedCorpus:
    """Segmented sentences as arrays.

    Attributes:
        forms: Form number per token (tokens,) int32.
        offsets: Where each sentence begins, and the end (sentences + 1,) int64.
        spans: Gold spans per sentence.
        lost: Gold mentions per sentence that no tokens can express.
    """

    forms: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    spans: tuple[tuple[Span, ...], ...]
    lost: tuple[tuple[Mention, ...], ...]

    def __len__(self) -> int:
        """Count the sentences."""
        return len(self.spans)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens per sentence (sentences,) int64."""
        return np.diff(self.offsets)

    def summary(self) -> dict[str, object]:
        """Count sentences, tokens, entities, the lost among them, and the entities of each type."""
        lost = sum(map(len, self.lost))
        types = Counter(span.type for spans in self.spans for span in spans)
        types.update(mention.type for mentions in self.lost for mention in mentions)
        return {
            "sentences": len(self),
            "tokens": len(self.forms),
            "entities": types.total(),
            "lost": lost,
            "types": dict(types.most_common()),
        }

    def tag_ids(self, tagset: Tagset) -> npt.NDArray[np.int64]:
        """Write the gold spans as tag ids (tokens,) int64.

        Raises:
            TagError: If a span has a type that the tagset does not know.
        """
        ids = np.zeros(len(self.forms), dtype=np.int64)
        for start, length, spans in zip(self.offsets, self.lengths, self.spans, strict=False):
            if spans:
                ids[start : start + length] = tagset.ids_from_spans(spans, int(length))
        return ids


def encode(sentences: Iterable[Sentence], forms: Forms) -> EncodedCorpus:
    """Turn segmented sentences into arrays, numbering new forms as they come."""
    numbers = array("i")
    offsets = array("q", [0])
    spans: list[tuple[Span, ...]] = []
    lost: list[tuple[Mention, ...]] = []
    for sentence in sentences:
        projection = sentence.project()
        numbers.extend(forms.number(sentence.tokens or ()))
        offsets.append(len(numbers))
        spans.append(projection.spans)
        lost.append(projection.lost)
    return EncodedCorpus(
        np.array(numbers, dtype=np.int32),
        np.array(offsets, dtype=np.int64),
        tuple(spans),
        tuple(lost),
    )


def count_words(corpus: EncodedCorpus, forms: Forms, channels: Channels) -> Counter[str]:
    """Count the words of a corpus, as the word channel sees them."""
    counts: Counter[str] = Counter()
    for form, count in zip(forms.ids, _form_counts(corpus, forms), strict=True):
        if count:
            counts[channels.word_of(form)] += int(count)
    return counts


def ngram_vocabulary(corpus: EncodedCorpus, forms: Forms, channels: Channels) -> Vocabulary:
    """Number the n-grams of a corpus, as the character channel sees them."""
    counts: Counter[str] = Counter()
    for form, count in zip(forms.ids, _form_counts(corpus, forms), strict=True):
        if count:
            for ngram in channels.ngrams_of(form):
                counts[ngram] += int(count)
    return Vocabulary.from_counts(counts)


def _form_counts(corpus: EncodedCorpus, forms: Forms) -> npt.NDArray[np.int64]:
    return np.bincount(corpus.forms, minlength=len(forms))
