"""The romanization table of the design notes, row by row."""

from pathlib import Path

import pytest

from kakehashi.text.readings import romanize

_LINES = (Path(__file__).parent / "romanization_golden.tsv").read_text("utf-8").splitlines()
_ROWS = [line.split("\t")[:2] for line in _LINES]


def test_table_is_complete():
    assert len(_ROWS) == 119


@pytest.mark.parametrize(("kana", "romaji"), _ROWS)
def test_row(kana, romaji):
    assert romanize(kana) == romaji
