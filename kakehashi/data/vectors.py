"""Pre-trained word vectors: word2vec, fastText, GloVe as text, and Polyglot's pickles."""

from __future__ import annotations

import gzip
import re
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain, takewhile
from math import isfinite
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.config.reading import data_path
from kakehashi.corpora.lines import read_lines
from kakehashi.data.polyglot import read_polyglot
from kakehashi.data.vocabulary import Wanted
from kakehashi.errors import CorpusError
from kakehashi.files import replacing_file

# Lines are read byte by byte, as one character each, and only words decoded.
_BYTES = "latin-1"
_BOM = "\ufeff".encode().decode(_BYTES)
_COUNT_AND_WIDTH = re.compile("([0-9]{1,15})[ \t]([0-9]{1,9})")

VectorFormat = Literal["text", "polyglot"]


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
    """Word vectors: the row of every word, lower-cased and in NFKC, in the matrix (words, width).

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

    def coverage(self, words: Mapping[str, int]) -> Coverage:
        """Count which words, of which each occurs so often, have a vector."""
        types, tokens = [0, 0, 0], [0, 0, 0]
        for word, count in words.items():
            found = 1 if word in self.lowered else 0 if word in self.rows else 2
            types[found] += 1
            tokens[found] += count
        return Coverage(Share(*types), Share(*tokens), self.n_skipped)


def read_vectors(
    path: str | Path,
    format: VectorFormat = "text",
    *,
    wanted: Collection[str] = (),
    first: int | None = None,
) -> Vectors:
    """Read word vectors, plain or gzip: of ``wanted`` words, and of the ``first`` of the file.

    By default of all. A relative path is taken from ``KAKEHASHI_DATA`` where that is set. Wanted
    words are in lower case and NFKC; see `Wanted` for which vector each takes. `CorpusError` if a
    file is malformed.
    """
    kept = Wanted(wanted, first)
    matrix = (read_polyglot if format == "polyglot" else _read_text)(str(path), kept)
    return Vectors(kept.rows, matrix, kept.lowered, kept.n_skipped)


def open_vectors(
    path: str | Path, format: VectorFormat = "text"
) -> tuple[int, Iterator[tuple[str, npt.NDArray[np.float32]]]]:
    """Return the number of words in a file, and an iterator over words and vectors (width,).

    Words of text are as written, read with flat memory; those of Polyglot are as `read_vectors` has
    them. Raises as it does.
    """
    if format == "polyglot":
        vectors = read_vectors(path, format)
        return len(vectors.rows), zip(vectors.rows, vectors.matrix, strict=True)

    def words() -> Iterator[tuple[str, Callable[[], array[float]]]]:
        for number, word, numbers in _text_lines(str(path))[1]:
            if word is not None:
                yield word, partial(_parse, numbers, data_path(path), number)

    return sum(1 for _ in words()), ((word, np.asarray(parse())) for word, parse in words())


def write_vectors(
    path: Path, shape: tuple[int, int], rows: Iterable[tuple[str, npt.NDArray[np.float32]]]
) -> None:
    """Write (words, width) numbers atomically, as word2vec does, packed if the name ends in .gz.

    Memory is flat. Six digits of each number are kept.
    """
    with replacing_file(path) as temporary, temporary.open("wb") as file:
        # Without name and time, so that equal vectors are equal files.
        packed = gzip.GzipFile("", "wb", 6, file, mtime=0) if path.suffix == ".gz" else None
        with packed or nullcontext(file) as out:
            out.write(b"%d %d\n" % shape)
            for word, vector in rows:
                numbers = " ".join(f"{value:.6g}" for value in vector.tolist())
                out.write(f"{word} {numbers}\n".encode())


class CompactRows(NamedTuple):
    """A matrix in 8 bits per number: ``codes`` (rows, width) times ``scales`` (rows,).

    The largest number of a row has the code 127 or -127, so that a row is off by 1/254 of it at
    most.
    """

    codes: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]

    @classmethod
    def of(cls, matrix: npt.NDArray[np.float32]) -> CompactRows:
        """Round a matrix (rows, width)."""
        scales = np.abs(matrix).max(axis=1, initial=0) / np.float32(127)
        codes = np.rint(matrix / np.where(scales > 0, scales, 1)[:, None])
        return cls(codes.astype(np.int8), scales)


def _read_text(path: str, wanted: Wanted) -> npt.NDArray[np.float32]:
    """Read the vectors of the wanted words from lines.

    Memory grows with the words kept alone, and only their numbers are looked at.
    """
    width, lines = _text_lines(path)
    rows = array("f")
    for n_lines, (number, word, numbers) in enumerate(lines, start=1):
        if word is None:
            wanted.n_skipped += 1
        elif (row := wanted.place(word, n_lines)) is not None:
            rows[row * width : (row + 1) * width] = _parse(numbers, data_path(path), number)
    return np.asarray(rows).reshape(-1, width)


def _text_lines(path: str) -> tuple[int, Iterator[tuple[int, str | None, str]]]:
    """Return the width of the vectors in a file, and its lines: number, word, numbers unparsed.

    word2vec and fastText begin with a header. A line is a word and its numbers between spaces or
    tabs. A word may hold spaces itself (GloVe's ``. . .``), so numbers are counted from the right.
    A word that is not UTF-8 (word2vec cuts long ones inside a character) is None.
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
    return width, _split_lines(
        place, header, width, lines if header else chain([(1, first)], lines)
    )


def _split_lines(
    place: Path, header: re.Match[str] | None, width: int, lines: Iterable[tuple[int, str]]
) -> Iterator[tuple[int, str | None, str]]:
    """Yield number, word and numbers of each line; then check how many there were."""
    n_words = n_skipped = 0
    for number, line in lines:
        n_words += 1
        try:
            name, numbers = _split(line.rstrip(" "), width)
        except ValueError as error:
            raise CorpusError(place, str(error), number) from error
        word: str | None = name
        if not name.isascii():
            try:
                word = name.encode(_BYTES).decode()
            except UnicodeDecodeError:
                word, n_skipped = None, n_skipped + 1
        yield number, word, numbers
    if header and n_words != int(header[1]):
        problem = f"the first line promises {header[1]} words, got {n_words}; is the file complete?"
        raise CorpusError(place, problem)
    if 2 * n_skipped >= max(n_words, 1):
        share = f"{n_skipped:,} of {n_words:,} words"
        raise CorpusError(place, f"{share} are no UTF-8; convert the file to UTF-8")


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


def _parse(numbers: str, place: Path, line: int) -> array[float]:
    try:
        parsed = array("f", map(float, numbers.split(" ")))
        # The sum of finite numbers of 32 bits is finite in 64, that of any others is not.
        if not isfinite(sum(parsed)):
            pairs = zip(numbers.split(" "), parsed, strict=True)
            wrong = next(text for text, value in pairs if not isfinite(value))
            raise ValueError(f"expected numbers that 32 bits can hold, got {wrong!r}")
    except ValueError as error:
        raise CorpusError(place, str(error)[:200], line) from error
    return parsed
