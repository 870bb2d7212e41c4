"""The store: encoded corpora in a cache folder, written once and shared by all who train on them.

::

    CACHE/
      corpus-FINGERPRINT/        the same for all settings that read and segment alike
        train.arrow dev.arrow test.arrow
                                 form number and tag per token, sentence offsets
        forms.arrow              surface and reading of every form
        test.jsonl               the segmented test sentences, for the predictions
      features-FINGERPRINT/      the same for all settings that see its forms alike
        features.arrow           word and n-gram ids of every form, vocabularies, vectors
      NAME.partial/              being written; goes on after a kill with the shards that are done
      NAME.lock                  held by the process that writes

A folder gets its name when it is complete. Its files are mapped, so processes that train on the
same corpora share their memory.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from kakehashi.config.settings import RunSettings
from kakehashi.corpora.corpus import load_corpora
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.corpora.segmentation import segmented
from kakehashi.data.arrays import Arrays, write_arrays
from kakehashi.data.forms import Forms
from kakehashi.data.layout import (
    feature_columns,
    form_columns,
    read_corpus,
    read_features,
    read_forms,
)
from kakehashi.data.origins import corpus_fingerprint, features_fingerprint
from kakehashi.data.prepared import Encoded, Prepared, assembled, build_features
from kakehashi.data.shards import join_shards, write_shard
from kakehashi.data.workers import in_order
from kakehashi.files import lock, sweep
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence
from kakehashi.text.segment import segmenter_of

_PARTS = ("train", "dev", "test")


class Store:
    """The encoded corpora of a run, written now or by an earlier run.

    Args:
        cache: The folder of all stores; made if need be.
        settings: Of the run.
        progress: Is told how far it is.
        processes: How many encode; default as many as there are cores for us. The files do not
            depend on it.

    Raises:
        CorpusError: If a corpus is not what its format says, or a file of the store is damaged.
        ConfigError: If the settings ask for what the corpora have not.
        OSError: If the cache cannot be written to.
    """

    def __init__(
        self, cache: Path, settings: RunSettings, progress: Progress, processes: int | None = None
    ) -> None:
        self._settings, self._progress, self._processes = settings, progress, processes
        self._segmenter = segmenter_of(settings.text)
        self._corpus_print = corpus_fingerprint(settings, self._segmenter.signature)
        self._features_print = features_fingerprint(settings, self._corpus_print)
        self.corpus = cache / f"corpus-{self._corpus_print[:16]}"
        self.features = cache / f"features-{self._features_print[:16]}"
        cache.mkdir(parents=True, exist_ok=True)
        self._complete(self.corpus, self._encode)
        self._complete(self.features, self._featurize)

    def prepared(self) -> Prepared:
        """Map the store into memory."""
        encoded = self._encoded(Forms())
        file = Arrays(self.features / "features.arrow", self._features_print)
        return assembled(encoded, read_features(file), self._settings.model)

    def test_sentences(self) -> Iterator[Sentence]:
        """Read the test sentences, segmented."""
        return read_jsonl(self.corpus / "test.jsonl")

    def _encoded(self, forms: Forms) -> Encoded:
        train, dev, test = (
            read_corpus(Arrays(self.corpus / f"{part}.arrow", self._corpus_print))
            for part in _PARTS
        )
        return Encoded(train, dev, test, forms)

    def _complete(self, folder: Path, fill: Callable[[Path], None]) -> None:
        """Have a folder written, unless it is there; by one process at a time."""
        if folder.exists():
            return
        waiting = partial(self._progress.say, f"waiting for another process to write {folder.name}")
        with lock(folder.with_name(f"{folder.name}.lock"), waiting=waiting):
            if not folder.exists():
                unfinished = folder.with_name(f"{folder.name}.partial")
                unfinished.mkdir(exist_ok=True)
                fill(unfinished)
                sweep(unfinished)
                unfinished.rename(folder)

    def _encode(self, folder: Path) -> None:
        """Encode what a kill has left to do, over processes, and join it."""
        corpora = load_corpora(self._settings.corpus)
        shards = folder / "shards"
        shards.mkdir(exist_ok=True)
        keep_tokens = self._settings.text.keep_tokens
        work = partial(write_shard, self._segmenter, keep_tokens, self._corpus_print)
        jobs = (
            (path, chunk)
            for part in _PARTS
            for number, chunk in enumerate(getattr(corpora, part).chunks())
            if not (path := shards / f"{part}-{number:06}.arrow").exists()
        )
        done = in_order(work, jobs, self._processes)
        for _ in self._progress.track(done, "encoding the corpora"):
            pass
        forms = Forms()
        for part in _PARTS:
            files = sorted(shards.glob(f"{part}-*.arrow"))
            join_shards(files, folder / f"{part}.arrow", forms, self._corpus_print)
        write_arrays(folder / "forms.arrow", form_columns(forms), self._corpus_print)
        test = segmented(corpora.test, self._segmenter, keep_tokens)
        write_jsonl(folder / "test.jsonl", test)
        shutil.rmtree(shards)

    def _featurize(self, folder: Path) -> None:
        """Build the vocabularies."""
        file = Arrays(self.corpus / "forms.arrow", self._corpus_print)
        forms = Forms({form: number for number, form in enumerate(read_forms(file))})
        features = build_features(
            self._encoded(forms), self._settings.model, self._settings.vectors
        )
        path = folder / "features.arrow"
        write_arrays(path, feature_columns(features), self._features_print)
