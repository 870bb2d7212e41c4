"""A corpus cut into blocks: where each lies in its file, so that any process can read it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.jsonl import sentence_from_line
from kakehashi.corpora.lines import LONGEST_LINE, numbered_lines, opened
from kakehashi.errors import CorpusError
from kakehashi.sentence import Sentence

_JSONL = (".jsonl", ".jsonl.gz")
_TEXT = (".txt", ".txt.gz")
_PARQUET = (".parquet",)
_READ = 1 << 22


@dataclass(frozen=True)
class Lines:
    """Lines of a file, each a sentence; blank ones are none in JSON lines, and empty ones in text.

    Attributes:
        path: The file.
        name: Its name in ids.
        first: Number of the first line, from 1.
        count: How many.
        offset: Bytes before them, once unpacked.
        size: Bytes that they take.
    """

    path: str
    name: str
    first: int
    count: int
    offset: int
    size: int

    def sentences(self) -> Iterator[Sentence]:
        """Read them; a sentence without an id is given one, ``name:line``.

        Raises:
            CorpusError: If a line is not what it should be.
        """
        with opened(self.path) as file:
            _skip(file, self.offset)
            lines = file.read(self.size)
        as_json = self.path.endswith(_JSONL)
        for number, line in numbered_lines(io.BytesIO(lines), self.path, "utf-8", self.first):
            if not as_json:
                yield Sentence(line, id=f"{self.name}:{number}")
            elif line.strip():
                sentence = sentence_from_line(line, self.path, number, may_be_empty=True)
                yield _named(sentence, f"{self.name}:{number}")


@dataclass(frozen=True)
class Rows:
    """Rows of a Parquet file, with a column ``text``, and perhaps one ``id``.

    Attributes:
        path: The file.
        name: Its name in ids.
        first: Number of the first row, from 1.
        count: How many.
        group: Number of the row group.
        offset: Rows of the group before them.
    """

    path: str
    name: str
    first: int
    count: int
    group: int
    offset: int

    def sentences(self) -> Iterator[Sentence]:
        """Read them; a sentence without an id is given one, ``name:row``.

        Raises:
            CorpusError: If a row has no text, or one that is none.
        """
        with _parquet(self.path) as file:
            columns = [name for name in ("text", "id") if name in file.schema_arrow.names]
            table = file.read_row_group(self.group, columns).select(columns)
        table = table.slice(self.offset, self.count)
        for number, row in enumerate(zip(*table.itercolumns(), strict=True), self.first):
            text, *ids = (_value(value, self.path, number) for value in row)
            if not isinstance(text, str):
                problem = f"expected a text, got {excerpt(str(text))}"
                raise CorpusError(self.path, problem, number)
            sentence = Sentence(text, id="".join(str(id_) for id_ in ids if id_ is not None))
            if text:
                checked(sentence, self.path, number)
            yield _named(sentence, f"{self.name}:{number}")


Block = Lines | Rows


def input_files(path: Path) -> dict[str, Path]:
    """Find the files of a corpus: the path itself, or all in that folder, by name.

    Files of a folder whose name begins with a dot or an underscore are none of the corpus.

    Raises:
        CorpusError: If there is none, or one of a format that we do not read.
    """
    path = path.absolute()
    if not path.exists():
        raise CorpusError(path, "there is no such file or folder")
    files = {path.name: path}
    if path.is_dir():
        found = (file for file in sorted(path.rglob("*")) if file.is_file())
        files = {str(file.relative_to(path)): file for file in found if file.name[0] not in "._"}
    known = (*_JSONL, *_TEXT, *_PARQUET)
    for file in files.values():
        if not file.name.endswith(known):
            raise CorpusError(file, f"expected a name that ends in one of {', '.join(known)}")
    if not files:
        raise CorpusError(path, f"holds no file whose name ends in one of {', '.join(known)}")
    return files


def cut(files: Iterable[tuple[str, Path]], n_sentences: int) -> Iterator[Block]:
    """Cut files into blocks of so many lines or rows.

    Args:
        files: Name in ids, and path.
        n_sentences: Lines or rows of a block; the last of a file or row group may have fewer.

    Raises:
        CorpusError: If a file cannot be read.
    """
    for name, path in files:
        cut_file = _cut_rows if path.name.endswith(_PARQUET) else _cut_lines
        yield from cut_file(str(path), name, n_sentences)


def _cut_lines(path: str, name: str, n_lines: int) -> Iterator[Lines]:
    first, offset = 1, 0
    with opened(path) as file:
        lines = iter(lambda: file.readline(LONGEST_LINE + 1), b"")
        while sizes := [len(line) for line in islice(lines, n_lines)]:
            yield Lines(path, name, first, len(sizes), offset, sum(sizes))
            first, offset = first + len(sizes), offset + sum(sizes)


def _cut_rows(path: str, name: str, n_rows: int) -> Iterator[Rows]:
    with _parquet(path) as file:
        if "text" not in file.schema_arrow.names:
            came = ", ".join(file.schema_arrow.names)
            raise CorpusError(path, f"expected a column 'text', got {came}")
        first = 1
        for group in range(file.num_row_groups):
            total = file.metadata.row_group(group).num_rows
            for offset in range(0, total, n_rows):
                count = min(n_rows, total - offset)
                yield Rows(path, name, first, count, group, offset)
                first += count


def _skip(file: IO[bytes], size: int) -> None:
    """Go so many bytes on; in a packed file there is no other way than to read them."""
    if file.seekable():
        file.seek(size)
        return
    while size > 0:
        size -= len(file.read(min(size, _READ))) or size


def _named(sentence: Sentence, name: str) -> Sentence:
    return sentence if sentence.id else replace(sentence, id=name)


@contextmanager
def _parquet(path: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, and turn what Arrow complains of into a `CorpusError`."""
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        problem = " ".join(str(error).split())
        raise CorpusError(path, f"cannot be read as Parquet ({problem})") from error


def _value(value: pa.Scalar, path: str, row: int) -> object:
    try:
        return value.as_py()
    except UnicodeError as error:
        raise CorpusError(path, f"the text is no UTF-8 ({error})", row) from None
