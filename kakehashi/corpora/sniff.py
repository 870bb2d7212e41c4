"""The format of a file or folder by its content, where names do not tell."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

from kakehashi.config.reading import data_path
from kakehashi.corpora.comments import COMMENT
from kakehashi.corpora.jsonl import HUGGING_FACE, OTHERS
from kakehashi.corpora.lines import LONGEST_LINE, opened
from kakehashi.corpora.spreadsheet import roles
from kakehashi.errors import CorpusError, TagError
from kakehashi.tags import read_tag

_MOST_FILES = 10_000  # of a folder, that are looked at
_TASKS = (b"data", b"annotations", b"completions", b"predictions", b"annotation_id", b"annotator")
_ROWS = 1_000  # lines that are looked at
# Columns by their number: where the first one numbers the tokens, and where it has them.
_NUMBERED = {
    3: ("_", "token", "tag"),
    4: ("_", "token", "tag", "_"),  # GermEval 2014, the outer layer
    5: ("_", "token", "tag", "_", "_"),  # UNER
    10: ("_", "token", "_", "pos", "_", "_", "_", "_", "_", "tag"),  # CoNLL-U
}
_BARE = {3: ("token", "pos", "tag"), 4: ("token", "pos", "_", "tag")}  # CRF++; CoNLL-2003
_LANGUAGE = re.compile("[a-z]{2,3}:(?=.)")
_ONTONOTES = ("_", "_", "_", "token", "pos", "_", "_", "_", "_", "_", "tag", "*")  # CoNLL-2012


def sniff_folder(folder: Path) -> str:
    """Find the format of a folder by the names of files in it."""
    suffixes = {path.suffix for path in islice(folder.rglob("*"), _MOST_FILES)}
    return "brat" if ".ann" in suffixes else "huggingface" if ".parquet" in suffixes else "knp"


def sniff_parquet(path: str | Path) -> str:
    """Find the format of a Parquet file by its columns."""
    from kakehashi.corpora.parquet import opened_parquet

    with suppress(CorpusError), opened_parquet(str(path), data_path(path)) as file:
        names = file.schema_arrow.names
        return "huggingface" if "tokens" in names and "text" not in names else "parquet"
    return "parquet"


def sniff_lines(path: str | Path) -> str:
    """Find the format of JSON lines by the keys of the first line."""
    with opened(path) as file:
        lines = (line for line in iter(lambda: file.readline(LONGEST_LINE), b"") if line.strip())
        first = next(lines, b"")
    keys = _keys(first)
    if "annot_utt" in keys:
        return "annotated"
    known = keys if "tokens" in keys and "text" not in keys else keys - HUGGING_FACE
    return next((name for key, name in OTHERS.items() if key in known), "jsonl")


def sniff_list(path: str | Path) -> str:
    """Find the format of a JSON list by what is written at its beginning; it may be JSON lines."""
    with opened(path) as file:
        start = file.read(LONGEST_LINE)
    if start.lstrip(BOM_UTF8).lstrip().startswith(b"{"):
        return sniff_lines(path)
    return "labelstudio" if any(b'"%b"' % key in start for key in _TASKS) else "stockmark"


def sniff_columns(path: str | Path) -> dict[str, object]:
    """Find the columns of a well-known layout, and whether there is a heading; else nothing."""
    with opened(path) as file:
        start = islice(iter(partial(file.readline, LONGEST_LINE), b""), _ROWS)
        lines = [line.removeprefix(BOM_UTF8).decode("latin-1").rstrip("\r\n ") for line in start]
    if any(line.startswith("#begin document") for line in lines):
        return {"columns": _ONTONOTES, "separator": "whitespace"}
    rows = [
        line.split("\t" if "\t" in line else " ")
        for line in lines
        if line.strip() and not COMMENT.match(line) and "-DOCSTART-" not in line
    ]
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        return {}
    if {"token", "tag"} <= set(found := roles(rows[0])):
        names = {place: role for role, place in found.items() if role != "sentence"}
        heading = tuple(names.get(place, "_") for place in range(len(rows[0])))
        return {"columns": heading, "header_lines": 1}
    prefixes = {match[0] if (match := _LANGUAGE.match(row[0])) else "" for row in rows}
    if len(rows[0]) == 2 and len(prefixes) == 1:
        return {"prefix": prefixes.pop()}  # PAN-X
    is_numbered = all(row[0][:1].isdigit() for row in rows)
    columns = (_NUMBERED if is_numbered else _BARE).get(len(rows[0]))
    if columns is None or (not is_numbered and all(_is_tag(row[1]) for row in rows)):
        return {}  # tags in a column that is passed over would be another layer, or predictions
    is_conllu = columns == _NUMBERED[10]
    fits = is_conllu or all(_is_tag(row[columns.index("tag")]) for row in rows)
    return {"columns": columns} if fits else {}


def columns_by_name(path: Path) -> dict[str, object]:
    """Return the columns of a file to write, by its name, where there are such; else nothing."""
    layouts = {".conllu": _NUMBERED[10], ".iob2": _NUMBERED[5]}
    is_known = path.suffix in layouts
    return {"columns": layouts[path.suffix], "separator": "\t"} if is_known else {}


def _is_tag(field: str) -> bool:
    try:
        read_tag(field)
    except TagError:
        return False
    return True


def _keys(line: bytes) -> set[str]:
    try:
        record = json.loads(line.removeprefix(BOM_UTF8))
    except (ValueError, RecursionError):
        return set()
    return set(record) if isinstance(record, dict) else set()
