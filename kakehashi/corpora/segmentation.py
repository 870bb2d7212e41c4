"""Give sentences the tokens that a tagger sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from kakehashi.corpora.checks import checked
from kakehashi.sentence import Sentence
from kakehashi.text.segment import Segmenter
from kakehashi.text.words import PatternSegmenter

_REMEMBERED = 1 << 14  # texts; generated and spoken utterances repeat


def segmented(
    sentences: Iterable[Sentence], segmenter: Segmenter, keep_tokens: bool = False
) -> Iterator[Sentence]:
    """Yield the sentences with tokens of the segmenter's.

    Args:
        sentences: In any state.
        segmenter: Cuts the text.
        keep_tokens: Keep the tokens of sentences that have some, and only add what they lack:
            readings and parts of speech.

    Raises:
        CorpusError: If tokens that are kept are not those of the text.
    """
    segment = segmenter.segment
    if not isinstance(segmenter, PatternSegmenter):  # which is as fast as remembering
        segment = lru_cache(_REMEMBERED)(segment)
    for sentence in sentences:
        if keep_tokens and sentence.tokens is not None:
            sentence = checked(sentence, "sentence")  # which need not come from a reader
            tokens = segmenter.annotate(sentence.text, sentence.tokens or ())
        else:
            tokens = segment(sentence.text)
        yield Sentence(sentence.text, sentence.mentions, tokens, sentence.id, sentence.group)
