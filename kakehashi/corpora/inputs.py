"""Input to be tagged, a line a sentence: text or JSON lines, from files or as they come in."""

from __future__ import annotations

import os
import re
import select
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from kakehashi.config.sources import line_encoding
from kakehashi.corpora.formats import FORMATS
from kakehashi.corpora.jsonl import sentence_from_line
from kakehashi.corpora.lines import LONGEST_LINE, decoded, opened
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.sentence import Sentence

LineFormat = Literal["text", "jsonl"]
STANDARD_INPUT = "standard input"

_STANDARD_INPUT = 0
_CHUNK = 1 << 16  # bytes that are answered together; what a pipe holds
_JSON = re.compile(rb"(\xef\xbb\xbf)?\s*(\{\s*(\"|\}|$)|\[\s*(\{|$))")


@dataclass(frozen=True)
class Chunk:
    """Lines of an input without their ends; can be pickled if they are a tuple."""

    path: str  # for messages
    first: int  # number of the first line
    lines: Iterable[bytes]  # blank ones are no JSON lines
    format: LineFormat
    encoding: str

    def sentences(self) -> Iterator[tuple[int, Sentence | CorpusError]]:
        """Yield the number of each line, and its sentence or the error that says why it is none."""
        for number, line in enumerate(self.lines, self.first):
            try:
                text = decoded(line, self.path, self.encoding, number)
                if self.format == "text":
                    yield number, Sentence(text)
                elif text.strip():
                    yield number, sentence_from_line(text, self.path, number, may_be_empty=True)
            except CorpusError as error:
                yield number, error


@dataclass(frozen=True)
class LineInput:
    """A file, or ``-`` for standard input, that holds a sentence a line.

    Without a ``format`` the name of the file decides, and what looks like JSON is refused as text.
    """

    path: Path
    format: LineFormat | None = None
    encoding: str = "utf-8"

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return STANDARD_INPUT if str(self.path) == "-" else str(self.path.absolute())

    @property
    def read_as(self) -> LineFormat:
        """The format that was named, or that the name of the file ends in, if read by lines."""
        if self.format is not None:
            return self.format
        if self.path.name.endswith(FORMATS["jsonl"].suffixes):
            return "jsonl"
        for name, entry in FORMATS.items():
            if self.path.name.endswith(entry.suffixes) and self.path.suffix != ".txt":
                problem = f"{self.path} is named as {name}, but expected are JSON lines or text;"
                advice = f"run: kakehashi corpus convert {self.path} FILE.jsonl"
                advice += ", or say --input-format text"
                raise ConfigError("--input-format", f"{problem} {advice}")
        return "text"

    def chunks(self) -> Iterator[Chunk | None]:
        """Read on, some lines at a time; None where others are to be waited for.

        Raises `CorpusError` if the file was taken for text and looks like JSON.
        """
        read_as, encoding = self.read_as, checked_encoding(self.encoding)
        is_checked = self.format is not None or read_as != "text"
        first = 1
        for lines in _arriving() if self.name == STANDARD_INPUT else _lines_of(self.name):
            filled = (index for index, line in enumerate(lines) if line.strip())
            if not is_checked and (index := next(filled, None)) is not None:
                refuse_json(lines[index], self.name, first + index)
                is_checked = True
            yield Chunk(self.name, first, lines, read_as, encoding) if lines else None
            first += len(lines)


def _lines_of(path: str) -> Iterator[tuple[bytes, ...]]:
    group, size = list[bytes](), 0
    with opened(path) as file:
        for line in raw_lines(file):
            group.append(line)
            size += len(line) + 1
            if size >= _CHUNK:
                yield tuple(group)
                group, size = [], 0
    if group:
        yield tuple(group)


def _arriving() -> Iterator[tuple[bytes, ...]]:
    """Yield the lines that have come; none when others are to be waited for."""
    rest = b""
    while True:
        try:
            if not select.select([_STANDARD_INPUT], [], [], 0)[0]:
                yield ()
            data = os.read(_STANDARD_INPUT, _CHUNK)
        except OSError as error:
            problem = f"cannot be read ({error.strerror or error})"
            raise CorpusError(STANDARD_INPUT, problem) from None
        if not data:
            break
        *lines, rest = (rest + data).split(b"\n")
        rest = rest[: LONGEST_LINE + 1]
        if lines:
            yield tuple(lines)
    if rest:
        yield (rest,)


def raw_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends; of one that is too long, as much as shows it."""
    while line := file.readline(LONGEST_LINE + 2):
        piece = line
        while not piece.endswith(b"\n") and (piece := file.readline(_CHUNK)):
            pass
        yield line.removesuffix(b"\n")


def refuse_json(line: bytes, path: str, number: int) -> None:
    """Raise `CorpusError` at a line of text that begins as JSON objects do."""
    if _JSON.match(line):
        advice = "say --input-format jsonl, or --input-format text if it is text"
        raise CorpusError(path, f"looks like JSON, but is read as text; {advice}", number)


def checked_encoding(name: str) -> str:
    """Return the name of an encoding; raises `ConfigError` if it is none that keeps ASCII."""
    try:
        return line_encoding(name)
    except ValueError as error:
        raise ConfigError("encoding", str(error)) from None
