"""Score a file as conlleval reads it: gold and predicted tag in the last two columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kakehashi.errors import ConfigError, CorpusError, TagError
from kakehashi.scoring.comparison import score_rows
from kakehashi.scoring.conlleval import Row
from kakehashi.scoring.score import Score, Variant
from kakehashi.scoring.strict import StrictScheme
from kakehashi.tags import OUTSIDE

_BOUNDARY = "-X-"


def score_columns(
    path: str | Path,
    *,
    delimiter: str = " ",
    raw: bool = False,
    outside: str = OUTSIDE,
    variant: Variant = "conlleval",
    scheme: StrictScheme = "bio",
    encoding: str = "utf-8",
) -> Score:
    r"""Score the last two columns of a file; the first three options are conlleval's.

    Args:
        path: One token a line in two or more columns. A sentence ends at an empty line or one whose
            first column is ``-X-``. A line ends with ``\n``; ``\r`` is part of the tag.
        delimiter: What parts columns, exactly, not as a pattern (``-d``).
        raw: Tags are bare types, and every token with one is an entity of its own (``-r``).
        outside: With ``raw``, what stands for no entity (``-o``).
        variant: How sequences that break their scheme are read.
        scheme: The scheme of the variant ``strict``.
        encoding: Of the file.

    Raises:
        CorpusError: If the file cannot be read, or a line is not in the encoding, has another
            number of columns than the first, or, in the variant ``strict``, a tag of another
            scheme.
        ConfigError: If the delimiter is empty.
    """
    rows = _Rows(Path(path), delimiter, outside if raw else None, encoding)
    try:
        return score_rows(rows, variant, scheme)
    except TagError as error:
        raise CorpusError(path, str(error), rows.line) from error


class _Rows:
    """The tags in a file; ``line`` is the number of the line read last."""

    def __init__(self, path: Path, delimiter: str, raw_outside: str | None, encoding: str) -> None:
        if not delimiter:
            raise ConfigError("delimiter", "expected at least one character, got ''")
        self._path = path
        self._delimiter = delimiter
        self._raw_outside = raw_outside
        self._encoding = encoding
        self.line = 0

    def __iter__(self) -> Iterator[Row]:
        """Yield tags and, once after each run of tokens, the end of a sentence."""
        between = True
        width = 0
        for fields in self._fields():
            width = width or len(fields)
            if fields and len(fields) != width:
                self._refuse(f"expected {width} columns as in the lines before", fields)
            if not fields or fields[0] == _BOUNDARY:
                if not between:
                    yield None
                between = True
                continue
            if width < 2:
                self._refuse("expected 2 or more columns, gold and predicted tag last", fields)
            between = False
            yield self._tag(fields[-2]), self._tag(fields[-1])

    def _fields(self) -> Iterator[list[str]]:
        try:
            with self._path.open("rb") as file:
                for self.line, line in enumerate(file, 1):
                    fields = line.removesuffix(b"\n").decode(self._encoding).split(self._delimiter)
                    while fields and not fields[-1]:
                        fields.pop()
                    yield fields
        except OSError as error:
            raise CorpusError(self._path, f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            byte = f"the byte 0x{error.object[error.start]:02x}"
            problem = f"expected {self._encoding}, got {byte}; name another with --encoding"
            raise CorpusError(self._path, problem, self.line) from error

    def _tag(self, tag: str) -> str:
        if self._raw_outside is None or tag == OUTSIDE:
            return tag
        return OUTSIDE if tag == self._raw_outside else f"B-{tag}"

    def _refuse(self, expected: str, fields: list[str]) -> None:
        came = self._delimiter.join(fields)
        problem = (
            f"{expected}, parted by {self._delimiter!r} (-d), got {len(fields)} ({came[:60]!r})"
        )
        raise CorpusError(self._path, problem, self.line)
