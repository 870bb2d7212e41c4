"""What may never change: models load and tag, runs keep their identity, results give their pages.

`models` and `fingerprints.json` were written at be859cd, before any of what came after; of the
fingerprints those of demo, recipe and size-strong when the defaults of training changed, demo's
when mentions were first trimmed, those of size and types when they were measured again, and those
of external, taught, taught-0, size-de and selection when these were first measured.
"""

import json
import shutil
from pathlib import Path

import pytest

from kakehashi.experiments.grid import read_grid
from kakehashi.experiments.runs import FileHashes, expand
from kakehashi.runtime.recognizer import Recognizer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = ROOT / "docs/results"
FINGERPRINTS = json.loads((HERE / "fingerprints.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("int8", 1e-2)])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_model_of_then_tags_as_it_did(language, precision, tolerance):
    recognizer = Recognizer.load(HERE / "models" / language, precision=precision)
    expected = json.loads((HERE / f"models/{language}.json").read_text(encoding="utf-8"))
    for sentence in expected:
        found = [mention._asdict() for mention in recognizer(sentence["text"])]
        for mine, then in zip(found, sentence["mentions"], strict=True):
            assert mine.pop("probability") == pytest.approx(then.pop("probability"), abs=tolerance)
            assert mine == then


@pytest.mark.parametrize("grid", FINGERPRINTS)
def test_the_runs_of_the_grids_are_those_they_were(grid, tmp_path, monkeypatch):
    """Else every committed result is orphaned."""
    monkeypatch.chdir(ROOT)
    cells = expand(read_grid(f"experiments/{grid}.toml"), FileHashes(tmp_path / "sums.json"))
    found = {cell.label: cell.fingerprint.config for cell in cells}
    assert {label: found[label] for label in FINGERPRINTS[grid]} == FINGERPRINTS[grid]


@pytest.mark.slow
@pytest.mark.parametrize(
    "grid",
    [
        "external",
        "layers-2k",
        "recipe",
        "selection",
        "selection-kwdlc",
        "size",
        "size-de",
        "size-de-internal",
        "size-strong",
        "taught",
        "taught-0",
        "types",
    ],
)
def test_the_committed_results_give_their_page_to_the_byte(grid, run, tmp_path):
    pytest.importorskip("matplotlib")
    for folder in ("experiments", "configs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copytree(RESULTS / "cells", tmp_path / "runs/cells")
    page = Path("docs/results") / f"{grid}.md"
    (tmp_path / page).parent.mkdir(parents=True)
    done = run("experiment", "page", f"experiments/{grid}.toml", "--out", page, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = sorted((tmp_path / page).parent.iterdir())
    assert [
        path.name for path in made if path.read_bytes() != (RESULTS / path.name).read_bytes()
    ] == []
    assert page.name in {path.name for path in made}
