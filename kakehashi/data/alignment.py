"""Bring the word vectors of two languages into one space by a rotation.

Pairs of words that mean the same are found without a dictionary: strings that are in both files,
and loanwords in katakana. The rotation that brings one side of the pairs closest to the other is an
orthogonal Procrustes problem (Schönemann 1966); words that are each other's nearest neighbours
afterwards are pairs for a second and a third one, neighbours being told by cross-domain similarity
local scaling, CSLS (Conneau et al. 2018, section 2.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.corpora.lines import read_lines
from kakehashi.data.vectors import VectorFormat, Vectors, read_vectors
from kakehashi.data.vocabulary import Channels
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.text.loanwords import find_loanwords

Floats = npt.NDArray[np.float32]
WordPair = tuple[str, str]
"""A word of the source and one of the target."""

_MOST_WORDS = 50_000  # of each file: those that pairs and nearest neighbours are looked for among
_MOST_FREQUENT = 5_000  # of these: those whose mutual nearest neighbours are pairs too
_ROUNDS = 2
_N_NEAREST = 10
_TESTED = 5  # one pair in so many is left out, to test with
_BLOCK = 256


class Retrieval(NamedTuple):
    """Percent of tested target words whose source word is the nearest, or one of the nearest 5."""

    at_1: float
    at_5: float


@dataclass(frozen=True, eq=False)
class Alignment:
    """A rotation (width, width), by which rows of the target are multiplied from the right.

    ``pairs`` counts those of each kind, ``neighbours`` those of the last round. Of the others
    ``n_tested`` were left out of the fit, and are what retrieval was tested with.
    """

    rotation: Floats
    pairs: Mapping[str, int]
    n_tested: int
    before: Retrieval
    after: Retrieval


def align(
    source: Vectors,
    target: Vectors,
    given: Iterable[WordPair] = (),
    *,
    names: tuple[str, str] = ("source", "target"),
) -> Alignment:
    """Find the rotation of the target that brings its words closest to those of the source.

    Frequent words come first in both. Words of ``given`` pairs are in lower case and NFKC; pairs
    without vectors are left out. `ConfigError`, which has the ``names``, if widths differ, or if
    there are fewer pairs than the width, which would not determine a rotation.
    """
    width = source.width
    if target.width != width:
        problem = f"expected vectors of width {width}, as {names[0]} has, got {target.width}"
        raise ConfigError(names[1], f"{problem}; take files of one width")
    words, kinds = _find_pairs(source, target, given)
    pairs = np.array([(source.rows[a], target.rows[b]) for a, b in words], np.int64).reshape(-1, 2)
    order = np.random.default_rng(0).permutation(len(pairs))
    tested, fitted = np.split(order, [len(pairs) // _TESTED])
    if len(fitted) < width:
        problem = f"expected {width} words, its width, whose pair in {names[0]} is known"
        problem += f", got {len(fitted)}; name a dictionary with --seed-words"
        raise ConfigError(names[1], problem)
    ours, theirs = _centred(target.matrix), _centred(source.matrix)
    before = _retrieval(ours, theirs, pairs[tested])
    rotation = _procrustes(ours, theirs, pairs[fitted])
    kept = pairs[fitted[fitted < kinds["given"]]]
    neighbours = pairs[:0]
    for _ in range(_ROUNDS):
        found = _mutual_neighbours(ours[:_MOST_FREQUENT] @ rotation, theirs[:_MOST_FREQUENT])
        if len(found) < width:
            break
        neighbours = found
        rotation = _procrustes(ours, theirs, np.concatenate([kept, neighbours]))
    after = _retrieval(ours @ rotation, theirs, pairs[tested])
    counts = {**kinds, "neighbours": len(neighbours)}
    return Alignment(rotation, counts, len(tested), before, after)


def align_files(
    source: str | Path,
    target: str | Path,
    format: VectorFormat = "text",
    given: Sequence[WordPair] = (),
) -> Alignment:
    """Do what `align` does with the most frequent words of two files; raises as reading does."""
    theirs, ours = (
        read_vectors(path, format, wanted=[pair[side] for pair in given], first=_MOST_WORDS)
        for side, path in enumerate((source, target))
    )
    return align(theirs, ours, given, names=(str(source), str(target)))


def read_word_pairs(path: Path) -> list[WordPair]:
    """Read a dictionary: a word of the source, a tab, one of the target on each line.

    `CorpusError` if a line is anything else, or there is none.
    """
    pairs = []
    for number, line in read_lines(path):
        words = [Channels().word_of((word.strip(), "")) for word in line.split("\t")]
        if len(words) != 2 or not all(words):
            problem = f"expected a word, a tab and its translation, got {line[:60]!r}"
            raise CorpusError(path, problem, number)
        pairs.append((words[0], words[1]))
    if not pairs:
        raise CorpusError(path, "is empty; expected pairs of words with a tab between them")
    return pairs


def _find_pairs(
    source: Vectors, target: Vectors, given: Iterable[WordPair]
) -> tuple[list[WordPair], dict[str, int]]:
    """Return the pairs and how many are of which kind; a target word is in one pair, the first."""
    kinds = {
        "given": [pair for pair in given if pair[0] in source.rows and pair[1] in target.rows],
        "identical": [(word, word) for word in target.rows if word in source.rows],
        "loanwords": [
            *find_loanwords(source.rows, target.rows),
            *((ours, theirs) for theirs, ours in find_loanwords(target.rows, source.rows)),
        ],
    }
    chosen: dict[str, str] = {}
    counts = {}
    for kind, pairs in kinds.items():
        n_before = len(chosen)
        for theirs, ours in pairs:
            chosen.setdefault(ours, theirs)
        counts[kind] = len(chosen) - n_before
    return [(theirs, ours) for ours, theirs in chosen.items()], counts


def _centred(matrix: Floats) -> Floats:
    """Bring rows (words, width) to length 1, their mean to zero, and rows to length 1 again."""
    rows = _unit(matrix)
    return _unit(rows - rows.mean(axis=0))


def _unit(matrix: Floats) -> Floats:
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    norms[norms == 0] = 1
    rows: Floats = matrix / norms
    return rows


def _procrustes(ours: Floats, theirs: Floats, pairs: npt.NDArray[np.int64]) -> Floats:
    """Return the orthogonal matrix (width, width) that brings our rows of pairs closest to theirs.

    ``pairs`` (pairs, 2) are of their row and ours.
    """
    left, _, right = np.linalg.svd(ours[pairs[:, 1]].T @ theirs[pairs[:, 0]])
    rotation: Floats = left @ right
    return rotation


def _mutual_neighbours(ours: Floats, theirs: Floats) -> npt.NDArray[np.int64]:
    """Return the pairs (pairs, 2), as `_procrustes` takes, of rows nearest to each other."""
    similarity = ours @ theirs.T
    csls = 2 * similarity - _mean_of_nearest(similarity)[:, None] - _mean_of_nearest(similarity.T)
    nearest, back = csls.argmax(axis=1), csls.argmax(axis=0)
    rows = np.flatnonzero(back[nearest] == np.arange(len(nearest)))
    return np.stack([nearest[rows], rows], axis=1)


def _mean_of_nearest(similarity: Floats) -> Floats:
    """Return the mean of the largest numbers in each row."""
    n = min(_N_NEAREST, similarity.shape[1])
    largest: Floats = np.partition(similarity, -n, axis=1)[:, -n:].mean(axis=1)
    return largest


def _retrieval(ours: Floats, theirs: Floats, pairs: npt.NDArray[np.int64]) -> Retrieval:
    """Test whether their row of each pair is among those nearest to ours by cosine."""
    ranks: list[int] = []
    for block in np.array_split(pairs, range(_BLOCK, len(pairs), _BLOCK)):
        similarity = ours[block[:, 1]] @ theirs.T
        true = similarity[np.arange(len(block)), block[:, 0]]
        ranks += (similarity > true[:, None]).sum(axis=1).tolist()
    return Retrieval(*(100 * sum(rank < k for rank in ranks) / max(len(ranks), 1) for k in (1, 5)))
