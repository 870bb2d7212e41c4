"""Count what is in a source, or in each part of a run's corpus."""

from __future__ import annotations

from kakehashi.config.settings import RunSettings
from kakehashi.config.sources import Source
from kakehashi.corpora.corpus import Corpus, load_corpora
from kakehashi.corpora.mappings import load_mapping
from kakehashi.corpora.segmentation import segmented
from kakehashi.corpora.stats import CorpusStats, describe
from kakehashi.progress import Progress
from kakehashi.text.segment import load_segmenter


def inspect_config(settings: RunSettings, progress: Progress) -> dict[str, CorpusStats]:
    """Count each part of a run's corpus, split, mapped and segmented as training sees it."""
    corpora = load_corpora(settings.corpus)
    segmenter = load_segmenter(settings.text.segmenter, cut_scripts=settings.text.cut_scripts)
    parts = {"train": corpora.train, "dev": corpora.dev, "test": corpora.test}
    found = {}
    for part, sentences in parts.items():
        tokens = segmented(sentences, segmenter, settings.text.keep_tokens)
        label = f"{settings.name} {part}"
        found[label] = describe(progress.track(tokens, label))
    return found


def inspect_source(
    source: Source, mapping: str | None, segmenter: str | None, progress: Progress
) -> CorpusStats:
    """Count a source as it is, or with other types or tokens."""
    corpus = Corpus.from_sources([source])
    if mapping is not None:
        corpus = corpus.map_types(load_mapping(mapping))
    sentences = iter(corpus)
    if segmenter is not None:
        sentences = segmented(sentences, load_segmenter(segmenter))
    return describe(progress.track(sentences, corpus.name))
