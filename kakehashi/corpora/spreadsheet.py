"""CSV with a heading, as from spreadsheets: a token per row, or a sentence per row as lists.

::

    Sentence #,Word,POS,Tag               Sentence,Tag
    Sentence: 1,Eva,NNP,B-PER             Eva sees Bonn,"['B-PER', 'O', 'B-LOC']"
    ,sees,VBZ,O

The heading says which column is which; a row that names another sentence begins one, and so does
a blank line. Lists are literals of Python, which are parsed and never run.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kakehashi.config.reading import data_path
from kakehashi.config.sources import CsvSource
from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.lines import check_size, read_lines
from kakehashi.errors import CorpusError, TagError
from kakehashi.sentence import Sentence, sentence_from_forms
from kakehashi.tags import read_tag, spans_from_tags

_ROLES = {
    "token": ("token", "word", "form", "tokens", "words", "sentence"),
    "tag": ("tag", "ner", "ner_tag", "ner_tags", "tags", "label", "labels", "entity"),
    "pos": ("pos", "upos", "pos_tag"),
    "sentence": ("sentence #", "sentence_id", "sent_id", "sentence id", "sentence"),
}


def roles(heading: Sequence[str]) -> dict[str, int]:
    """Return which column has tokens, tags, parts of speech and names of sentences."""
    names = [name.strip().lower() for name in heading]
    found: dict[str, int] = {}
    for role, usual in _ROLES.items():
        places = [names.index(name) for name in usual if name in names]
        if free := [place for place in places if place not in found.values()]:
            found[role] = free[0]
    return found


def read(source: CsvSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; `CorpusError` at a row that lacks a token or a tag."""
    path = data_path(source.path)
    tokens = _Tokens(str(path), path.name, " " if source.spaces else "")
    heading, places = list[str](), dict[str, int]()
    lines = (f"{line}\n" for _, line in read_lines(source.path, source.encoding))
    rows = csv.reader(lines, delimiter=source.separator, strict=True)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            raise CorpusError(path, f"is no CSV here ({error})", rows.line_num) from None
        if not any(cell.strip() for cell in row):
            yield from tokens.end()
        elif not heading:
            heading, places = row, _places(row, source, str(path))
        elif len(row) != len(heading):
            problem = f"expected {len(heading)} cells, as the heading has, got {len(row)}"
            raise CorpusError(path, problem, rows.line_num)
        else:
            cells = {role: row[place] for role, place in places.items()}
            try:
                yield from tokens.add(cells, source, rows.line_num)
            except TagError as error:
                advice = "; bare types are read with --set raw=true" if error.tag.isalnum() else ""
                raise CorpusError(path, f"{error}{advice}", rows.line_num) from None
    yield from tokens.end()


def _places(heading: Sequence[str], source: CsvSource, path: str) -> dict[str, int]:
    places = roles(heading)
    for role in ("token", "tag", "sentence"):
        if name := getattr(source, role):
            if name not in heading:
                problem = f"expected a column {excerpt(name)}, got {excerpt(', '.join(heading))}"
                raise CorpusError(path, problem, 1)
            places[role] = heading.index(name)
    if not {"token", "tag"} <= set(places):
        problem = f"expected a heading such as Word,Tag, got {excerpt(','.join(heading))}"
        advice = "name them with --set token=NAME --set tag=NAME (in a config: token, tag)"
        raise CorpusError(path, f"{problem}; {advice}", 1)
    return places


class _Tokens:
    """The tokens of the sentence that is being read."""

    def __init__(self, path: str, group: str, joiner: str) -> None:
        self._path, self._group, self._joiner = path, group, joiner
        self._begin("")

    def _begin(self, name: str) -> None:
        self._name, self._first = name, 0
        self._forms, self._tags, self._pos = list[str](), list[str](), list[str]()
        self._size = 0

    def add(self, cells: Mapping[str, str], source: CsvSource, number: int) -> Iterator[Sentence]:
        """Take a row, and yield the sentence that it ends."""
        name = cells.get("sentence", "").strip()
        is_list = cells["tag"].startswith("[")
        if is_list or (name and name != self._name):
            yield from self.end()
            self._name = name
        tags = _literals(cells["tag"]) if is_list else [cells["tag"]]
        forms: list[str] | None = [cells["token"]]
        if is_list:
            given = cells["token"]
            forms = _literals(given) if given.startswith("[") else given.split()
        if tags is None or forms is None or len(tags) != len(forms) or not all(forms):
            problem = "expected a token and its tag, or lists of as many tokens as tags"
            raise CorpusError(
                self._path, f"{problem}, got {excerpt(str(list(cells.values())))}", number
            )
        self._first = self._first or number
        self._forms += forms
        self._tags += [
            read_tag(tag.strip(), outside=source.outside, raw=source.raw) for tag in tags
        ]
        self._pos += [cells.get("pos", "") if not is_list else ""] * len(forms)
        self._size += sum(map(len, forms))
        check_size(len(self._forms), self._size, self._path, self._first, "expected a blank line")
        if is_list:
            yield from self.end()

    def end(self) -> Iterator[Sentence]:
        """Yield the sentence that has been read, if there is one."""
        if self._forms:
            spans, names = spans_from_tags(self._tags), {"id": self._name, "group": self._group}
            bare = sentence_from_forms(self._forms, spans, joiner=self._joiner, **names)
            tokens = (
                t._replace(pos=pos) for t, pos in zip(bare.tokens or (), self._pos, strict=True)
            )
            yield checked(replace(bare, tokens=tuple(tokens)), self._path, self._first)
        self._begin("")


def _literals(cell: str) -> list[str] | None:
    """Parse a list of strings; None if it is none."""
    try:
        value = ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return value if is_list else None
