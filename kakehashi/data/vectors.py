"""Pre-trained word vectors: word2vec, fastText, GloVe as text, and Polyglot's pickles."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from math import isfinite
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.config.reading import data_path
from kakehashi.corpora.lines import read_lines
from kakehashi.data.polyglot import read_polyglot
from kakehashi.data.vocabulary import Wanted, spellings
from kakehashi.errors import CorpusError

# Lines are read byte by byte, as one character each, and only words decoded.
_BYTES = "latin-1"
_BOM = "\ufeff".encode().decode(_BYTES)
_COUNT_AND_WIDTH = re.compile("([0-9]{1,15})[ \t]([0-9]{1,9})")


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
        """Return counts and percent by name, for JSON."""
        return {**self._asdict(), "percent": self.percent}


class Coverage(NamedTuple):
    """How many words have a vector, each counted once, and as often as it occurs."""

    types: Share
    tokens: Share
    n_skipped: int = 0

    def __str__(self) -> str:
        found = self.types.exact + self.types.lowered
        share = f"{found:,} of {sum(self.types):,} words ({self.types.percent:.1f} %)"
        skipped = f"; {self.n_skipped:,} of the file are no UTF-8" if self.n_skipped else ""
        return f"{share}, {self.tokens.percent:.1f} % of their occurrences{skipped}"

    def to_dict(self) -> dict[str, dict[str, float] | int]:
        """Return all by name, for JSON."""
        types, tokens = self.types.to_dict(), self.tokens.to_dict()
        return {"types": types, "tokens": tokens, "skipped": self.n_skipped}


@dataclass(frozen=True, eq=False)
class Vectors:
    """Word vectors: the row of every word in the matrix (words, width).

    Words that the file has only in another case are ``lowered``, those not UTF-8 were skipped.
    """

    rows: Mapping[str, int]
    matrix: npt.NDArray[np.float32]
    lowered: frozenset[str] = frozenset()
    n_skipped: int = 0

    @property
    def width(self) -> int:
        """Numbers per word."""
        return int(self.matrix.shape[1])

    def lower_cased(self) -> Vectors:
        """Return the vectors of all words in lower case and NFKC; those written so come first."""
        plain = {word: spellings(word)[-1] for word in self.rows}
        wanted = Wanted(plain.values())
        sources: dict[int | None, int] = {}
        for word in sorted(plain, key=lambda word: word != plain[word]):
            sources[wanted.place(word)] = self.rows[word]
        rows = {word: sources[place] for word, place in wanted.rows.items()}
        return replace(self, rows=rows, lowered=wanted.lowered)

    def coverage(self, words: Mapping[str, int]) -> Coverage:
        """Count which words, of which each occurs so often, have a vector."""
        types, tokens = [0, 0, 0], [0, 0, 0]
        for word, count in words.items():
            is_lowered = word in self.lowered if word in self.rows else word.lower() in self.rows
            found = 1 if is_lowered else 0 if word in self.rows else 2
            types[found] += 1
            tokens[found] += count
        return Coverage(Share(*types), Share(*tokens), self.n_skipped)


def read_vectors(
    path: str | Path,
    format: Literal["text", "polyglot"] = "text",
    *,
    wanted: Collection[str] | None = None,
) -> Vectors:
    """Read word vectors, plain or gzip: of ``wanted`` words alone, or of all as they are written.

    A relative path is taken from ``KAKEHASHI_DATA`` where that is set. Wanted words are in lower
    case and NFKC; see `Wanted` for which vector each takes. `CorpusError` if a file is malformed.
    """
    kept = Wanted(wanted)
    matrix = (read_polyglot if format == "polyglot" else _read_text)(str(path), kept)
    return Vectors(kept.rows, matrix, kept.lowered, kept.n_skipped)


def _read_text(path: str, wanted: Wanted) -> npt.NDArray[np.float32]:
    """Read the vectors of the wanted words from lines; word2vec and fastText begin with a header.

    A line is a word and its numbers between spaces or tabs. A word may hold spaces itself (GloVe's
    ``. . .``), so numbers are counted from the right. A word that is not UTF-8 (word2vec cuts long
    ones inside a character) is skipped and counted. Memory grows with the words kept alone, and
    only their numbers are looked at.
    """
    place = data_path(path)
    lines = read_lines(path, _BYTES)
    begin = next(lines, None)
    if begin is None:
        raise CorpusError(place, "is empty; expected word vectors")
    first = begin[1].removeprefix(_BOM)
    header = _COUNT_AND_WIDTH.fullmatch(first.rstrip(" "))
    numbers_at_end = takewhile(_is_number, reversed(_parts(first)[1:]))
    width = int(header[2]) if header else len(list(numbers_at_end))
    rows = array("f")
    n_words = 0
    for number, line in lines if header else chain([(1, first)], lines):
        n_words += 1
        try:
            name, numbers = _split(line.rstrip(" "), width)
            word = name if name.isascii() else name.encode(_BYTES).decode()
            row = wanted.place(word)
            if row is not None:
                rows[row * width : (row + 1) * width] = _parse(numbers)
        except UnicodeDecodeError:
            wanted.n_skipped += 1
        except ValueError as error:
            raise CorpusError(place, str(error)[:200], number) from error
    if header and n_words != int(header[1]):
        problem = f"the first line promises {header[1]} words, got {n_words}; is the file complete?"
        raise CorpusError(place, problem)
    if 2 * wanted.n_skipped >= max(n_words, 1):
        share = f"{wanted.n_skipped:,} of {n_words:,} words"
        raise CorpusError(place, f"{share} are no UTF-8; convert the file to UTF-8")
    return np.asarray(rows).reshape(-1, width)


def _parts(line: str) -> list[str]:
    return [part for part in line.replace("\t", " ").split(" ") if part]


def _split(line: str, width: int) -> tuple[str, str]:
    """Split a line into its word and its numbers, unparsed."""
    if "\t" in line or "  " in line:
        parts = _parts(line)
        has_word = len(parts) > width or not line.startswith((" ", "\t"))
        line = " ".join(parts if has_word else ["", *parts])
    n_spaces = line.count(" ") - width
    *pieces, numbers = line.split(" ", max(n_spaces, 0) + 1)
    # Words with spaces are few and none ends in a number: that is a line with too many.
    if n_spaces < 0 or not width or (n_spaces > 0 and _is_number(pieces[-1])):
        shown = line[:60].encode(_BYTES).decode(errors="replace")
        raise ValueError(f"expected a word and {width} numbers between spaces, got {shown!r}")
    return " ".join(pieces), numbers


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parse(numbers: str) -> array[float]:
    parsed = array("f", map(float, numbers.split(" ")))
    # The sum of finite numbers of 32 bits is finite in 64, that of any others is not.
    if not isfinite(sum(parsed)):
        pairs = zip(numbers.split(" "), parsed, strict=True)
        wrong = next(text for text, value in pairs if not isfinite(value))
        raise ValueError(f"expected numbers that 32 bits can hold, got {wrong!r}")
    return parsed
