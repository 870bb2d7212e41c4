"""Tokens and tags as data sets of the Hugging Face Hub have them, in Parquet or JSON lines.

::

    {"tokens": ["Eva", "sees", "Bonn"], "ner_tags": [1, 0, 5], "id": "7"}

A folder has files of splits (``data/train-00000-of-00002.parquet``, ``train/0000.parquet``).
The names of numbered tags are in the metadata of the Parquet file, else in the folder's
``README.md``, else settings. The tag -100 says nothing of its token. There is no raw text, so that
the blanks between tokens are lost; no other library than Arrow is needed.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, Field, StrictInt, ValidationError

from kakehashi.config.reading import data_path
from kakehashi.config.sources import HuggingFaceSource
from kakehashi.corpora.checks import Name, check_segmented, checked, excerpt, json_error, parsed
from kakehashi.corpora.lines import check_size, read_lines
from kakehashi.errors import CorpusError, TagError
from kakehashi.files import write_atomically
from kakehashi.sentence import Sentence, sentence_from_forms
from kakehashi.tags import OUTSIDE, read_tag, spans_from_tags, tags_from_spans

_COLUMNS = ("ner_tags", "tags", "ner", "labels")
_IGNORED = -100
_FEATURE = re.compile(r" *- *name: *(\w+)")
_NAME = re.compile(r""" +['"]?\d+['"]?: *['"]?(.*?)['"]?$""")
_AT_ONCE = 1 << 10  # rows


class _Row(BaseModel):
    tokens: list[str] = Field(fail_fast=True)
    tags: list[StrictInt | str] = Field(fail_fast=True, validation_alias=AliasChoices(*_COLUMNS))
    id: Name | None = None


def read(source: HuggingFaceSource) -> Iterator[Sentence]:
    """Yield the sentences of a file, or of a split of a folder; `CorpusError` at a bad row."""
    place = data_path(source.path)
    if place.is_dir():
        for path in _files(place, source.split):
            yield from _sentences(source, str(path.absolute()), _names_in_readme(place))
    elif place.suffix == ".parquet":
        yield from _sentences(source, source.path, ())
    else:
        for number, line in read_lines(source.path):
            if line.strip():
                row = parsed(_Row, line, str(place), number)
                yield _sentence(row, source, source.tags, str(place), number)


def _files(folder: Path, split: str) -> list[Path]:
    files = sorted(folder.rglob("*.parquet"))
    names = [path.relative_to(folder).as_posix() for path in files]
    part = re.compile(rf"(?:^|[/_.-]){re.escape(split)}(?:[/_.-])")
    if found := [path for path, name in zip(files, names, strict=True) if part.search(name)]:
        return found
    problem = f"no file of the split {split!r} in {excerpt(', '.join(names))}; say --set split=NAME"
    raise CorpusError(folder, problem)


def _sentences(source: HuggingFaceSource, path: str, names: Sequence[str]) -> Iterator[Sentence]:
    from kakehashi.corpora.parquet import opened_parquet  # Arrow takes long to load

    place = data_path(path)
    with opened_parquet(path, place) as file:
        schema, number = file.schema_arrow, 0
        column = next((name for name in _COLUMNS if name in schema.names), "")
        if "tokens" not in schema.names or not column:
            problem = "expected the columns tokens and ner_tags (or tags, ner, labels), got"
            raise CorpusError(place, f"{problem} {excerpt(', '.join(schema.names))}")
        wanted = ["tokens", column, *({"id"} & set(schema.names))]
        names = source.tags or _names_in_features(schema.metadata, column) or names
        for batch in file.iter_batches(_AT_ONCE, columns=wanted, use_threads=False):
            try:
                rows = batch.to_pylist()
            except UnicodeDecodeError as error:
                raise CorpusError(place, f"holds text that is no UTF-8 ({error})") from None
            for record in rows:
                number += 1
                try:
                    row = _Row.model_validate(record)
                except ValidationError as error:
                    raise json_error(error, str(place), number) from None
                yield _sentence(row, source, names, str(place), number)


def _names_in_features(metadata: dict[bytes, bytes] | None, column: str) -> tuple[str, ...]:
    """Read the names of tags that a data set library writes into the schema; `()` if none."""
    try:
        node = json.loads((metadata or {})[b"huggingface"])["info"]["features"][column]
        node = node[0] if isinstance(node, list) else node.get("feature", node)
        return tuple(str(name) for name in node["names"])
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return ()


def _names_in_readme(folder: Path) -> tuple[str, ...]:
    """Read them in the head of a data set's page, between two lines ``---``; `()` if none."""
    readme, names, is_column = folder / "README.md", list[str](), False
    lines = read_lines(str(readme.absolute())) if readme.is_file() else iter(())
    for number, line in lines:
        if line == "---" and number > 1:
            break
        if match := _FEATURE.match(line):
            is_column = match[1] in _COLUMNS and not names
        elif is_column and (match := _NAME.match(line)):
            names.append(match[1])
    return tuple(names)


def _sentence(
    row: _Row, source: HuggingFaceSource, names: Sequence[str], path: str, number: int
) -> Sentence:
    if len(row.tags) != len(row.tokens):
        problem = f"expected as many tags as tokens, {len(row.tokens)}, got {len(row.tags)}"
        raise CorpusError(path, problem, number)
    check_size(len(row.tokens), sum(map(len, row.tokens)), path, number, "split it")
    tags = []
    for tag in row.tags:
        if isinstance(tag, int) and tag != _IGNORED and not 0 <= tag < len(names):
            advice = "name them all, from 0 on: --set tags=O,B-PER,I-PER (in a config: tags)"
            raise CorpusError(path, f"the tag {tag} has no name; {advice}", number)
        field = tag if isinstance(tag, str) else OUTSIDE if tag == _IGNORED else names[tag]
        try:
            tags.append(read_tag(field, raw=source.raw))
        except TagError as error:
            advice = "; bare types are read with --set raw=true (in a config: raw)"
            raise CorpusError(path, f"{error}{advice}", number) from None
    joiner = " " if source.spaces else ""
    bare = sentence_from_forms(row.tokens, spans_from_tags(tags), joiner=joiner, id=row.id or "")
    notes = ("token without an annotation",) * row.tags.count(_IGNORED)
    return checked(replace(bare, notes=notes), path, number)


def write(sentences: Iterable[Sentence], source: HuggingFaceSource) -> Counter[str]:
    """Write a Parquet file that data set libraries know; `CorpusError` without tokens."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[tuple[str, list[str], list[str]]] = []
    for sentence in sentences:
        check_segmented(sentence, source.path)
        forms = [token.text for token in sentence.tokens or ()]
        rows.append((sentence.id, forms, tags_from_spans(sentence.project().spans, len(forms))))
    found = sorted({tag.partition("-")[2] for _, _, tags in rows for tag in tags} - {""})
    names = [OUTSIDE, *(f"{prefix}-{kind}" for kind in found for prefix in "BI")]
    numbers = {name: number for number, name in enumerate(names)}
    columns = {
        "id": pa.array([name for name, _, _ in rows], pa.string()),
        "tokens": pa.array([forms for _, forms, _ in rows], pa.list_(pa.string())),
        "ner_tags": pa.array(
            [[numbers[tag] for tag in tags] for _, _, tags in rows], pa.list_(pa.int64())
        ),
    }
    value: dict[str, Any] = {"dtype": "string", "_type": "Value"}
    label = {"names": names, "_type": "ClassLabel"}
    features = {
        "id": value,
        "tokens": {"feature": value, "_type": "List"},
        "ner_tags": {"feature": label, "_type": "List"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    data = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), data, compression="zstd")
    write_atomically(Path(source.path), data.getvalue())
    return Counter()
