"""Settings and sentences that a program has, made into those of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kakehashi.config.reading import read_settings
from kakehashi.config.settings import RunSettings
from kakehashi.corpora.jsonl import keep_jsonl
from kakehashi.errors import ConfigError
from kakehashi.sentence import Sentence

GIVEN = "corpus"
"""Folder, in that of a run, of the sentences that it was given."""


def settings_for(
    settings: RunSettings | str | Path | Mapping[str, Any], parts: Iterable[str]
) -> RunSettings:
    """Read settings in which the sentences of some parts of the corpus are still to be named.

    `ConfigError` if they are wrong, or there is another part than train, dev and test.
    """
    if unknown := sorted({*parts} - {"train", "dev", "test"}):
        raise ConfigError(unknown[0], "expected sentences as train=, dev= or test=")
    if isinstance(settings, RunSettings):
        if not parts:
            return settings
        settings = settings.model_dump(mode="json")
    later = {part: [{"format": "jsonl", "path": part}] for part in parts}
    whole: dict[str, object] = {"all": [], "split": None} if parts else {}
    return read_settings(settings, corpus={**whole, **later})


def keep_given(
    settings: RunSettings, sentences: Mapping[str, Iterable[Sentence]], folder: Path
) -> RunSettings:
    """Write sentences into the folder of a run, and name them as parts of its corpus."""
    kept = {part: keep_jsonl(own, folder / GIVEN, part) for part, own in sentences.items()}
    corpus = settings.corpus.model_copy(update=kept)
    return settings.model_copy(update={"corpus": corpus})
