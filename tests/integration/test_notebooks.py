"""The notebooks run from the first cell to the last."""

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "examples/notebooks"


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.name for path in sorted(NOTEBOOKS.glob("*.py"))])
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    if name == "your_recognizer.py":
        pytest.importorskip("spacy", reason="the extra 'spacy' is not installed")
    monkeypatch.chdir(tmp_path)
    cells = (NOTEBOOKS / name).read_text(encoding="utf-8")
    for language in ("en", "ja"):  # fewer of them, so that the test is done soon
        cells = cells.replace(f'generate("{language}", 3000)', f'generate("{language}", 1200)')
    space = {}
    exec(compile(cells, name, "exec"), space)
    if name == "bridge.py":
        scores = space["scores"]
        assert scores["bridged"].f1 > scores["alone"].f1 > 0
    else:
        recognizer = space["Recognizer"].load(space["japanese"])
        assert {mention.type for mention in recognizer("明日の朝七時に東京の天気を教えて")}
