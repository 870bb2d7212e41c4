"""Numbered lines of text from files, plain or gzip, that nobody vouches for.

Every problem becomes a `CorpusError` with file and line: what cannot be opened, damaged or bloated
compression, a wrong encoding, NUL, lines of absurd length.

The limits here hold for every reader, so that what is in memory at once has a bound that no file
can lift: a line, a JSON record or a row has at most 1 MiB, a sentence 10,000 lines, a file that is
read as a whole 64 MiB, and what is packed unpacks to at most 64 MiB and 100 times its size.
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
_BLOCK = 1 << 22
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_INFLATION = 100
_BOM = "\ufeff"


class _Inflated(io.RawIOBase):
    """What a gzip file holds, refused once it grows out of all proportion to the file."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._gzip = gzip.GzipFile(fileobj=file)
        self._path = path
        self._left = most_unpacked(path.stat().st_size)

    def readable(self) -> bool:
        """Say yes, for `io.BufferedReader`."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read on, counting."""
        n_bytes = self._gzip.readinto(buffer)
        self._left -= n_bytes
        if self._left < 0:
            raise bloated(self._path)
        return n_bytes


def most_unpacked(size: int) -> int:
    """Compute to how many bytes a packed file may unpack; honest ones stay far below."""
    return LARGEST_FILE + _MOST_INFLATION * size


def bloated(path: str | Path) -> CorpusError:
    """Make the error for a file that unpacks to more than `most_unpacked`."""
    return CorpusError(
        path, f"unpacks to more than {_MOST_INFLATION} times its size; not reading on"
    )


@contextmanager
def opened(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file, plain or gzip, and turn what the system complains of into a `CorpusError`."""
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
    """Yield the lines of a file with their numbers, from 1, without line ends.

    Args:
        path: The file.
        encoding: What the user says it is in, who then may be advised to say something else; None
            for UTF-8, where there is no choice.

    Raises:
        CorpusError: If the file cannot be read, or a line is not text in the encoding.
    """
    with opened(path) as file:
        yield from numbered_lines(file, str(data_path(path)), encoding)


def read_blocks(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Yield a file as blocks of whole lines, each with the number of its first line.

    Raises:
        CorpusError: If the file cannot be read.
    """
    number = 1
    with opened(path) as file:
        while block := file.read(_BLOCK):
            block += file.readline(LONGEST_LINE + 1)
            yield number, block
            number += block.count(b"\n")


def numbered_lines(
    file: IO[bytes], path: str, encoding: str | None = None, first: int = 1
) -> Iterator[tuple[int, str]]:
    r"""Yield the lines of an open file; only ``\n`` and ``\r\n`` end one.

    A BOM is left out wherever a line begins, as files may have been joined.
    """
    number = first - 1
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise CorpusError(path, f"the line is longer than {LONGEST_LINE:,} bytes", number)
        yield number, decoded(line, path, encoding, number).lstrip(_BOM)


def decoded(line: bytes, path: str, encoding: str | None, number: int | None = None) -> str:
    """Decode bytes without their line end, or say which byte is none of the encoding's."""
    try:
        text = line.decode(encoding or "utf-8")
    except UnicodeError as error:
        advice = (
            "convert the file to UTF-8"
            if encoding is None
            else "name the file's own with --encoding, in a config 'encoding' (euc-jp, cp932, …)"
        )
        problem = f"expected text in {encoding or 'utf-8'} ({error}); {advice}"
        raise CorpusError(path, problem, number) from None
    if "\0" in text:
        raise CorpusError(path, "holds a NUL character; is this a text file?", number)
    return text.removesuffix("\n").removesuffix("\r")


def read_whole(path: str | Path) -> str:
    """Read a file that makes sense only as a whole, in UTF-8.

    Raises:
        CorpusError: If it cannot be read, is not text, or is larger than 64 MiB.
    """
    place = str(data_path(path))
    with opened(path) as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise CorpusError(place, f"is larger than {LARGEST_FILE >> 20} MiB")
    return decoded(content, place, None).lstrip(_BOM)


def oversized(path: str, first: int, advice: str) -> CorpusError:
    """Make the error for a sentence of more lines or characters than any has.

    Args:
        path: The file.
        first: The line that the sentence begins with.
        advice: What would have ended it.
    """
    return CorpusError(
        path,
        f"the sentence that begins here has more than {MOST_LINES:,} lines or {LONGEST_LINE:,}"
        f" characters; {advice}",
        first,
    )
