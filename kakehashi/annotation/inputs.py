"""Which files make a corpus, what each is read as, and copies of those that cannot be cut.

Text, JSON lines and Parquet are cut where they lie. Standard input can be read only once, and the
other formats only from the beginning: they are first copied into a folder beside the parts, the
latter as JSON lines.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import copyfileobj

from kakehashi.corpora.formats import FORMATS, guess_source, read_source
from kakehashi.corpora.inputs import STANDARD_INPUT, checked_encoding, raw_lines, refuse_json
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.corpora.lines import opened
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
