"""Pre-trained word vectors, read from files and counted against a vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.data.polyglot import read_polyglot
from kakehashi.data.wanted import Wanted
from kakehashi.data.wordlines import read_word_lines


class Share(NamedTuple):
    """How many of some words, or of their occurrences, have a vector."""

    exact: int
    lowered: int
    missing: int

    @property
    def percent(self) -> float:
        """How much is found, exactly or lower-cased."""
        return 100 * (self.exact + self.lowered) / sum(self) if sum(self) else 0.0

    def to_dict(self) -> dict[str, float]:
        """List counts and percent by name, for JSON."""
        return {**self._asdict(), "percent": self.percent}


class Coverage(NamedTuple):
    """How much of a word list has a vector.

    Attributes:
        types: Each word counted once.
        tokens: Each word counted as often as it occurs; None where that is not known.
    """

    types: Share
    tokens: Share | None

    def __str__(self) -> str:
        tokens = (
            "" if self.tokens is None else f", {self.tokens.percent:.1f} % of their occurrences"
        )
        found = self.types.exact + self.types.lowered
        return f"{found:,} of {sum(self.types):,} words ({self.types.percent:.1f} %){tokens}"

    def to_dict(self) -> dict[str, dict[str, float] | None]:
        """List both by name, for JSON."""
        tokens = None if self.tokens is None else self.tokens.to_dict()
        return {"types": self.types.to_dict(), "tokens": tokens}


@dataclass(frozen=True, eq=False)
class Vectors:
    """Word vectors.

    Attributes:
        rows: The row of every word, in the order of the rows.
        matrix: (words, width) float32.
        lowered: Words that the file has only in another case.
    """

    rows: Mapping[str, int]
    matrix: npt.NDArray[np.float32]
    lowered: frozenset[str] = frozenset()

    @property
    def words(self) -> tuple[str, ...]:
        """The words in the order of the rows."""
        return tuple(self.rows)

    @property
    def width(self) -> int:
        """How many numbers a word has."""
        return int(self.matrix.shape[1])

    def __len__(self) -> int:
        """Count the words."""
        return len(self.rows)

    def __contains__(self, word: object) -> bool:
        """Say whether a word has a vector."""
        return word in self.rows

    def lower_cased(self) -> Vectors:
        """Give every word in lower case; one written so goes before one that is lowered.

        Example:
            >>> vectors = Vectors({"May": 0, "may": 1, "June": 2}, np.zeros((3, 50), np.float32))
            >>> vectors.lower_cased().rows
            {'may': 1, 'june': 2}
        """
        rows = {word: row for word, row in self.rows.items() if word == word.lower()}
        lowered = set()
        for word, row in self.rows.items():
            if rows.setdefault(word.lower(), row) == row and word != word.lower():
                lowered.add(word.lower())
        return Vectors(rows, self.matrix, frozenset(lowered))

    def coverage(self, words: Collection[str] | Mapping[str, int]) -> Coverage:
        """Count which words have a vector: exactly, in lower case only, or not at all.

        Args:
            words: The words, or how often each occurs.

        Example:
            >>> vectors = Vectors({"may": 0, "I": 1}, np.zeros((2, 50), np.float32))
            >>> vectors.coverage({"May": 2, "I": 5, "june": 1}).tokens
            Share(exact=5, lowered=2, missing=1)
        """
        types, tokens = [0, 0, 0], [0, 0, 0]
        for word in set(words):
            found = self._find(word)
            types[found] += 1
            tokens[found] += words[word] if isinstance(words, Mapping) else 0
        return Coverage(Share(*types), Share(*tokens) if isinstance(words, Mapping) else None)

    def _find(self, word: str) -> int:
        """Give the place in `Share` where a word counts."""
        if word in self.rows:
            return int(word in self.lowered)
        return 1 if word.lower() in self.rows else 2


def read_vectors(
    path: str | Path,
    format: Literal["text", "polyglot"] = "text",
    *,
    wanted: Collection[str] | None = None,
) -> Vectors:
    """Read word vectors.

    Args:
        path: The file; a relative path is taken from ``KAKEHASHI_DATA`` where that is set.
        format: ``text`` for word2vec, fastText and GloVe; ``polyglot`` for its ``.pkl``. Both plain
            or gzip.
        wanted: Keep only the vectors of these words, all in lower case. A word takes the vector of
            the first word in the file that equals it, else of the first that does in lower case.
            Default: keep all words as they are written.

    Raises:
        CorpusError: If the file is not what its format says.
    """
    kept = Wanted(wanted)
    read = read_polyglot if format == "polyglot" else read_word_lines
    matrix = read(str(path), kept)
    return Vectors(kept.rows, matrix, frozenset(kept.lowered))
