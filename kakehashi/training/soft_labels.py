"""Soft labels: how probable teachers find each tag at each token.

::

    RUN/labeled-tags/
      ids.npy         which tags are the `N_KEPT` most probable at each token
      shares.npy      their probabilities, made to add up to 1
      names.json      the tags that are numbered, BIO
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.data.batches import Ids
from kakehashi.files import read_json, replacing_folder, write_atomically, write_json
from kakehashi.sentence import Sentence
from kakehashi.tags import OUTSIDE, Tagset, TypeMapping, split_tag, tags_from_spans

N_KEPT = 8  # tags of a token; 32 bytes

Shares = npt.NDArray[np.floating[Any]]


class SoftLabels(NamedTuple):
    """Some tags of each token, with probabilities that add up to 1."""

    names: tuple[str, ...]  # of all tags, ``O`` first
    ids: npt.NDArray[np.uint16]  # (tokens, tags kept)
    shares: npt.NDArray[np.float16]  # (tokens, tags kept)

    def ids_in(self, types: Sequence[str]) -> Ids:
        """Return which BIO tag of some entity types each tag is, by name; ``O`` of other types.

        The first tag of a span is B, the others are I, whatever scheme they are of.
        """
        ids = {tag: number for number, tag in enumerate(Tagset(tuple(types)).tags)}
        tags = (
            f"{'B' if prefix in 'BS' else 'I'}-{kind}"
            for prefix, kind in map(split_tag, self.names)
        )
        return np.array([ids.get(tag, 0) for tag in tags])

    def mapped(self, mapping: TypeMapping) -> SoftLabels:
        """Rename the tags by a mapping of entity types; those that it drops become ``O``."""
        parts = ((prefix, mapping.types.get(kind)) for prefix, kind in map(split_tag, self.names))
        names = (OUTSIDE if kind is None else f"{prefix}-{kind}" for prefix, kind in parts)
        return self._replace(names=tuple(names))

    def save(self, path: Path) -> None:
        """Write a file of numpy's, without pickles."""
        buffer = io.BytesIO()
        np.savez(buffer, names=np.array(self.names), ids=self.ids, shares=self.shares)
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> SoftLabels:
        """Read what `save` has written."""
        with np.load(path) as arrays:
            return cls(tuple(arrays["names"].tolist()), arrays["ids"], arrays["shares"])

    @classmethod
    def open(cls, folder: Path) -> SoftLabels:
        """Map what `write_soft_labels` has written into memory."""
        ids, shares = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("ids", "shares"))
        return cls(tuple(read_json(folder / "names.json")["names"]), ids, shares)


def soft_labels_of(labeled: Path) -> Path:
    """Name the folder of the soft labels of a file of labeled sentences."""
    return labeled.with_name(f"{labeled.stem}-tags")


def most_probable(names: Sequence[str], marginals: Shares) -> SoftLabels:
    """Keep the most probable tags of each token; marginals are (tokens, tags)."""
    kept = min(N_KEPT, len(names))
    ids = np.argpartition(marginals, -kept, axis=1)[:, -kept:]
    shares = np.take_along_axis(marginals, ids, axis=1)
    shares = shares / shares.sum(axis=1, keepdims=True)
    return SoftLabels(tuple(names), ids.astype(np.uint16), shares.astype(np.float16))


def labels_of_mentions(sentences: Sequence[Sentence]) -> SoftLabels:
    """Make soft labels of mentions: their tags are as probable as they are, else it is ``O``.

    A mention without a probability is certain; one that no tokens express is left out.
    """
    names = Tagset(tuple(sorted({m.type for each in sentences for m in each.mentions}))).tags
    rows: dict[str, int] = {name: row for row, name in enumerate(names)}
    ids: list[int] = []
    shares: list[float] = []
    for sentence in sentences:
        lost = set(sentence.project().lost)
        kept = [mention for mention in sentence.mentions if mention not in lost]
        probabilities = (1.0 if m.probability is None else m.probability for m in kept)
        tokens = sentence.tokens or ()
        tags = tags_from_spans(sentence.project().spans, len(tokens))
        probability = 1.0
        for tag in tags:
            if tag.startswith("B"):
                probability = next(probabilities)
            ids.append(rows[tag])
            shares.append(1.0 if tag == OUTSIDE else probability)
    pairs = np.zeros((len(ids), 2), np.uint16), np.zeros((len(ids), 2), np.float16)
    pairs[0][:, 0], pairs[1][:, 0] = ids, shares
    pairs[1][:, 1] = 1 - pairs[1][:, 0]
    return SoftLabels(names, *pairs)


def mean_of(teachers: Sequence[SoftLabels], types: Sequence[str]) -> SoftLabels:
    """Average what teachers say of the same tokens, as BIO tags of some types."""
    names = Tagset(tuple(types)).tags
    total = np.zeros((len(teachers[0].ids), len(names)), np.float32)
    rows = np.arange(len(total))[:, None]
    for labels in teachers:
        ids = labels.ids_in(types)[labels.ids]
        np.add.at(total, (rows, ids), labels.shares / np.float32(len(teachers)))
    return most_probable(names, total)


def write_soft_labels(folder: Path, n_tokens: int, parts: Iterable[SoftLabels]) -> None:
    """Write the labels of parts of one text, one in memory at a time."""
    with replacing_folder(folder) as unfinished:
        end, arrays, names = 0, None, tuple[str, ...]()
        for labels in parts:
            names = labels.names
            if arrays is None:
                arrays = [
                    np.lib.format.open_memmap(
                        unfinished / f"{name}.npy", "w+", array.dtype, (n_tokens, array.shape[1])
                    )
                    for name, array in (("ids", labels.ids), ("shares", labels.shares))
                ]
            begin, end = end, end + len(labels.ids)
            arrays[0][begin:end], arrays[1][begin:end] = labels.ids, labels.shares
        write_json(unfinished / "names.json", {"names": names})
