"""Numbered lines of text from files, plain or gzip, that nobody vouches for.

Every problem becomes a `CorpusError` with file and line. The limits hold for every reader, so that
no file can lift the bound on what is in memory at once: a line, a JSON record or a row has at most
1 MiB, a sentence 10,000 lines, a file that is read as a whole 64 MiB, and what is packed unpacks to
at most 64 MiB and 100 times its size.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kakehashi.config.reading import data_path, missing_hint
from kakehashi.errors import CorpusError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_LINE = 1 << 20
MOST_LINES = 10_000
LARGEST_FILE = 1 << 26
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_INFLATION = 100
_BOM = "\ufeff"


class _Inflated(io.RawIOBase):
    """What a gzip file holds, as far as `check_inflation` allows."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._gzip, self._path, self._n_read = gzip.GzipFile(fileobj=file), path, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        n_bytes = self._gzip.readinto(buffer)
        self._n_read += n_bytes
        check_inflation(self._n_read, self._path)
        return n_bytes


def check_inflation(unpacked: int, path: Path) -> None:
    """Raise `CorpusError` if a file unpacks to more than 64 MiB and 100 times its size."""
    if unpacked > LARGEST_FILE and unpacked > LARGEST_FILE + _MOST_INFLATION * path.stat().st_size:
        problem = f"unpacks to more than {_MOST_INFLATION} times its size; not reading on"
        raise CorpusError(path, problem)


@contextmanager
def opened(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file, plain or gzip, and turn errors of the system into a `CorpusError`."""
    place = data_path(path)
    try:
        with place.open("rb") as file:
            magic = file.read(2)
            file.seek(0)
            yield io.BufferedReader(_Inflated(file, place)) if magic == _GZIP_MAGIC else file
    except FileNotFoundError:
        raise CorpusError(place, f"there is no such file{missing_hint(path)}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorpusError(place, f"is a damaged gzip file ({error}); fetch it again") from error
    except OSError as error:
        raise CorpusError(place, f"cannot be read ({error.strerror or error})") from error


def read_lines(path: str | Path, encoding: str | None = None) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, from 1; see `numbered_lines`."""
    with opened(path) as file:
        yield from numbered_lines(file, str(data_path(path)), encoding)


def numbered_lines(
    file: IO[bytes], path: str, encoding: str | None = None, first: int = 1
) -> Iterator[tuple[int, str]]:
    r"""Yield the lines of an open file without their ends; only ``\n`` and ``\r\n`` are ends.

    A BOM is left out wherever a line begins, as files may have been joined. The encoding None is
    UTF-8, and its errors advise to convert the file instead of to name another.
    """
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), first):
        yield number, decoded(line, path, encoding, number)


def decoded(line: bytes, path: str, encoding: str | None, number: int | None = None) -> str:
    """Decode a line, or without a number a file; see `numbered_lines`."""
    text = decoded_as_it_is(line, path, encoding, number)
    return text.removesuffix("\n").removesuffix("\r").lstrip(_BOM)


def decoded_as_it_is(
    line: bytes, path: str, encoding: str | None = None, number: int | None = None
) -> str:
    """Decode a line or a file with its BOM and its end, which offsets may count."""
    if number is not None and len(line) > LONGEST_LINE:
        raise CorpusError(path, f"the line is longer than {LONGEST_LINE:,} bytes", number)
    try:
        text = line.decode(encoding or "utf-8")
    except UnicodeError as error:
        advice = "name the file's own with --encoding, in a config 'encoding' (euc-jp, cp932, …)"
        if encoding is None:
            advice = "convert the file to UTF-8"
        problem = f"expected text in {encoding or 'utf-8'} ({error}); {advice}"
        raise CorpusError(path, problem, number) from None
    if "\0" in text:
        raise CorpusError(path, "holds a NUL character; is this a text file?", number)
    return text


def read_bounded(file: IO[bytes], where: str) -> bytes:
    """Read a file into memory; raises `CorpusError` if it is larger than 64 MiB."""
    content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise CorpusError(where, f"is larger than {LARGEST_FILE >> 20} MiB")
    return content


def check_size(n_lines: int, size: int, path: str, first: int, advice: str) -> None:
    """Raise `CorpusError` if a sentence, from line ``first`` on, is longer than any is."""
    if n_lines > MOST_LINES or size > LONGEST_LINE:
        most = f"{MOST_LINES:,} lines or {LONGEST_LINE:,} characters"
        problem = f"the sentence that begins here has more than {most}; {advice}"
        raise CorpusError(path, problem, first)
