"""What a run learns beside gold: text as its teachers label it, then another corpus."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from kakehashi.config.reading import data_path
from kakehashi.config.settings import RunSettings
from kakehashi.config.sources import Source
from kakehashi.corpora.corpus import (
    load_corpora,
    load_joint,
    load_mapping,
    load_unlabeled,
    read_parts,
    segmented,
)
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.data.cache import file_hashes
from kakehashi.errors import ConfigError
from kakehashi.progress import Progress
from kakehashi.sentence import Sentence
from kakehashi.text.scripts import fits
from kakehashi.text.segment import segmenter_of
from kakehashi.training.contexts import in_contexts
from kakehashi.training.findings import Findings
from kakehashi.training.soft_labels import soft_labels_of
from kakehashi.training.teachers import teacher_fingerprint


@dataclass
class Labeled:
    """What is learned beside gold, and what was left out."""

    teachers: int
    sentences: int = 0  # that teachers have labeled
    mentions: int = 0
    joint: int = 0  # sentences of the corpus of [joint]
    made: int = 0  # sentences of [contexts]
    in_test: int = 0  # texts that are in test or dev
    in_train: int = 0  # texts that have gold labels
    other_types: Counter[str] = field(default_factory=Counter)  # mentions of types that gold lacks

    def __str__(self) -> str:
        """Return the counts as a line."""
        found = f"{self.mentions:,} mentions in {self.sentences:,} sentences"
        found += f", joined by {self.joint:,} of another corpus" if self.joint else ""
        found += f", and by {self.made:,} made of gold" if self.made else ""
        left_out = f"{self.in_test:,} sentences of test or dev, {self.in_train:,} of train"
        left_out += f", {self.other_types.total():,} mentions of types that gold lacks"
        return f"labeled: {found}; left out: {left_out}"

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON."""
        return asdict(self) | {"other_types": dict(self.other_types)}


def write_lessons(settings: RunSettings, out: Path, cache: Path, progress: Progress) -> Labeled:
    """Write what a run learns beside gold: text as its teachers label it, then the joint corpus.

    As JSON lines, and beside them `SoftLabels` if the settings ask for them. Left out are texts
    that, but for blanks and width, are in test or dev, or in train, and, where there is gold,
    mentions of types that neither train nor dev has. What each teacher finds is kept in ``cache``.
    `ConfigError` if no text is left or it does not fit the segmenter, or if what is found has none
    of the types that the run knows.
    """
    teach, gold = settings.teach, _Gold.read(settings, progress)
    labeled = Labeled(len(teach.teachers) if teach is not None else 0)
    findings, types = None, set[str]()
    if teach is not None:
        texts = _texts_to_label(settings, gold, labeled, progress)
        mapping = None if teach.mapping is None else load_mapping(teach.mapping)
        soft = teach.labels == "soft"
        findings = Findings(teach.teachers, texts, cache, mapping, progress, soft=soft)

    def lessons() -> Iterator[Sentence]:
        if teach is not None and findings is not None:
            found = findings.agreed(teach.min_probability)
            for sentence in gold.known_only(found, labeled, "teach.teachers"):
                labeled.sentences += 1
                labeled.mentions += len(sentence.mentions)
                types.update(mention.type for mention in sentence.mentions)
                yield sentence
        if settings.joint is not None:
            others = gold.left_out(load_joint(settings), labeled)
            for sentence in gold.known_only(others, labeled, "joint.train"):
                labeled.joint += 1
                yield sentence
        if settings.contexts is not None:
            train = read_parts(settings, progress)["train"]
            for sentence in gold.left_out(in_contexts(train, settings.training.seed), labeled):
                labeled.made += 1
                yield sentence

    write_jsonl(out, lessons())
    if findings is not None and teach is not None and teach.labels == "soft":
        findings.write_soft(soft_labels_of(out), sorted(gold.known or types))
    progress.say(str(labeled))
    return labeled


