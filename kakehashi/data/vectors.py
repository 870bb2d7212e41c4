"""Pre-trained word vectors, read from files and counted against a vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.data.polyglot import read_polyglot
from kakehashi.data.vocabulary import Wanted, spellings
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
        n_skipped: Words of the file of vectors that are no text, and were passed over.
    """

    types: Share
    tokens: Share | None
    n_skipped: int = 0

    def __str__(self) -> str:
        tokens = (
            "" if self.tokens is None else f", {self.tokens.percent:.1f} % of their occurrences"
        )
        skipped = f"; {self.n_skipped:,} of the file are no UTF-8" if self.n_skipped else ""
        found = self.types.exact + self.types.lowered
        share = f"{found:,} of {sum(self.types):,} words ({self.types.percent:.1f} %)"
        return f"{share}{tokens}{skipped}"

    def to_dict(self) -> dict[str, dict[str, float] | int | None]:
        """List all by name, for JSON."""
        tokens = None if self.tokens is None else self.tokens.to_dict()
        return {"types": self.types.to_dict(), "tokens": tokens, "skipped": self.n_skipped}


@dataclass(frozen=True, eq=False)
class Vectors:
    """Word vectors.

    Attributes:
        rows: The row of every word, in the order of the rows.
        matrix: (words, width) float32.
        lowered: Words that the file has only in another case.
        n_skipped: Words of the file that are no text, and were passed over.
    """

    rows: Mapping[str, int]
    matrix: npt.NDArray[np.float32]
    lowered: frozenset[str] = frozenset()
    n_skipped: int = 0

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
        """Return the vectors of all words in lower case and NFKC; those written so come first.

        Example:
            >>> vectors = Vectors({"May": 0, "may": 1, "ＰＣ": 2}, np.zeros((3, 50), np.float32))
            >>> vectors.lower_cased().rows
            {'may': 1, 'pc': 2}
        """
        plain = {word: spellings(word)[-1] for word in self.rows}
        wanted = Wanted(plain.values())
        sources: dict[int, int] = {}
        for word in sorted(plain, key=lambda word: word != plain[word]):
            place = wanted.place(word)
            if place is not None:
                sources[place] = self.rows[word]
        rows = {word: sources[place] for word, place in wanted.rows.items()}
        return replace(self, rows=rows, lowered=frozenset(wanted.lowered))

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
        counted = Share(*tokens) if isinstance(words, Mapping) else None
        return Coverage(Share(*types), counted, self.n_skipped)

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
        wanted: Keep only the vectors of these words, all in lower case and NFKC; see `Wanted` for
            which vector each takes. Default: keep all words as they are written.

    Raises:
        CorpusError: If the file is not what its format says.
    """
    kept = Wanted(wanted)
    read = read_polyglot if format == "polyglot" else read_word_lines
    matrix = read(str(path), kept)
    return Vectors(kept.rows, matrix, frozenset(kept.lowered), kept.n_skipped)
