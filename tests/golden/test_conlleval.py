"""Every output of conlleval (version 2004-01-26, run under perl) is reproduced byte for byte."""

import json
from pathlib import Path
from typing import Any

import pytest

from kakehashi.errors import CorpusError
from kakehashi.scoring.conlleval import report, score_columns

FOLDER = Path(__file__).parent / "conlleval"
CASES = json.loads((FOLDER / "cases" / "MANIFEST.json").read_text("utf-8"))
SUCCEEDING = [
    *(FOLDER / "cases" / f"{name}.txt" for name, case in CASES.items() if case["rc"] == 0),
    *sorted((FOLDER / "random").glob("*.txt")),
]
FAILING = {
    "30_column_count_error": (2, "expected 4 columns as in the lines before"),
    "31_one_column_error": (1, "expected 2 or more columns"),
    "33_tab_without_d": (1, "expected 2 or more columns"),
}


def options(name: str) -> dict[str, Any]:
    """Translate the script's options to ours."""
    arguments = iter(CASES[name]["args"] if name in CASES else [])
    translated: dict[str, Any] = {}
    for argument in arguments:
        if argument == "-r":
            translated["raw"] = True
        else:
            translated[{"-d": "delimiter", "-o": "outside"}[argument]] = next(arguments)
    return translated


def test_no_golden_file_is_left_out():
    assert len(SUCCEEDING) + len(FAILING) == 234
    assert {name for name, case in CASES.items() if case["rc"]} == set(FAILING)


@pytest.mark.parametrize("path", SUCCEEDING, ids=lambda path: path.stem)
def test_report(path):
    score = score_columns(path, **options(path.stem))
    assert report(score).encode() == path.with_suffix(".out").read_bytes()
    types = score.types.values()
    assert [sum(column) for column in zip(*types, strict=True)] == (
        list(score.counts.total) if types else []
    )


@pytest.mark.parametrize("name", FAILING)
def test_failure(name):
    line, problem = FAILING[name]
    path = FOLDER / "cases" / f"{name}.txt"
    with pytest.raises(CorpusError, match=problem) as caught:
        score_columns(path, **options(name))
    assert (caught.value.path, caught.value.line) == (str(path), line)
