"""Word vectors in text files: word2vec and fastText (``.vec``) with a first line, GloVe without."""

from __future__ import annotations

import re
from array import array
from itertools import chain, takewhile
from math import isfinite

import numpy as np
import numpy.typing as npt

from kakehashi.config.reading import data_path
from kakehashi.corpora.lines import read_lines
from kakehashi.data.vocabulary import Wanted
from kakehashi.errors import CorpusError

# Lines are read byte by byte, as one character each, and only words decoded.
_BYTES = "latin-1"
_BOM = "\ufeff".encode().decode(_BYTES)
_COUNT_AND_WIDTH = re.compile("([0-9]{1,15})[ \t]([0-9]{1,9})")


def read_word_lines(path: str, wanted: Wanted) -> npt.NDArray[np.float32]:
    """Read the vectors of the wanted words from a text file, plain or gzip.

    A line is a word and its numbers, parted by spaces or tabs. A word may hold spaces itself
    (GloVe's ``. . .``), so numbers are counted from the right. A word that is no UTF-8 (word2vec
    cuts long ones inside a character) is passed over and counted. Memory grows with the words
    kept, whatever the first line promises; the numbers of other words are not looked at.

    Returns:
        (words, width) float32: one row for each of ``wanted.rows``.

    Raises:
        CorpusError: If the file cannot be read, is empty or cut off, or a line is not as it should.
    """
    place = data_path(path)
    lines = read_lines(path, _BYTES)
    begin = next(lines, None)
    if begin is None:
        raise CorpusError(place, "is empty; expected word vectors")
    first = begin[1].removeprefix(_BOM)
    header = _COUNT_AND_WIDTH.fullmatch(first.rstrip(" "))
    width = int(header[2]) if header else _count_numbers(first)
    rows = array("f")
    n_words = 0
    for number, line in lines if header else chain([(1, first)], lines):
        try:
            name, numbers = _split(line.rstrip(" "), width)
            word = _decoded(name)
            row = wanted.place(word) if word is not None else None
            if row is not None:
                rows[row * width : (row + 1) * width] = _parse(numbers)
        except ValueError as error:
            raise CorpusError(place, str(error)[:200], number) from error
        wanted.n_skipped += word is None
        n_words += 1
    if header and n_words != int(header[1]):
        problem = f"the first line promises {header[1]} words, got {n_words}; is the file complete?"
        raise CorpusError(place, problem)
    if 2 * wanted.n_skipped >= max(n_words, 1):
        problem = (
            f"{wanted.n_skipped:,} of {n_words:,} words are no UTF-8; convert the file to UTF-8"
        )
        raise CorpusError(place, problem)
    return np.asarray(rows).reshape(-1, width)


def _decoded(name: str) -> str | None:
    """Decode a word that was read byte by byte; None if it is no UTF-8."""
    if name.isascii():
        return name
    try:
        return name.encode(_BYTES).decode()
    except UnicodeDecodeError:
        return None


def _count_numbers(line: str) -> int:
    """Count the numbers at the end of a line that begins with a word."""
    return sum(1 for _ in takewhile(_is_number, reversed(_parts(line)[1:])))


def _parts(line: str) -> list[str]:
    return [part for part in line.replace("\t", " ").split(" ") if part]


def _split(line: str, width: int) -> tuple[str, str]:
    """Part a line into its word and, as they stand, its numbers."""
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
        wrong = next(
            text
            for text, value in zip(numbers.split(" "), parsed, strict=True)
            if not isfinite(value)
        )
        raise ValueError(f"expected numbers that 32 bits can hold, got {wrong!r}")
    return parsed
