"""Read what is to be looked at: each part of a run's corpus, or a source, with its tokens."""

from __future__ import annotations

from collections.abc import Iterator

from kakehashi.config.settings import RunSettings
from kakehashi.config.sources import Source
from kakehashi.corpora.corpus import Corpus, load_corpora
from kakehashi.corpora.mappings import load_mapping
from kakehashi.corpora.segmentation import segmented
from kakehashi.sentence import Sentence
from kakehashi.text.segment import load_segmenter, segmenter_of


def read_parts(settings: RunSettings) -> dict[str, Iterator[Sentence]]:
    """Read each part of a run's corpus, split, mapped and segmented as training sees it."""
    corpora = load_corpora(settings.corpus)
    segmenter = segmenter_of(settings.text)
    parts = {"train": corpora.train, "dev": corpora.dev, "test": corpora.test}
    return {
        part: segmented(sentences, segmenter, settings.text.keep_tokens)
        for part, sentences in parts.items()
    }


def read_mapped(source: Source, mapping: str | None, segmenter: str | None) -> Iterator[Sentence]:
    """Read a source as it is, or with other types or tokens."""
    corpus = Corpus.from_sources([source])
    if mapping is not None:
        corpus = corpus.map_types(load_mapping(mapping))
    sentences = iter(corpus)
    if segmenter is not None:
        sentences = segmented(sentences, load_segmenter(segmenter))
    return sentences
