"""Token per line in columns, as CoNLL and CRF++ have it.

A blank line ends a sentence. A ``-DOCSTART-`` line begins an article (CoNLL-2003), whose sentences
share a group; what precedes the first one is an article too.

A line that begins with ``# `` or ``##`` is a comment (`kakehashi.corpora.comments`), unless it is a
row: its first column is read, it has as many columns as named, and a tag.

Ten columns of which the first is passed over and the last is the tag are CoNLL-U: the tag is
``name``, ``NE`` or ``NER`` in MISC, ``SpaceAfter=No`` is heeded, the words of a range such as
``3-4`` are the one token that is written, and empty nodes are left out.

Tags may have the prefix behind the type, ``PER-B``, or in lower case, ``b-per``, or be the brackets
of CoNLL-2012, ``(PER*``, ``*``, ``*)``.

``_`` in the columns reading and pos stands for none. Writing keeps tokens, spans and articles, but
not mentions that no tokens meet; where the first column is passed over, tokens are numbered in it,
and comments have names and texts. Else names are lost, and the blanks between tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from kakehashi.config.reading import data_path
from kakehashi.config.sources import ColumnsSource
from kakehashi.corpora.checks import check_segmented, checked, excerpt
from kakehashi.corpora.comments import COMMENT, Comments, text_after
from kakehashi.corpora.lines import check_size, read_lines
from kakehashi.errors import CorpusError, TagError
from kakehashi.sentence import Sentence, Token, sentence_from_forms
from kakehashi.tags import OUTSIDE, read_tag, spans_from_tags, tags_from_spans
from kakehashi.text.marks import unmarked

Row = dict[str, str]

DOCSTART, NONE, ANY, AUTO, WHITESPACE = "-DOCSTART-", "_", "*", "auto", "whitespace"
_BLANKS = re.compile("[ \t]+")  # not str.split(): a token may be U+3000
_KEPT = re.compile("(?!\ufeff)[^\\0\\r\\n]+")  # what `decoded` gives back unchanged
_MISC_TAG = re.compile(r"(?:^|\|)(?:name|NE|NER)=([^|]*)")
_BRACKETS = re.compile(r"(?:\(([^\s()*|]+))?\*?(\))?(?<=[*)])")
_WORD_ID = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9})|(\.[0-9]{1,9}))?")
_CONLLU_COLUMNS = 10
_CACHED = 1 << 12  # tags
_MOST_ADVISED = 20  # columns


def read(source: ColumnsSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; a bad sequence of tags is repaired, a bad tag refused."""
    path = data_path(source.path)
    where = str(path)
    comments, article = Comments(path.name), 0
    cached = lru_cache(_CACHED)(partial(_read_tag, source=source))
    rows: list[Row] = []
    start = size = 0
    for number, line in read_lines(source.path, source.encoding):
        fields = _split(line, source)
        if rows and (not fields or DOCSTART in fields):
            yield checked(_sentence(rows, source, comments), where, start)
            rows = []
            comments.end_sentence()
        if DOCSTART in fields:
            article += 1
            comments.group = f"{path.name}#{article}"
            if source.docstart == "keep":
                yield sentence_from_forms([DOCSTART], group=comments.group)
        elif fields and _is_comment(line, fields, source):
            comments.read(line, path.name)
        elif fields and number > source.header_lines:
            start, size = (start, size + len(line)) if rows else (number, len(line))
            rows.append(_row(fields, source, cached, where, number))
            check_size(len(rows), size, where, start, "expected a blank line after each sentence")
    if rows:
        yield checked(_sentence(rows, source, comments), where, start)


def _split(line: str, source: ColumnsSource) -> list[str]:
    bare = line.strip(" \t")
    if not bare:
        return []
    if source.separator == WHITESPACE:
        return _BLANKS.split(bare)
    fields = line.split(_separator(line, source))
    n_columns = len(source.columns)
    if line[-1] in " \t" and not (len(fields) == n_columns and source.columns[-1] == NONE):
        line = line.rstrip(" \t")  # blanks at the end are no column
        without = line.split(_separator(line, source))
        return without if len(without) == n_columns else fields
    return fields


