"""The folder one benchmark works in: corpora, settings, models.

Every process of a benchmark reads the same files, so that all peers see the same tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self

from kakehashi.config.reading import read_settings, settings_from_tree
from kakehashi.config.settings import RunSettings
from kakehashi.corpora.corpus import load_corpora, segmented
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.files import write_json
from kakehashi.sentence import Sentence
from kakehashi.text.segment import segmenter_of

PARTS = ("train", "dev", "test")
BUILT_IN = "built-in"


@dataclass(frozen=True)
class Place:
    """A folder that `Place.fill` has filled.

    Attributes:
        folder: Where it is.
        slice_sentences: How many training sentences a round of training goes through.
    """

    folder: Path
    slice_sentences: int

    @classmethod
    def fill(cls, folder: Path, settings: RunSettings, slice_sentences: int) -> Self:
        """Write the corpora of some settings, cut into tokens; sentences without any are left out.

        Raises:
            KakehashiError: If they cannot be read.
        """
        folder = folder.absolute()
        text, corpora = settings.text, load_corpora(settings.corpus)
        segmenter = segmenter_of(text)
        for part in PARTS:
            sentences = segmented(getattr(corpora, part), segmenter, text.keep_tokens)
            write_jsonl(folder / f"{part}.jsonl", (each for each in sentences if each.tokens))
        tree = settings.model_dump(mode="json")
        tree["corpus"] = {
            part: [{"format": "jsonl", "path": str(folder / f"{part}.jsonl")}] for part in PARTS
        }
        write_json(folder / "settings.json", tree)
        write_json(folder / "slice.json", slice_sentences)
        return cls(folder, slice_sentences)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Find the place that another process has filled."""
        return cls(folder, json.loads((folder / "slice.json").read_text(encoding="utf-8")))

    @cached_property
    def settings(self) -> RunSettings:
        """The settings; their corpora are the files of this folder."""
        return read_settings(self.folder / "settings.json")

    def sentences(self, part: str, count: int | None = None) -> list[Sentence]:
        """Read a corpus, or its first sentences."""
        return list(islice(read_jsonl(self.folder / f"{part}.jsonl"), count))

    def model(self, peer: str, seed: int) -> Path:
        """Name the folder of a trained model."""
        return self.folder / "models" / f"{peer}-seed{seed}"

    def facts(self) -> dict[str, Any]:
        """Describe the corpora, for the report."""
        digest = hashlib.sha256()
        counts: dict[str, Mapping[str, int]] = {}
        for part in PARTS:
            digest.update((self.folder / f"{part}.jsonl").read_bytes())
            sentences = self.sentences(part)
            tokens = sum(len(each.tokens or ()) for each in sentences)
            mentions = sum(len(each.mentions) for each in sentences)
            counts[part] = {"sentences": len(sentences), "tokens": tokens, "mentions": mentions}
        return {"name": self.settings.name, **counts, "sha256": digest.hexdigest()}


def corpus_settings(corpus: str, sentences: int | None) -> RunSettings:
    """Find the settings of a benchmark.

    Args:
        corpus: A config file, or ``built-in`` for generated Japanese utterances.
        sentences: Train on this many.

    Raises:
        ConfigError: If there is no such config, or something in it is wrong.
    """
    if corpus != BUILT_IN:
        size = [] if sentences is None else [f"corpus.train_size={sentences}"]
        return read_settings(corpus, size)
    count = sentences or 10_000
    return generated_settings(count, max(1, count // 10))


def generated_settings(train: int, held_out: int, language: str = "ja") -> RunSettings:
    """Train on generated utterances, and hold some out for dev and twice that for test."""
    sizes = {"train": train, "dev": held_out, "test": 2 * held_out}
    tree = {
        "name": f"built-in-{language}",
        "corpus": {part: [_generated(language, part, size)] for part, size in sizes.items()},
        "text": {"segmenter": "unidic-lite" if language == "ja" else "words"},
        "model": {"char_view": "romaji" if language == "ja" else "original"},
    }
    return settings_from_tree(tree)


def _generated(language: str, part: str, size: int) -> dict[str, object]:
    return {"format": "assistant", "language": language, "partition": part, "utterances": size}


def folder_size(folder: Path) -> int:
    """Add up the files below a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
