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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from kakehashi.config.reading import data_path
from kakehashi.config.settings import RunSettings
from kakehashi.corpora.corpus import load_corpora, load_mapping, load_unlabeled, segmented
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
    """What teachers have labeled, and what was left out."""

    teachers: int
    sentences: int = 0
    mentions: int = 0
    in_test: int = 0  # texts that are in test or dev
    in_train: int = 0  # texts that have gold labels
    other_types: Counter[str] = field(default_factory=Counter)  # mentions of types that gold lacks

    def __str__(self) -> str:
        """Return the counts as a line."""
        found = f"{self.mentions:,} mentions in {self.sentences:,} sentences"
        left_out = f"{self.in_test:,} sentences of test or dev, {self.in_train:,} of train"
        left_out += f", {self.other_types.total():,} mentions of types that gold lacks"
        return f"labeled: {found}; left out: {left_out}"

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON."""
        return asdict(self) | {"other_types": dict(self.other_types)}


def label_unlabeled(settings: RunSettings, out: Path, cache: Path, progress: Progress) -> Labeled:
    """Write the unlabeled text of a run, as its teachers label it, as JSON lines.

    Left out are texts that, but for blanks and width, are in test or dev, or in train, and, where
    there is gold, mentions of types that neither train nor dev has. What each teacher finds is kept
    in ``cache``. `ConfigError` if no text is left or it does not fit the segmenter, or if what the
    teachers find has none of the types that the run knows.
    """
    teach, corpora = settings.teach, load_corpora(settings.corpus)
    if teach is None:
        raise ValueError("these settings have no [teach]")
    parts = [_texts_and_types(progress.track(part, "reading gold")) for part in corpora]
    (train, train_types), (dev, dev_types), (test, test_types) = parts
    labeled = Labeled(len(teach.teachers))
    texts = _texts_to_label(settings, train, dev | test, labeled, progress)
    mapping = None if teach.mapping is None else load_mapping(teach.mapping)
    known, found = train_types | dev_types if train_types else None, set[str]()

    def kept() -> Iterator[Sentence]:
        sentences = label(teach.teachers, texts, teach.min_probability, cache, mapping, progress)
        for sentence in sentences:
            found.update(mention.type for mention in sentence.mentions)
            others = [m for m in sentence.mentions if known is not None and m.type not in known]
            labeled.other_types.update(mention.type for mention in others)
            mentions = tuple(m for m in sentence.mentions if m not in others)
            labeled.sentences += 1
            labeled.mentions += len(mentions)
            yield replace(sentence, mentions=mentions)

    write_jsonl(out, kept())
    expected = known or dev_types | test_types
    if not found:
        problem = f"find nothing in {labeled.sentences:,} sentences; lower teach.min_probability"
        raise ConfigError("teach.teachers", f"{problem}, or name better ones")
    if expected and found.isdisjoint(expected):
        problem = f"find {_listed(found)}, and gold has {_listed(expected)}"
        raise ConfigError("teach.teachers", f"{problem}; map their types with teach.mapping")
    progress.say(str(labeled))
    return labeled


def _texts_to_label(
    settings: RunSettings, train: set[str], others: set[str], labeled: Labeled, progress: Progress
) -> list[Sentence]:
    """Read the unlabeled text but what is in gold, by its keys, and count what is left out."""
    texts, text = [], settings.text
    for sentence in progress.track(load_unlabeled(settings), "reading the unlabeled text"):
        key = _key(sentence.text)
        labeled.in_test += key in others
        labeled.in_train += key in train and key not in others
        if key and key not in train and key not in others:
            texts.append(sentence)
    _check_text(texts, text.segmenter)
    if text.keep_tokens:
        return list(segmented(texts, segmenter_of(text), keep_tokens=True))
    # Teachers cut text themselves, as they have learned to.
    return [replace(sentence, tokens=None) for sentence in texts]


def teaching_fingerprint(settings: RunSettings) -> str:
    """Hash the teachers, and the files of unlabeled text; what `teacher_fingerprint` raises."""
    teach = settings.teach
    if teach is None:
        return ""
    sources = teach.unlabeled if teach.unlabeled != "rest" else ()
    files = [file_hashes(data_path(each.path)) for each in sources if hasattr(each, "path")]
    mapping = None if teach.mapping is None else dict(load_mapping(teach.mapping).types)
    facts = [files, mapping, *map(teacher_fingerprint, teach.teachers)]
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
