"""Token per line in columns, as CoNLL and CRF++ have it.

A blank line ends a sentence. A ``-DOCSTART-`` line begins an article (CoNLL-2003), and sentences of
one article share a group. What precedes the first such line is an article too, so a file without
any, whose sentences may all run on from one another, is a single one.

``_`` in the columns reading and pos stands for none. Writing keeps tokens, spans and articles, but
not the blanks between tokens, nor mentions that no tokens meet (`kakehashi.corpora.writing` counts
those).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from kakehashi.config.paths import data_path
from kakehashi.config.sources import ColumnsSource
from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.lines import read_lines
from kakehashi.errors import CorpusError, TagError
from kakehashi.sentence import Sentence, sentence_from_forms
from kakehashi.tags import OUTSIDE, spans_from_tags, split_tag, tags_from_spans

DOCSTART = "-DOCSTART-"
NONE = "_"
AUTO = "auto"
WHITESPACE = "whitespace"

Row = Mapping[str, str]

_BLANKS = re.compile("[ \t]+")  # not str.split(): a token may be U+3000
_KEPT = re.compile("(?!\ufeff)[^\\0\\r\\n]+")  # what `kakehashi.corpora.lines` gives back unchanged


def read(source: ColumnsSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; a bad sequence of tags is repaired, a bad tag refused.

    Raises:
        CorpusError: If a line has another number of columns than named, an empty token, or
            something that is no tag.
    """
    path = data_path(source.path)
    where = str(path)
    group, article = path.name, 0
    rows: list[Row] = []
    start = 0
    for number, line in read_lines(source.path, source.encoding):
        fields = _fields(line, source)
        if rows and (not fields or DOCSTART in fields):
            yield checked(_sentence(rows, source, group), where, start)
            rows = []
        if DOCSTART in fields:
            article += 1
            group = f"{path.name}#{article}"
            if source.docstart == "keep":
                yield sentence_from_forms([DOCSTART], group=group)
        elif fields:
            start = number if not rows else start
            rows.append(_row(fields, source, where, number))
    if rows:
        yield checked(_sentence(rows, source, group), where, start)


def _fields(line: str, source: ColumnsSource) -> list[str]:
    bare = line.strip(" \t")
    if not bare:
        return []
    if source.separator == WHITESPACE:
        return _BLANKS.split(bare)
    if source.separator == AUTO:
        return line.split("\t" if "\t" in line else " ")
    return line.split(source.separator)


def _row(fields: Sequence[str], source: ColumnsSource, path: str, number: int) -> Row:
    if len(fields) != len(source.columns):
        likely = ("token", *[NONE] * (len(fields) - 2), "tag")[: len(fields)]
        raise CorpusError(
            path,
            f"expected {len(source.columns)} columns, got {len(fields)}"
            f" ({excerpt(' '.join(fields))}); name them with --columns {','.join(likely)},"
            " or what parts them with --separator",
            number,
        )
    row = dict(zip(source.columns, fields, strict=True))
    if not row["token"]:
        raise CorpusError(path, "expected a token, got an empty column", number)
    try:
        split_tag(row.setdefault("tag", OUTSIDE))
    except TagError as error:
        raise CorpusError(path, str(error), number) from error
    return row


def _sentence(rows: Sequence[Row], source: ColumnsSource, group: str) -> Sentence:
    spans = spans_from_tags(row["tag"] for row in rows)
    joiner = " " if source.spaces else ""
    bare = sentence_from_forms([row["token"] for row in rows], spans, joiner=joiner, group=group)
    tokens = tuple(
        token._replace(reading=_value(row, "reading"), pos=_value(row, "pos"))
        for token, row in zip(bare.tokens or (), rows, strict=True)
    )
    return replace(bare, tokens=tokens)


def _value(row: Row, column: str) -> str:
    value = row.get(column, NONE)
    return "" if value == NONE else value


def lines(sentences: Iterable[Sentence], source: ColumnsSource) -> Iterator[str]:
    """Yield the lines of a file that `read` reads, in the columns, scheme and separator given.

    Raises:
        CorpusError: If a sentence has no tokens, or a token cannot stand in these columns.
    """
    previous: str | None = None
    for sentence in sentences:
        if source.docstart == "skip" and previous not in (None, sentence.group):
            yield _line({"token": DOCSTART, "tag": OUTSIDE}, source) + "\n\n"
        previous = sentence.group
        for row in _rows(sentence, source):
            yield _line(row, source) + "\n"
        yield "\n"


def _line(row: Row, source: ColumnsSource) -> str:
    fields = [row.get(column) or NONE for column in source.columns]
    blank = source.separator in (AUTO, WHITESPACE)
    line = (" " if blank else source.separator).join(fields)
    if _fields(line, source) != fields or not _KEPT.fullmatch(line):
        raise CorpusError(
            source.path,
            f"the token {excerpt(row['token'])} cannot stand in these columns; choose another"
            " separator, e.g. --separator tab",
        )
    return line


def _rows(sentence: Sentence, source: ColumnsSource) -> Iterator[Row]:
    if sentence.tokens is None:
        raise CorpusError(
            source.path,
            f"cannot write {excerpt(sentence.text)} in columns: it has no tokens yet;"
            " say how to cut the text, e.g. --segmenter unidic-lite",
        )
    if source.docstart == "skip" and any(token.text == DOCSTART for token in sentence.tokens):
        raise CorpusError(
            source.path, f"the token {DOCSTART!r} begins an article; write it with --docstart keep"
        )
    tags = tags_from_spans(sentence.project().spans, len(sentence.tokens), source.scheme)
    for token, tag in zip(sentence.tokens, tags, strict=True):
        yield {"token": token.text, "reading": token.reading, "pos": token.pos, "tag": tag}
