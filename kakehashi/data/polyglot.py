"""Polyglot's word vectors (``.pkl``): a pair of words and an array with a row for each.

The files were pickled by Python 2; `pickled` says how they are read without unpickling.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt

from kakehashi.config.reading import data_path
from kakehashi.corpora.lines import opened
from kakehashi.data.pickled import Matrix, PickledArray, read_pickled
from kakehashi.data.vocabulary import Wanted
from kakehashi.errors import CorpusError

# Polyglot's largest file has 100,004 words and 64 columns: 27 MB.
_PIECE = 1 << 16
_MOST_PIECES = 1 << 12


def read_polyglot(path: str, wanted: Wanted) -> npt.NDArray[np.float32]:
    """Read the vectors of the wanted words.

    Returns:
        (words, width) float32: one row for each of ``wanted.rows``.

    Raises:
        CorpusError: If the file cannot be read or is anything else than such a pair.
    """
    with opened(path) as file:
        # In pieces, since a single call would first take the memory for all that it may read.
        pieces = iter(partial(file.read, _PIECE), b"")
        data = b"".join(islice(pieces, _MOST_PIECES + 1))
    try:
        if len(data) > _MOST_PIECES * _PIECE:
            raise ValueError(f"it is larger than {_MOST_PIECES * _PIECE >> 20} MiB")
        words, matrix = _pair(read_pickled(data))
        return _select(words, matrix, wanted, len(data))
    except ValueError as error:
        problem = f"expected word vectors pickled by Polyglot; {str(error)[:200]}"
        raise CorpusError(data_path(path), problem) from error


def _pair(value: object) -> tuple[Sequence[object], Matrix]:
    match value:
        case ((list() | tuple()) as words, PickledArray(matrix=np.ndarray() as matrix)):
            if len(words) != len(matrix):
                raise ValueError(f"it has {len(words)} words but {len(matrix)} rows")
            return words, matrix
    raise ValueError("it is no pair of words and an array")


def _select(
    words: Sequence[object], matrix: Matrix, wanted: Wanted, size: int
) -> npt.NDArray[np.float32]:
    """Take the vectors of the wanted words, of a file of some size."""
    sources: dict[int, int] = {}
    for number, value in enumerate(words):
        word = _word(value, number)
        # A file may recall one long word a million times.
        size -= len(word)
        if size < 0:
            raise ValueError("its words hold more text than the file")
        row = wanted.place(word)
        if row is not None:
            sources[row] = number
    with np.errstate(over="ignore", invalid="ignore"):
        chosen = matrix[np.fromiter(sources.values(), np.intp)].astype(np.float32)
    finite = np.isfinite(chosen).all(axis=1)
    if not finite.all():
        word = list(wanted.rows)[int(finite.argmin())]
        raise ValueError(f"the vector of {word[:40]!r} has numbers that 32 bits cannot hold")
    return chosen


def _word(value: object, number: int) -> str:
    """Take a word as text; Python 2 pickled it as unicode or as UTF-8 bytes."""
    try:
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, str):
            value.encode()
            return value
    except UnicodeError as error:
        raise ValueError(f"word {number} is not UTF-8 ({error})") from error
    raise ValueError(f"word {number} is no text")
