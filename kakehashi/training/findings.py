"""What teachers find in text, kept in parts, and what they find together.

::

    CACHE/found-FINGERPRINT/     what one teacher finds in one text
      part-000000.jsonl          in so many sentences; written atomically, so that a kill loses one
      part-000000.npz            the marginals of a teacher that has them, where labels are soft
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from kakehashi.corpora.jsonl import line_from_sentence, read_jsonl, write_jsonl
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.tags import TypeMapping
from kakehashi.training.soft_labels import (
    Shares,
    SoftLabels,
    labels_of_mentions,
    mean_of,
    most_probable,
    write_soft_labels,
)
from kakehashi.training.teachers import Teacher, load_teacher, teacher_fingerprint

_PART = 2000  # sentences
_Found = tuple[Sentence, tuple[Sequence[str], Shares] | None]  # with tags and marginals


class Findings:
    """What teachers find in sentences, of the types of ``mapping`` if there is one.

    What is in ``cache`` already is not looked for again. With ``soft`` the sentences have tokens,
    which are kept, and there are soft labels of them.
    """

    def __init__(
        self,
        teachers: Sequence[str],
        sentences: Sequence[Sentence],
        cache: Path,
        mapping: TypeMapping | None = None,
        progress: Progress | None = None,
        *,
        soft: bool = False,
    ) -> None:
        self._mapping, self._starts = mapping, range(0, len(sentences), _PART)
        self._n_tokens = sum(len(sentence.tokens or ()) for sentence in sentences)
        digest = hashlib.sha256(b"soft" if soft else b"")
        for sentence in sentences:
            digest.update(line_from_sentence(sentence).encode())
        keys = [f"{teacher_fingerprint(name)} {digest.hexdigest()}".encode() for name in teachers]
        self._folders = [cache / f"found-{hashlib.sha256(key).hexdigest()[:16]}" for key in keys]
        self._find(teachers, sentences, progress or Progress(), soft=soft)

    def _find(
        self,
        names: Sequence[str],
        sentences: Sequence[Sentence],
        progress: Progress,
        *,
        soft: bool,
    ) -> None:
        """Write what teachers find in the parts where it is not there."""
        teachers = dict(zip(self._folders, names, strict=True))  # each once
        missing = {
            start: [folder for folder in teachers if not _part(folder, start).exists()]
            for start in self._starts
        }
        at_work = dict.fromkeys(chain.from_iterable(missing.values()))
        finders = {folder: _finder(load_teacher(teachers[folder]), soft) for folder in at_work}
        parts = {start: sentences[start : start + _PART] for start in missing if missing[start]}
        # In step, sentence by sentence: teachers on one encoder then take its states in turn.
        rows = (
            row
            for start, part in parts.items()
            for row in zip(*(finders[folder](part) for folder in missing[start]), strict=True)
        )
        who = teachers[next(iter(finders))] if len(finders) == 1 else f"{len(finders)} teachers"
        total = sum(map(len, parts.values()))
        tracked = progress.track(rows, f"labeling by {who}", total)
        for start, part in parts.items():
            columns = zip(*islice(tracked, len(part)), strict=True)
            for folder, found in zip(missing[start], columns, strict=True):
                _write(_part(folder, start), part, found)

    def agreed(self, min_probability: float) -> Iterator[Sentence]:
        """Yield the sentences with the mentions that the teachers find together, see `agreed`."""
        for start in self._starts:
            parts = (read_jsonl(_part(folder, start)) for folder in self._folders)
            for each in zip(*parts, strict=True):
                mentions = [self._mapped(sentence.mentions) for sentence in each]
                yield replace(each[0], mentions=agreed(mentions, min_probability))

    def write_soft(self, folder: Path, types: Sequence[str]) -> None:
        """Write soft labels of some types: the mean of the teachers' marginals."""
        parts = (
            mean_of([self._labels(_part(each, start)) for each in self._folders], types)
            for start in self._starts
        )
        write_soft_labels(folder, self._n_tokens, parts)

    def _labels(self, part: Path) -> SoftLabels:
        if _marginals(part).exists():
            labels = SoftLabels.load(_marginals(part))
            return labels if self._mapping is None else labels.mapped(self._mapping)
        sentences = (replace(s, mentions=self._mapped(s.mentions)) for s in read_jsonl(part))
        return labels_of_mentions(list(sentences))

    def _mapped(self, mentions: tuple[Mention, ...]) -> tuple[Mention, ...]:
        return mentions if self._mapping is None else self._mapping.apply(mentions)


def _finder(teacher: Teacher, soft: bool) -> Callable[[Iterable[Sentence]], Iterator[_Found]]:
    if soft and teacher.marginals is not None:
        marginals, tags = teacher.marginals, teacher.tags
        return lambda part: ((each, (tags, shares)) for each, shares in marginals(part))
    return lambda part: ((each, None) for each in teacher.annotate(part))


def _write(path: Path, part: Sequence[Sentence], found: Sequence[_Found]) -> None:
    """Write what a teacher finds in a part, the marginals first: with the sentences it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    marginals = [each for _, each in found if each is not None]
    if marginals:
        tags = marginals[0][0]
        labels = most_probable(tags, np.concatenate([shares for _, shares in marginals]))
        labels.save(_marginals(path))
    pairs = zip(part, found, strict=True)
    write_jsonl(path, (replace(each, mentions=own.mentions) for each, (own, _) in pairs))


def _marginals(part: Path) -> Path:
    return part.with_suffix(".npz")


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
