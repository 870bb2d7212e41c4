"""The format of a file or folder by its content, where names do not tell."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from itertools import islice
from pathlib import Path

from kakehashi.corpora.lines import LONGEST_LINE, opened

_MOST_FILES = 10_000  # of a folder, that are looked at
# Keys of the first line that no other format has; then those of a list of tasks.
_LINES = {
    "annotated": ("annot_utt",),
    "doccano": ("label", "labels", "entities", "annotations"),
    "prodigy": ("spans", "answer", "_task_hash"),
}
_TASKS = (b"data", b"annotations", b"completions", b"predictions", b"annotation_id", b"annotator")


def sniff_folder(folder: Path) -> str:
    """Tell the format of a folder by the names of files in it."""
    suffixes = {path.suffix for path in islice(folder.rglob("*"), _MOST_FILES)}
    return "brat" if ".ann" in suffixes else "knp"


def sniff_lines(path: str | Path) -> str:
    """Tell the format of JSON lines by the keys of the first line."""
    with opened(path) as file:
        lines = (line for line in iter(lambda: file.readline(LONGEST_LINE), b"") if line.strip())
        first = next(lines, b"")
    keys = _keys(first)
    return next((name for name, its in _LINES.items() if keys.intersection(its)), "jsonl")


def sniff_list(path: str | Path) -> str:
    """Tell the format of a JSON list by what is written at its beginning; it may be JSON lines."""
    with opened(path) as file:
        start = file.read(LONGEST_LINE)
    if start.lstrip(BOM_UTF8).lstrip().startswith(b"{"):
        return sniff_lines(path)
    return "labelstudio" if any(b'"%b"' % key in start for key in _TASKS) else "stockmark"


def _keys(line: bytes) -> set[str]:
    try:
        record = json.loads(line.removeprefix(BOM_UTF8))
    except (ValueError, RecursionError):
        return set()
    return set(record) if isinstance(record, dict) else set()