def _separator(line: str, source: ColumnsSource) -> str:
    return ("\t" if "\t" in line else " ") if source.separator == AUTO else source.separator


def _is_comment(line: str, fields: Sequence[str], source: ColumnsSource) -> bool:
    if line[0] != "#" or not COMMENT.match(line):
        return False
    if source.columns[0] == NONE or len(fields) != len(source.columns):
        return True
    try:
        _read_tag(dict(zip(source.columns, fields, strict=True)).get("tag", OUTSIDE), source)
    except TagError:
        return True
    return False


def _row(
    fields: Sequence[str],
    source: ColumnsSource,
    tag_of: Callable[[str], str],
    path: str,
    number: int,
) -> Row:
    if source.columns[-1] == ANY:
        fields = [*fields[: len(source.columns) - 1], ""]
    if len(fields) != len(source.columns):
        likely = ("token", *[NONE] * (len(fields) - 2), "tag")[: min(len(fields), _MOST_ADVISED)]
        problem = f"expected {len(source.columns)} columns, got {len(fields)}"
        problem += f" ({excerpt(' '.join(fields))}); name them with --columns {','.join(likely)},"
        problem += " or what parts them with --separator (in a config: columns, separator)"
        raise CorpusError(path, problem, number)
    row = dict(zip(source.columns, fields, strict=True))
    row["token"] = row["token"].removeprefix(source.prefix)
    if not row["token"]:
        raise CorpusError(path, "expected a token, got an empty column", number)
    if _is_conllu(source):
        row["id"], row["misc"] = fields[0], row["tag"]
    try:
        row["tag"] = tag_of(row.get("tag", OUTSIDE))
    except TagError as error:
        advice = ""
        if error.tag.isalnum():  # a bare type, or the heading of a column
            header = ", a header is passed over with --set header_lines=1" if number == 1 else ""
            advice = f"; bare types are read with --set raw=true{header}"
            advice += " (in a config: raw, header_lines)"
        raise CorpusError(path, f"{error}{advice}", number) from error
    return row


def _read_tag(field: str, source: ColumnsSource) -> str:
    """Read a tag, as one with a prefix; raises `TagError` if it is none."""
    if _is_conllu(source) and (field == NONE or "=" in field):
        found = _MISC_TAG.search(field)
        if not found and "Entity=" in field:
            raise TagError(field, "expected the tag in MISC as name=, NE= or NER=, got Entity=")
        field = found[1] if found else OUTSIDE
    if _BRACKETS.fullmatch(field) and not source.raw:
        return field
    return read_tag(field, outside=source.outside, raw=source.raw)


def _without_brackets(tags: Iterable[str]) -> Iterator[str]:
    """Replace brackets by BIO; other tags stay."""
    inside = ""
    for tag in tags:
        if match := _BRACKETS.fullmatch(tag):
            kind, end = match[1] or inside, match[2]
            tag = OUTSIDE if not kind else f"B-{kind}" if match[1] else f"I-{kind}"
            inside = "" if end else kind
        yield tag


def _is_conllu(source: ColumnsSource) -> bool:
    columns = source.columns
    return len(columns) == _CONLLU_COLUMNS and (columns[0], columns[-1]) == (NONE, "tag")


def _words(rows: Iterable[Row]) -> list[Row]:
    """List the tokens that CoNLL-U's text has; one for several words has the first tag of these."""
    words: list[Row] = []
    last = 0  # word of a range
    for row in rows:
        match = _WORD_ID.fullmatch(row["id"])
        word, end, node = match.groups() if match else (None, None, None)
        if node:
            continue
        if word and not end and int(word) <= last:
            words[-1]["tag"] = row["tag"] if words[-1]["tag"] == OUTSIDE else words[-1]["tag"]
        else:
            words.append(row.copy())
            last = int(end) if end else 0
    return words


