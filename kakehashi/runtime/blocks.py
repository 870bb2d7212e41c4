"""Which files make a corpus, what each is read as, and copies of those that cannot be cut.

Text, JSON lines and Parquet are cut where they lie. Standard input can be read only once, and the
other formats only from the beginning: they are first copied into a folder beside the parts, the
latter as JSON lines.

A corpus cut into blocks: where each lies in its file, so that any process can read it.

Annotated sentences of a block, in a file.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.formats import FORMATS, guess_source, read_source
from kakehashi.corpora.inputs import (
    STANDARD_INPUT,
    LineFormat,
    checked_encoding,
    numbered_sentences,
    raw_lines,
    refuse_json,
)
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.corpora.lines import opened
from kakehashi.corpora.parquet import check_unpacked, write_rows
from kakehashi.corpora.texts import rows
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.files import fill_atomically
from kakehashi.sentence import Sentence

_TEXT = (".txt", ".txt.gz")
_CUT = ("text", "jsonl", "parquet")
_FORMATS = ("text", *(name for name in FORMATS if name != "assistant"))
_STDIN = "-"


@dataclass(frozen=True)
class Reading:
    """How the user says that input is to be read.

    Attributes:
        format: Of all files; None to go by their names.
        encoding: Of all files that are text.
        columns: Settings of columns, see `kakehashi.config.sources.ColumnsSource`.
    """

    format: str | None = None
    encoding: str = "utf-8"
    columns: Mapping[str, object] = field(default_factory=dict)

    def check(self) -> None:
        """Check what does not depend on any file.

        Raises:
            ConfigError: If there is no such format or encoding.
        """
        checked_encoding(self.encoding)
        if self.format not in (None, *_FORMATS):
            raise ConfigError(
                "--input-format", f"expected {', '.join(_FORMATS)}; got {self.format!r}"
            )

    def to_dict(self) -> dict[str, object]:
        """Convert to what JSON gives back unchanged; what was not said is left out."""
        said = {
            key: value for key, value in asdict(self).items() if value not in (None, "utf-8", {})
        }
        plain: dict[str, object] = json.loads(json.dumps(said))
        return plain


@dataclass(frozen=True)
class Input:
    """A file of a corpus.

    Attributes:
        name: What it is called in ids of sentences.
        where: What it is called in messages.
        path: The file itself; ``-`` for standard input.
        format: ``text``, or the name of one in `FORMATS`.
        encoding: Of text and JSON lines.
    """

    name: str
    where: str
    path: str
    format: str
    encoding: str = "utf-8"


def find_inputs(path: Path, reading: Reading) -> list[Input]:
    """Find the files of a corpus: the path itself, or all in that folder, by name.

    Files of a folder whose name begins with a dot or an underscore are none of the corpus.

    Raises:
        CorpusError: If there is none, or one whose name says nothing of its format.
        ConfigError: If there is no such format or encoding.
    """
    reading.check()
    if str(path) == _STDIN:
        read_as = reading.format or "text"
        return [Input("stdin", STANDARD_INPUT, _STDIN, read_as, reading.encoding)]
    path = path.absolute()
    if not path.exists():
        raise CorpusError(path, "there is no such file or folder")
    files = {path.name: path}
    if path.is_dir():
        found = (file for file in sorted(path.rglob("*")) if file.is_file())
        files = {str(file.relative_to(path)): file for file in found if file.name[0] not in "._"}
    if not files:
        raise CorpusError(path, f"holds no file whose name ends in one of {_known()}")
    return [
        Input(name, str(file), str(file), _format(file, reading), reading.encoding)
        for name, file in files.items()
    ]


def describe(inputs: Iterable[Input]) -> str:
    """Describe in a line what is read as what, e.g. ``reading 2 files as text``."""
    counts = Counter(each.format for each in inputs)
    return "reading " + ", ".join(
        f"{count} file{'s' * (count > 1)} as {name}" for name, count in sorted(counts.items())
    )


def copy_inputs(inputs: Iterable[Input], folder: Path, reading: Reading) -> list[Input]:
    """Copy what cannot be cut where it lies into a folder.

    Returns:
        What to read in their place; each can be cut.

    Raises:
        CorpusError: If a file is not what its format says, or is read as text for its name only
            and looks like JSON.
        OSError: If a copy cannot be written.
    """
    copies = []
    for number, each in enumerate(inputs):
        source = each
        if each.path == _STDIN:
            copy = folder / f"{number}.stdin"
            fill_atomically(copy, _copy_standard_input)
            source = replace(each, path=str(copy))
        if each.format == "text" and reading.format is None:
            _refuse_json(source)
        if each.format not in _CUT:
            copy = folder / f"{number}.jsonl"
            write_jsonl(copy, _sentences(source, reading))
            source = replace(each, path=str(copy), format="jsonl", encoding="utf-8")
        copies.append(source)
    return copies


def _format(file: Path, reading: Reading) -> str:
    if reading.format is not None:
        return reading.format
    if file.name.endswith(_TEXT):
        return "text"
    try:
        return guess_source(file).format
    except ConfigError:
        raise CorpusError(file, f"expected a name that ends in one of {_known()}") from None


def _known() -> str:
    suffixes = (suffix for entry in FORMATS.values() for suffix in entry.suffixes)
    return ", ".join(dict.fromkeys((*_TEXT, *suffixes)))


def _copy_standard_input(copy: Path) -> None:
    with copy.open("wb") as file:
        copyfileobj(sys.stdin.buffer, file)


def _refuse_json(input: Input) -> None:
    with opened(input.path) as file:
        for number, line in enumerate(raw_lines(file), 1):
            if line.strip():
                refuse_json(line, input.where, number)
                return


def _sentences(input: Input, reading: Reading) -> Iterator[Sentence]:
    """Read sentences; one without an id is given one, ``name:number``."""
    settings = dict(reading.columns) if input.format == "columns" else {}
    if input.format in ("columns", "inline", "knp"):
        settings["encoding"] = input.encoding
    for number, sentence in enumerate(
        read_source(guess_source(input.path, input.format, **settings)), 1
    ):
        yield replace(sentence, mentions=(), id=sentence.id or f"{input.name}:{number}")


_READ = 1 << 22


@dataclass(frozen=True)
class Lines:
    """Lines of a file, each a sentence; blank ones are none in JSON lines, and empty ones in text.

    Attributes:
        input: The file.
        first: Number of the first line, from 1.
        count: How many.
        offset: Bytes before them, once unpacked.
        format: How each is read.
    """

    input: Input
    first: int
    count: int
    offset: int
    format: LineFormat

    def records(self) -> Iterator[Sentence | CorpusError]:
        """Read them; a sentence without an id is given one, ``name:line``.

        Yields:
            A sentence a line, or what is wrong with the line.

        Raises:
            CorpusError: If the file cannot be read.
        """
        with opened(self.input.path) as file:
            _skip(file, self.offset)
            lines = islice(raw_lines(file), self.count)
            yield from (
                _named(record, f"{self.input.name}:{number}")
                for number, record in numbered_sentences(
                    lines, self.input.where, self.first, self.format, self.input.encoding
                )
            )


@dataclass(frozen=True)
class Rows:
    """Rows of a Parquet file, with a column ``text``, and perhaps one ``id``.

    Attributes:
        input: The file.
        first: Number of the first row, from 1.
        count: How many.
        group: Number of the row group.
        offset: Rows of the group before them.
    """

    input: Input
    first: int
    count: int
    group: int
    offset: int

    def records(self) -> Iterator[Sentence | CorpusError]:
        """Read them; a sentence without an id is given one, ``name:row``.

        Yields:
            A sentence a row, or what is wrong with the row.

        Raises:
            CorpusError: If the file cannot be read.
        """
        where = self.input.where
        with _parquet(self.input) as file:
            columns = [name for name in ("text", "id") if name in file.schema_arrow.names]
            table = file.read_row_group(self.group, columns).select(columns)
        table = table.slice(self.offset, self.count)
        if len(table) != self.count:
            raise CorpusError(where, f"expected {self.count:,} rows there, got {len(table):,}")
        for number, row in enumerate(zip(*table.itercolumns(), strict=True), self.first):
            try:
                yield _named(_sentence(row, where, number), f"{self.input.name}:{number}")
            except CorpusError as error:
                yield error


Block = Lines | Rows


def cut(files: Iterable[Input], n_sentences: int) -> Iterator[Block]:
    """Cut files into blocks of so many lines or rows.

    Args:
        files: JSON lines, text and Parquet.
        n_sentences: Lines or rows of a block; the last of a file or row group may have fewer.

    Raises:
        CorpusError: If a file cannot be read, or what is to be read as text looks like JSON.
    """
    for file in files:
        if file.format == "parquet":
            yield from _cut_rows(file, n_sentences)
        else:
            as_json = file.format == "jsonl"
            yield from _cut_lines(file, n_sentences, "jsonl" if as_json else "text")


def _cut_lines(input: Input, n_lines: int, read_as: LineFormat) -> Iterator[Lines]:
    first, offset = 1, 0
    with opened(input.path) as file:
        lines = _sizes(file)
        while sizes := list(islice(lines, n_lines)):
            yield Lines(input, first, len(sizes), offset, read_as)
            first, offset = first + len(sizes), offset + sum(sizes)


def _sizes(file: IO[bytes]) -> Iterator[int]:
    """Yield how many bytes each line takes, however long it is."""
    size = 0
    while piece := file.readline(_READ):
        size += len(piece)
        if piece.endswith(b"\n"):
            yield size
            size = 0
    if size:
        yield size


def _cut_rows(input: Input, n_rows: int) -> Iterator[Rows]:
    with _parquet(input) as file:
        if "text" not in file.schema_arrow.names:
            came = ", ".join(file.schema_arrow.names)
            raise CorpusError(input.where, f"expected a column 'text', got {came}")
        for name in ("text", "id"):
            if file.schema_arrow.names.count(name) > 1:
                raise CorpusError(input.where, f"has the column {name!r} twice")
        first = 1
        for group in range(file.num_row_groups):
            total = file.metadata.row_group(group).num_rows
            for offset in range(0, total, n_rows):
                count = min(n_rows, total - offset)
                yield Rows(input, first, count, group, offset)
                first += count


def _skip(file: IO[bytes], size: int) -> None:
    """Go so many bytes on; in a packed file there is no other way than to read them."""
    if file.seekable():
        file.seek(size)
        return
    while size > 0:
        size -= len(file.read(min(size, _READ))) or size


def _named(record: Sentence | CorpusError, name: str) -> Sentence | CorpusError:
    return replace(record, id=name) if isinstance(record, Sentence) and not record.id else record


@contextmanager
def _parquet(input: Input) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, and turn what Arrow complains of into a `CorpusError`."""
    try:
        with pq.ParquetFile(input.path, memory_map=True) as file:
            check_unpacked(file, Path(input.path))
            yield file
    except (pa.ArrowException, OSError, UnicodeError) as error:
        problem = " ".join(str(error).split())
        raise CorpusError(input.where, f"cannot be read as Parquet ({problem})") from error


def _sentence(row: Sequence[pa.Scalar], path: str, number: int) -> Sentence:
    text, *ids = (_value(value, path, number) for value in row)
    if not isinstance(text, str):
        raise CorpusError(path, f"expected a text, got {excerpt(str(text))}", number)
    sentence = Sentence(text, id="".join(str(id_) for id_ in ids if id_ is not None))
    return checked(sentence, path, number) if text else sentence


def _value(value: pa.Scalar, path: str, row: int) -> object:
    try:
        return value.as_py()
    except UnicodeError as error:
        raise CorpusError(path, f"the text is no UTF-8 ({error})", row) from None


def write_parquet(path: Path, sentences: Iterable[Sentence]) -> None:
    """Write a Parquet file, a row per sentence, whole or not at all."""
    write_rows(path, [rows(sentences)])


WRITERS: Mapping[str, Callable[[Path, Iterable[Sentence]], None]] = {
    "jsonl": write_jsonl,
    "parquet": write_parquet,
}
"""By the format's name, which is also what names of files end in."""
