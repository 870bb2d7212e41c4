"""Settings and sentences as they are given, made into those of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kakehashi.config.reading import read_settings
from kakehashi.config.settings import CorpusSettings, RunSettings
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
    """Write sentences into the folder of a run, and name them as parts of its corpus.

    `TypeError` if there is something else among them.
    """
    kept = {
        part: keep_jsonl(_only_sentences(part, own), folder / GIVEN, part)
        for part, own in sentences.items()
    }
    corpus = settings.corpus.model_copy(update=kept)
    return settings.model_copy(update={"corpus": corpus})


def _only_sentences(part: str, given: Iterable[Sentence]) -> Iterator[Sentence]:
    for each in given:
        if not isinstance(each, Sentence):
            raise TypeError(f"{part}= takes sentences, and got {type(each).__name__}")
        yield each


def with_joint_corpus(settings: RunSettings) -> RunSettings:
    """Name the corpus that is learned beside gold, if it is that of the source.

    `ConfigError` if the source is no run, or was trained on a part of a corpus in one piece.
    """
    joint, transfer = settings.joint, settings.transfer
    if joint is None or joint.train or transfer is None:
        return settings
    source = Path(transfer.source).absolute()
    config = next(
        (
            folder / "config.json"
            for folder in (source, source.parent)
            if (folder / "config.json").is_file()
        ),
        None,
    )
    corpus = None if config is None else read_settings(config).corpus
    if corpus is None or not corpus.train:
        problem = f"is needed: {transfer.source} is no run whose training sentences have files"
        raise ConfigError("joint.train", f"{problem} of their own; name some")
    return joined(settings, corpus)


def joined(settings: RunSettings, corpus: CorpusSettings) -> RunSettings:
    """Fill in the corpus of the source's run where [joint] names none."""
    joint = settings.joint
    if joint is None or joint.train:
        return settings
    found = {"train": corpus.train, "mapping": joint.mapping or corpus.mapping}
    return settings.model_copy(update={"joint": joint.model_copy(update=found)})
