"""Label text by teachers: what each finds, kept in parts, and what they find together.

::

    FOLDER/found-FINGERPRINT/     what one teacher finds in one text
      part-000000.jsonl           of so many sentences; written atomically, so that a kill loses one
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from kakehashi.config.reading import data_path
from kakehashi.config.settings import RunSettings
from kakehashi.config.sources import Source
from kakehashi.corpora.corpus import (
    load_corpora,
    load_joint,
    load_mapping,
    load_unlabeled,
    segmented,
)
from kakehashi.corpora.jsonl import line_from_sentence, read_jsonl, write_jsonl
from kakehashi.data.cache import file_hashes
from kakehashi.errors import ConfigError
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.tags import TypeMapping
from kakehashi.text.japanese import script
from kakehashi.text.segment import segmenter_of
from kakehashi.training.teachers import load_teacher, teacher_fingerprint

_PART = 2000  # sentences
_JAPANESE = ("unidic-lite", "ipadic", "sudachi")  # segmenters


@dataclass
class Labeled:
    """What is learned beside gold, and what was left out."""

    teachers: int
    sentences: int = 0  # that teachers have labeled
    mentions: int = 0
    joint: int = 0  # sentences of the corpus of [joint]
    in_test: int = 0  # texts that are in test or dev
    in_train: int = 0  # texts that have gold labels
    other_types: Counter[str] = field(default_factory=Counter)  # mentions of types that gold lacks

    def __str__(self) -> str:
        """Return the counts as a line."""
        found = f"{self.mentions:,} mentions in {self.sentences:,} sentences"
        found += f", joined by {self.joint:,} of another corpus" if self.joint else ""
        left_out = f"{self.in_test:,} sentences of test or dev, {self.in_train:,} of train"
        left_out += f", {self.other_types.total():,} mentions of types that gold lacks"
        return f"labeled: {found}; left out: {left_out}"

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON."""
        return asdict(self) | {"other_types": dict(self.other_types)}


def write_lessons(settings: RunSettings, out: Path, cache: Path, progress: Progress) -> Labeled:
    """Write what a run learns beside gold: text as its teachers label it, then the joint corpus.

    As JSON lines. Left out are texts that, but for blanks and width, are in test or dev, or in
    train, and, where there is gold, mentions of types that neither train nor dev has. What each
    teacher finds is kept in ``cache``. `ConfigError` if no text is left or it does not fit the
    segmenter, or if what is found has none of the types that the run knows.
    """
    teach, joint = settings.teach, settings.joint
    parts = [
        _texts_and_types(progress.track(part, "reading gold"))
        for part in load_corpora(settings.corpus)
    ]
    (train, train_types), (dev, dev_types), (test, test_types) = parts
    labeled = Labeled(len(teach.teachers) if teach is not None else 0)
    left = partial(_left, train=train, others=dev | test, labeled=labeled)
    known = train_types | dev_types if train_types else None
    expected = known or dev_types | test_types

    def kept(sentences: Iterable[Sentence], key: str) -> Iterator[Sentence]:
        found = set[str]()
        for sentence in sentences:
            found.update(mention.type for mention in sentence.mentions)
            others = [m for m in sentence.mentions if known is not None and m.type not in known]
            labeled.other_types.update(mention.type for mention in others)
            mentions = tuple(m for m in sentence.mentions if m not in others)
            yield replace(sentence, mentions=mentions)
        if found and expected and found.isdisjoint(expected):
            problem = f"{_FINDS[key]} {_listed(found)}, and gold has {_listed(expected)}"
            mapping = f"{key.partition('.')[0]}.mapping"
            raise ConfigError(key, f"{problem}; map their types with {mapping}")

    def lessons() -> Iterator[Sentence]:
        if teach is not None:
            texts = _texts_to_label(settings, left, progress)
            mapping = None if teach.mapping is None else load_mapping(teach.mapping)
            arguments = texts, teach.min_probability, cache, mapping, progress
            for sentence in kept(label(teach.teachers, *arguments), "teach.teachers"):
                labeled.sentences += 1
                labeled.mentions += len(sentence.mentions)
                yield sentence
            if not labeled.mentions and not labeled.other_types:
                problem = f"find nothing in {labeled.sentences:,} sentences"
                remedy = "lower teach.min_probability, or name better ones"
                raise ConfigError("teach.teachers", f"{problem}; {remedy}")
        if joint is not None:
            for sentence in kept(left(load_joint(settings)), "joint.train"):
                labeled.joint += 1
                yield sentence

    write_jsonl(out, lessons())
    progress.say(str(labeled))
    return labeled


