"""What teachers find in text, kept in parts, and what they find together.

::

    CACHE/found-FINGERPRINT/     what one teacher finds in one text
      part-000000.jsonl          in so many sentences; written atomically, so that a kill loses one
      part-000000.npz            the marginals of a teacher that has them, where labels are soft
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
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
from kakehashi.training.teachers import load_teacher, teacher_fingerprint

_PART = 2000  # sentences


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
        self._folders = []
        for name in teachers:
            key = f"{teacher_fingerprint(name)} {digest.hexdigest()}"
            self._folders.append(cache / f"found-{hashlib.sha256(key.encode()).hexdigest()[:16]}")
            self._find(name, sentences, self._folders[-1], progress or Progress(), soft=soft)

    def _find(
        self,
        name: str,
        sentences: Sequence[Sentence],
        folder: Path,
        progress: Progress,
        *,
        soft: bool,
    ) -> None:
        """Write the parts of what a teacher finds that are not there."""
        missing = [start for start in self._starts if not _part(folder, start).exists()]
        if not missing:
            return
        teacher = load_teacher(name)
        folder.mkdir(parents=True, exist_ok=True)
        total = sum(len(sentences[start : start + _PART]) for start in missing)
        texts = (sentence for start in missing for sentence in sentences[start : start + _PART])
        tracked = progress.track(texts, f"labeling by {name}", total)
        found: Iterator[tuple[Sentence, Shares | None]]
        if soft and teacher.marginals is not None:
            found = teacher.marginals(tracked)
        else:
            found = ((sentence, None) for sentence in teacher.annotate(tracked))
        for start in missing:
            part, pairs = sentences[start : start + _PART], list(islice(found, _PART))
            marginals = [shares for _, shares in pairs if shares is not None]
            if marginals:
                labels = most_probable(teacher.tags, np.concatenate(marginals))
                labels.save(_marginals(_part(folder, start)))
            mentions = (sentence.mentions for sentence, _ in pairs)
            labeled = zip(part, mentions, strict=True)
            write_jsonl(_part(folder, start), (replace(s, mentions=own) for s, own in labeled))

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
