"""Annotated sentences of a block, in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.corpora.parquet import write_rows
from kakehashi.corpora.rows import rows
from kakehashi.sentence import Sentence


def write_parquet(path: Path, sentences: Iterable[Sentence]) -> None:
    """Write a Parquet file, a row per sentence, whole or not at all."""
    write_rows(path, [rows(sentences)])


WRITERS: Mapping[str, Callable[[Path, Iterable[Sentence]], None]] = {
    "jsonl": write_jsonl,
    "parquet": write_parquet,
}
"""By the format's name, which is also what names of files end in."""
