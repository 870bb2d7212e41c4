"""Generated corpora in files."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kakehashi.config.sources import AssistantSource
from kakehashi.corpora.assistant import generate
from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.corpora.writing import write_generated
from kakehashi.errors import CorpusError

MANY = AssistantSource(language="ja", utterances=25_000, seed=7)
FEW = AssistantSource(language="de", utterances=300, partition="test")


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_any_number_of_processes_writes_the_same(tmp_path: Path, name: str) -> None:
    for processes in (1, 2):
        (tmp_path / str(processes)).mkdir()
        written = write_generated(tmp_path / str(processes) / name, MANY, processes)
        assert written.sentences == 25_000
    assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_lines_are_the_sentences(tmp_path: Path) -> None:
    written = write_generated(tmp_path / "a.jsonl", FEW)
    sentences = list(generate("de", 300, partition="test"))
    assert list(read_jsonl(tmp_path / "a.jsonl")) == sentences
    assert written.mentions == sum(len(sentence.mentions) for sentence in sentences)


def test_rows_are_the_sentences(tmp_path: Path) -> None:
    write_generated(tmp_path / "a.parquet", FEW)
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    for row, sentence in zip(rows, generate("de", 300, partition="test"), strict=True):
        assert (row["id"], row["text"], row["group"]) == (
            sentence.id,
            sentence.text,
            sentence.group,
        )
        assert row["mentions"] == [mention._asdict() for mention in sentence.mentions]


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be written"):
        write_generated(tmp_path / "nowhere" / "a.jsonl", FEW)