_FINDS = {"teach.teachers": "find", "joint.train": "has"}


def _left(
    sentences: Iterable[Sentence], *, train: set[str], others: set[str], labeled: Labeled
) -> Iterator[Sentence]:
    """Leave out sentences that are in gold, by the keys of their texts, and count them."""
    for sentence in sentences:
        key = _key(sentence.text)
        labeled.in_test += key in others
        labeled.in_train += key in train and key not in others
        if key and key not in train and key not in others:
            yield sentence


def _texts_to_label(
    settings: RunSettings,
    left: Callable[[Iterable[Sentence]], Iterator[Sentence]],
    progress: Progress,
) -> list[Sentence]:
    """Read the unlabeled text but what is in gold."""
    text = settings.text
    texts = list(left(progress.track(load_unlabeled(settings), "reading the unlabeled text")))
    _check_text(texts, text.segmenter)
    if text.keep_tokens:
        return list(segmented(texts, segmenter_of(text), keep_tokens=True))
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


def label(
    teachers: Sequence[str],
    sentences: Sequence[Sentence],
    min_probability: float,
    cache: Path,
    mapping: TypeMapping | None = None,
    progress: Progress | None = None,
) -> Iterator[Sentence]:
    """Yield sentences with the mentions that teachers find together, see `agreed`.

    What each finds is kept in ``cache``, and what is there already is not looked for again.
    """
    digest = hashlib.sha256()
    for sentence in sentences:
        digest.update(line_from_sentence(sentence).encode())
    folders = []
    for name in teachers:
        key = f"{teacher_fingerprint(name)} {digest.hexdigest()}"
        folders.append(cache / f"found-{hashlib.sha256(key.encode()).hexdigest()[:16]}")
        _find(name, sentences, folders[-1], progress or Progress())
    for start in range(0, len(sentences), _PART):
        for each in zip(*(read_jsonl(_part(folder, start)) for folder in folders), strict=True):
            mentions = [s.mentions if mapping is None else mapping.apply(s.mentions) for s in each]
            yield replace(each[0], mentions=agreed(mentions, min_probability))


def _find(name: str, sentences: Sequence[Sentence], folder: Path, progress: Progress) -> None:
    """Write the parts of what a teacher finds that are not there."""
    starts = range(0, len(sentences), _PART)
    missing = [start for start in starts if not _part(folder, start).exists()]
    if not missing:
        return
    annotate = load_teacher(name)
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(len(sentences[start : start + _PART]) for start in missing)
    texts = (sentence for start in missing for sentence in sentences[start : start + _PART])
    found = annotate(progress.track(texts, f"labeling by {name}", total))
    for start in missing:
        pairs = zip(sentences[start : start + _PART], found, strict=False)
        part = (replace(sentence, mentions=each.mentions) for sentence, each in pairs)
        write_jsonl(_part(folder, start), part)


def _part(folder: Path, start: int) -> Path:
    return folder / f"part-{start // _PART:06}.jsonl"


def agreed(found: Sequence[Iterable[Mention]], min_probability: float) -> tuple[Mention, ...]:
    """Choose mentions of one text by their mean probability over all who looked for them.

    It is 0 of those who have not found it, and 1 where there is none. Of mentions that overlap the
    most probable stays.

    Example:
        >>> sure, unsure = Mention(0, 4, "LOC", "Oslo", 0.9), Mention(0, 4, "PER", "Oslo", 0.6)
        >>> [(m.type, m.probability) for m in agreed([[sure], [unsure], [sure]], 0.5)]
        [('LOC', 0.6)]
    """
    sums = defaultdict[Mention, float](float)
    for mentions in found:
        for m in mentions:
            sums[m._replace(probability=None)] += 1.0 if m.probability is None else m.probability
    chosen: list[Mention] = []
    for mention, total in sorted(sums.items(), key=lambda item: (-item[1], item[0][:3])):
        apart = all(mention.end <= m.start or m.end <= mention.start for m in chosen)
        if apart and total / len(found) >= min_probability:
            chosen.append(mention._replace(probability=total / len(found)))
    return tuple(sorted(chosen))


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
    japanese = {"native", "katakana"}
    n_japanese = sum(not japanese.isdisjoint(map(script, each.text)) for each in texts)
    is_japanese = 2 * n_japanese > len(texts)
    if segmenter != "whitespace" and is_japanese != (segmenter in _JAPANESE):
        problem = f"{n_japanese:,} of {len(texts):,} texts are Japanese"
        raise ConfigError(key, f"{problem}, and text.segmenter is {segmenter}; give other texts")


def _listed(types: Iterable[str]) -> str:
    return ", ".join(sorted(types))
