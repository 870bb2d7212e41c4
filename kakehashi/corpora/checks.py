"""Files that nobody vouches for: lines read within limits, sentences and JSON checked.

Every problem becomes a `CorpusError` with file and line: what cannot be opened, damaged or bloated
compression, a wrong encoding, NUL, lines of absurd length, ranges that contradict their text.

The limits hold for every reader, so that no file can lift the bound on what is in memory at once:
a line, a JSON record or a row has at most 1 MiB, a sentence 10,000 lines, a file that is read as a
whole 64 MiB, and what is packed unpacks to at most 64 MiB and 100 times its size.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from kakehashi.config.reading import data_path, missing_hint
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_LINE = 1 << 20
MOST_LINES = 10_000
LARGEST_FILE = 1 << 26
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_INFLATION = 100
_BOM = "\ufeff"
_EXCERPT = 60  # characters of a text or a key, in a message
# What segmenters take for white space, see `kakehashi.text.composition`.
_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\ufeff"
_BLANK = frozenset(_BLANKS)
Model = TypeVar("Model", bound=BaseModel)


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
    if number is not None and len(line) > LONGEST_LINE:
        raise CorpusError(path, f"the line is longer than {LONGEST_LINE:,} bytes", number)
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
    return text.removesuffix("\n").removesuffix("\r").lstrip(_BOM)


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


def excerpt(text: str) -> str:
    """Quote the beginning of a text in a message."""
    return repr(text) if len(text) <= _EXCERPT else repr(text[:_EXCERPT]) + "…"


def checked(sentence: Sentence, path: str, line: int | None = None) -> Sentence:
    """Return a sentence of a file, its mentions in order and without blanks at their edges.

    Raises `CorpusError` if `find_problem` finds one.
    """
    mentions = tuple(sorted(sentence.mentions, key=lambda mention: mention[:2]))
    if mentions != sentence.mentions:
        sentence = replace(sentence, mentions=mentions)
    problem = find_problem(sentence)
    if problem:
        name = f"sentence {excerpt(sentence.id)}: " if sentence.id else ""
        raise CorpusError(path, name + problem, line)
    for mention in mentions:
        if has_blank_edge(mention.text):
            return _without_blank_edges(sentence)
    return sentence


def find_problem(sentence: Sentence) -> str:
    """Describe what is wrong with a sentence whose mentions are in order; ``""`` if nothing is.

    There must be a text, without NUL and lone surrogates; no mention or token may leave the text,
    hold other text than it says, or overlap another.
    """
    text = sentence.text
    if not text:
        return "expected a text, got an empty one"
    if "\0" in text:
        return "the text holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"the text holds half a character, the surrogate {text[error.start]!r}"
    problem = _range_problem("mention", text, sentence.mentions)
    problem = problem or _range_problem("token", text, sentence.tokens or ())
    for mention in sentence.mentions:
        if not problem and not is_entity_type(mention.type):
            return f"expected an entity type without blanks, got {excerpt(mention.type)}"
    return problem


def has_blank_edge(form: str) -> bool:
    """Whether a mention begins or ends with a blank, which no token does."""
    return form[0] in _BLANK or form[-1] in _BLANK


def is_entity_type(name: str) -> bool:
    """Whether a name can be that of an entity type: it has no blanks, and can be seen."""
    return bool(name) and " " not in name and name.isprintable()


def _without_blank_edges(sentence: Sentence) -> Sentence:
    """Leave out the blanks at the edges, unless the tokens meet a mention only with them."""
    starts = {token.start for token in sentence.tokens or ()}
    ends = {token.end for token in sentence.tokens or ()}
    mentions: list[Mention] = []
    for mention in sentence.mentions:
        form = mention.text.strip(_BLANKS)
        start = mention.start + len(mention.text) - len(mention.text.lstrip(_BLANKS))
        end = start + len(form)
        is_met = mention.start in starts and mention.end in ends
        if form and (not is_met or (start in starts and end in ends)):
            mention = mention._replace(start=start, end=end, text=form)
        mentions.append(mention)
    return replace(sentence, mentions=tuple(mentions))


def _range_problem(kind: str, text: str, ranges: Sequence[Mention] | Sequence[Token]) -> str:
    end = 0
    for part in ranges:
        if not 0 <= part.start < part.end <= len(text):
            problem = f"is not inside the text of {len(text)} characters"
        elif text[part.start : part.end] != part.text:
            problem = f"is {excerpt(text[part.start : part.end])} in the text"
        elif part.start < end:
            problem = "overlaps the one before it"
        else:
            end = part.end
            continue
        place = f"[{part.start}, {part.end})"
        if len(place) > _EXCERPT:
            place = f"{place[:_EXCERPT]}…"
        return f"the {kind} {excerpt(part.text)} at {place} {problem}"
    return ""


def parsed(model: type[Model], text: str, path: str, line: int | None = None) -> Model:
    """Parse JSON into a model; raises `CorpusError` if it is none, or not what the model says."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise json_error(error, path, line) from None


def json_error(error: ValidationError, path: str, line: int | None) -> CorpusError:
    """Describe in one line the first thing that a model does not take."""
    first = error.errors(include_url=False, include_context=False)[0]
    key = ".".join(str(part)[:_EXCERPT] for part in first["loc"])
    came = f", got {excerpt(str(first['input']))}"
    return CorpusError(path, f"{key + ': ' if key else ''}{first['msg']}{came}", line)
