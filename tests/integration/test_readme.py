"""What the README says is what happens."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_snippet_does_the_whole_job(tmp_path):
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(snippet.splitlines()) <= 15
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [line.split() for line in done.stdout.splitlines()]
    text = "明日の朝七時に東京の天気を教えて"
    for form, _, start, end, probability in found:
        assert text[int(start) : int(end)] == form
        assert 0 < float(probability) <= 1
    assert "date" in {row[1] for row in found}


def test_links_lead_somewhere():
    for name in ["README.md", *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*.md"))]:
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert ((ROOT / name).parent / target).exists(), f"{name} links to {target}"


def test_shipped_configs_are_listed():
    for path in ROOT.glob("configs/*.toml"):
        assert f"kakehashi train configs/{path.name}" in path.read_text(encoding="utf-8")