class _Gold(NamedTuple):
    """What the labeled corpora of a run have, by which other sentences are left out."""

    train: set[str]  # keys of texts
    others: set[str]  # of dev and test
    known: set[str] | None  # entity types; None without gold to learn from
    expected: set[str]  # entity types of which some should be found

    @classmethod
    def read(cls, settings: RunSettings, progress: Progress) -> _Gold:
        parts = [
            _texts_and_types(progress.track(part, "reading gold"))
            for part in load_corpora(settings.corpus)
        ]
        (train, train_types), (dev, dev_types), (test, test_types) = parts
        known = train_types | dev_types if train_types else None
        return cls(train, dev | test, known, known or dev_types | test_types)

    def left_out(self, sentences: Iterable[Sentence], labeled: Labeled) -> Iterator[Sentence]:
        """Leave out sentences that are in gold, by the keys of their texts, and count them."""
        for sentence in sentences:
            key = _key(sentence.text)
            labeled.in_test += key in self.others
            labeled.in_train += key in self.train and key not in self.others
            if key and key not in self.train and key not in self.others:
                yield sentence

    def known_only(
        self, sentences: Iterable[Sentence], labeled: Labeled, key: str
    ) -> Iterator[Sentence]:
        """Leave out mentions of types that gold lacks; `ConfigError` if that leaves none."""
        found = set[str]()
        for sentence in sentences:
            found.update(mention.type for mention in sentence.mentions)
            others = [m for m in sentence.mentions if self.known and m.type not in self.known]
            labeled.other_types.update(mention.type for mention in others)
            yield replace(sentence, mentions=tuple(m for m in sentence.mentions if m not in others))
        is_taught = key == "teach.teachers"
        if is_taught and not found:
            problem = f"find nothing in {labeled.sentences:,} sentences"
            remedy = "lower teach.min_probability, or name better ones"
            raise ConfigError(key, f"{problem}; {remedy}")
        if found and self.expected and found.isdisjoint(self.expected):
            verb, mapping = ("find", "teach.mapping") if is_taught else ("has", "joint.mapping")
            problem = f"{verb} {_listed(found)}, and gold has {_listed(self.expected)}"
            raise ConfigError(key, f"{problem}; map their types with {mapping}")


def count_texts(settings: RunSettings) -> int:
    """Count the texts that the teachers of a run would label.

    `ConfigError` if there are none, or they do not fit the segmenter; what reading raises.
    """
    progress = Progress()
    return len(_texts_to_label(settings, _Gold.read(settings, progress), Labeled(0), progress))


def _texts_to_label(
    settings: RunSettings, gold: _Gold, labeled: Labeled, progress: Progress
) -> list[Sentence]:
    """Read the unlabeled text but what is in gold."""
    unlabeled = progress.track(load_unlabeled(settings), "reading the unlabeled text")
    texts, text = list(gold.left_out(unlabeled, labeled)), settings.text
    _check_text(texts, text.segmenter)
    if text.keep_tokens or (settings.teach is not None and settings.teach.labels == "soft"):
        return list(segmented(texts, segmenter_of(text), text.keep_tokens))
    # Teachers cut text themselves, as they have learned to.
    return [replace(sentence, tokens=None) for sentence in texts]


def _facts(sources: Iterable[Source], mapping: str | None) -> list[object]:
    files = [file_hashes(data_path(each.path)) for each in sources if hasattr(each, "path")]
    return [files, None if mapping is None else dict(load_mapping(mapping).types)]


def lessons_fingerprint(settings: RunSettings) -> str:
    """Hash teachers, and the files of unlabeled text and of [joint].

    Raises what `teacher_fingerprint` does.
    """
    facts: list[object] = []
    if (teach := settings.teach) is not None:
        sources = teach.unlabeled if teach.unlabeled != "rest" else ()
        facts += [*_facts(sources, teach.mapping), *map(teacher_fingerprint, teach.teachers)]
    if (joint := settings.joint) is not None:
        facts += ["joint", *_facts(joint.train, joint.mapping)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _key(text: str) -> str:
    """Return what is the same for texts that differ in blanks and width alone."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _texts_and_types(sentences: Iterable[Sentence]) -> tuple[set[str], set[str]]:
    texts, types = set[str](), set[str]()
    for sentence in sentences:
        texts.add(_key(sentence.text))
        types.update(mention.type for mention in sentence.mentions)
    return texts, types


def _check_text(texts: Sequence[Sentence], segmenter: str) -> None:
    """Check that there is text, most of it in a script that the segmenter is for."""
    key = "teach.unlabeled"
    if not texts:
        raise ConfigError(key, "no text is left that is not in train, dev or test; give more")
    n_misfits = sum(not fits(segmenter, each.text) for each in texts)
    if 2 * n_misfits > len(texts):
        problem = f"{n_misfits:,} of {len(texts):,} texts are of a script that text.segmenter"
        raise ConfigError(key, f"{problem}, {segmenter}, is not for; give other texts")


def _listed(types: Iterable[str]) -> str:
    return ", ".join(sorted(types))