def _sentence(rows: Sequence[Row], source: ColumnsSource, comments: Comments) -> Sentence:
    joiner, after = " " if source.spaces else "", None
    notes: tuple[str, ...] = ()
    if _is_conllu(source):
        rows = _words(rows)
        after = ["" if "SpaceAfter=No" in row["misc"] else joiner for row in rows]
    spans = spans_from_tags(_without_brackets(row["tag"] for row in rows))
    forms = [row["token"] for row in rows]
    if comments.text:
        exact = text_after(comments.text, forms)
        notes = () if exact else ("# text that is not the tokens",)
        after = exact or after
    names = {"id": comments.id, "group": comments.group}
    bare = sentence_from_forms(forms, spans, joiner=joiner, after=after, **names)
    bare = replace(bare, notes=notes) if notes else bare
    if {"reading", "pos"}.isdisjoint(source.columns):
        return bare
    values = (
        ["" if row.get(name, NONE) == NONE else row[name] for name in ("reading", "pos")]
        for row in rows
    )
    tokens = (Token(*t[:3], *more) for t, more in zip(bare.tokens or (), values, strict=True))
    return replace(bare, tokens=tuple(tokens))


def lines(sentences: Iterable[Sentence], source: ColumnsSource) -> Iterator[str]:
    """Yield the lines of a file that `read` reads; `CorpusError` at what columns cannot hold."""
    previous: str | None = None
    for sentence in sentences:
        if source.docstart == "skip" and previous not in (None, sentence.group):
            yield _line({"token": DOCSTART, "tag": OUTSIDE}, 1, source) + "\n\n"
        previous = sentence.group
        check_segmented(sentence, source.path)
        if source.columns[0] == NONE:
            yield from _comments(sentence)
        tags = zip(sentence.tokens or (), _written_tags(sentence, source), strict=True)
        for number, (token, tag) in enumerate(tags, 1):
            if source.docstart == "skip" and token.text == DOCSTART:
                problem = f"the token {DOCSTART!r} begins an article; write it with"
                raise CorpusError(source.path, f"{problem} --to-set docstart=keep")
            if _is_conllu(source):
                glued = sentence.text[token.end : token.end + 1].strip()
                parts = (f"name={tag}" * (tag != OUTSIDE), "SpaceAfter=No" * bool(glued))
                tag = "|".join(filter(None, parts)) or NONE
            reading = unmarked(token).reading
            row = {"token": token.text, "reading": reading, "pos": token.pos, "tag": tag}
            yield _line(row, number, source) + "\n"
        yield "\n"


def _comments(sentence: Sentence) -> Iterator[str]:
    if re.fullmatch(r"[^\s\0]+", sentence.id):
        yield f"# sent_id = {sentence.id}\n"
    forms = [token.text for token in sentence.tokens or ()]
    if _KEPT.fullmatch(sentence.text) and text_after(sentence.text, forms) is not None:
        yield f"# text = {sentence.text}\n"


def _line(row: Row, number: int, source: ColumnsSource) -> str:
    fields = [row.get(column) or NONE for column in source.columns if column != ANY]
    if row["token"] != DOCSTART:
        fields[source.columns.index("token")] = source.prefix + row["token"]
    if source.columns[0] == NONE:
        fields[0] = str(number)
    blank = source.separator in (AUTO, WHITESPACE)
    line = (" " if blank else source.separator).join(fields)
    back = _split(line, source)
    if back != fields or not _KEPT.fullmatch(line) or _is_comment(line, back, source):
        problem = f"the token {excerpt(row['token'])} cannot stand in these columns;"
        advice = "choose another separator, e.g. --to-separator tab"
        raise CorpusError(source.path, f"{problem} {advice}")
    return line


def _written_tags(sentence: Sentence, source: ColumnsSource) -> list[str]:
    spans = sentence.project().spans
    tags = tags_from_spans(spans, len(sentence.tokens or ()), source.scheme)
    if source.raw:
        tags = [tag.partition("-")[2] or OUTSIDE for tag in tags]
    tags = [source.outside if tag == OUTSIDE else tag for tag in tags]
    try:
        back = {tag: _read_tag(tag, source) for tag in set(tags)}
        if source.raw and spans_from_tags(back[tag] for tag in tags) != list(spans):
            raise TagError("", "neighbours of one type would be one entity as raw tags")
    except TagError as error:
        text = excerpt(sentence.text)
        raise CorpusError(source.path, f"cannot write {text} in columns: {error}") from None
    return tags
