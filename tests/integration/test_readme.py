"""What the README says is what happens."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import kakehashi
from kakehashi.cli.main import app
from kakehashi.config.reading import read_settings
from kakehashi.experiments.grid import Change, Grid, Report, SourceModel, read_grid
from kakehashi.experiments.runs import FileHashes, expand

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXPERIMENTS = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
SMALLER = {
    r"utterances = (1000|8000)\n\n\[\[corpus.dev": "utterances = 300\n\n[[corpus.dev",
    r"epochs = \d+": "epochs = 1",
    r"word_lstm_width = \d+": "word_lstm_width = 20",
}
TEACHERS = {  # what finds something that others could learn
    r"utterances = (1000|8000)\n\n\[\[corpus.dev": "utterances = 600\n\n[[corpus.dev",
    r"epochs = \d+": "epochs = 12",
    r"word_lstm_width = \d+": "word_lstm_width = 60",
}
JA_QUICK = {r"word_lstm_width = \d+": "word_lstm_width = 40"}
EN_QUICK = JA_QUICK | {"utterances = 8000": "utterances = 1000"}


def write_demos(folder, *changes):
    """Write the configs of the demonstration, changed, where they are found before ours."""
    for name, change in zip(("demo-en", "demo-ja"), changes, strict=True):
        text = (ROOT / f"kakehashi/config/{name}.toml").read_text(encoding="utf-8")
        for pattern, smaller in change.items():
            text, replaced = re.subn(pattern, smaller, text)
            assert replaced == 1
        (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_the_snippet_does_the_whole_job(tmp_path, monkeypatch, capsys):
    """As it stands, with less to learn from."""
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(snippet.splitlines()) <= 15
    write_demos(tmp_path, EN_QUICK, JA_QUICK)
    monkeypatch.chdir(tmp_path)
    exec(snippet, {})
    found = [line.split() for line in capsys.readouterr().out.splitlines()]
    text = "明日の朝七時に東京の天気を教えて"
    for form, _, start, end, probability in found:
        assert text[int(start) : int(end)] == form
        assert 0 < float(probability) <= 1
    assert "date" in {row[1] for row in found}


@pytest.mark.slow
def test_the_tour_can_be_taken(tmp_path, run):
    """Every command as it stands; only the grid and the configs behind it are smaller."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "experiments").mkdir()
    grid = (ROOT / "experiments/demo.toml").read_text(encoding="utf-8")
    one_seed = grid.replace("seeds = [1, 2, 3, 4]", "seeds = [1]")
    assert one_seed != grid
    (tmp_path / "experiments/demo.toml").write_text(one_seed, encoding="utf-8")
    write_demos(tmp_path, TEACHERS, TEACHERS)
    write_demos(tmp_path / "experiments", SMALLER, SMALLER)
    tour = README.partition("## A tour")[2].partition("\n## ")[0]
    for line in "".join(re.findall(r"```sh\n(.*?)```", tour, re.DOTALL)).splitlines():
        given, _, command = line.rpartition(" | ")
        program, *arguments = shlex.split(command)
        assert program == "kakehashi"
        done = run(*arguments, stdin=given.removeprefix("echo "), cwd=tmp_path)
        assert done.returncode == 0, (line, done.stderr)
    for made in ("types.svg", "test.conll", "report/demo-types.png", "report/demo.html"):
        assert (tmp_path / made).stat().st_size > 0


@pytest.mark.slow
def test_the_afternoon_can_be_spent(tmp_path, run, monkeypatch):
    """Every command but pip, and those that serve until they are told to end."""
    write_demos(tmp_path, TEACHERS, TEACHERS)
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/afternoon.md").read_text(encoding="utf-8")
    for language, block in re.findall(r"```(sh|python)\n(.*?)```", page, re.DOTALL):
        if language == "python":
            exec(block, {})
            continue
        for line in block.splitlines():
            given, _, command = line.rpartition(" | ")
            program, verb, *arguments = shlex.split(command, comments=True)
            if program == "kakehashi" and verb not in ("review", "serve"):
                done = run(verb, *arguments, stdin=given.removeprefix("echo "), cwd=tmp_path)
                assert done.returncode == 0, (line, done.stderr)
    assert (tmp_path / "errors.html").stat().st_size > 0


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_asks_nothing_of_others(tmp_path):
    pytest.importorskip("furo", reason="the extra 'docs' is not installed")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", "docs", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        loaded = r"<(?:script|img|link rel=.stylesheet)[^>]+(?:src|href)=.https?:"
        assert not re.search(loaded, page.read_text(encoding="utf-8")), page
    reference = (tmp_path / "reference.html").read_text(encoding="utf-8")
    missing = [name for name in kakehashi.__all__ if f"kakehashi.{name}" not in reference]
    assert missing == ["__version__"]


def test_every_verb_is_on_the_tour():
    for name, command in typer.main.get_command(app).commands.items():
        for verb in getattr(command, "commands", [""]):
            assert f"kakehashi {name} {verb}".rstrip() in README


def test_the_grid_and_the_config_of_the_guide_are_right(tmp_path):
    tables = re.findall(r"```toml\n(.*?)```", EXPERIMENTS, re.DOTALL)
    (grid,) = (table for table in tables if "[report]" in table)
    (config,) = (table for table in tables if "[report]" not in table)
    (tmp_path / "grid.toml").write_text(grid, encoding="utf-8")
    (tmp_path / "my-ja.toml").write_text(config, encoding="utf-8")
    assert read_settings(tmp_path / "my-ja.toml").name == "my-ja"
    cells = expand(read_grid(tmp_path / "grid.toml"), FileHashes(tmp_path / "memory.json"))
    assert len(cells) == 4 * 2 * 6


def test_the_guide_names_every_key_of_a_grid():
    for model in (Grid, SourceModel, Change, Report):
        for key in model.model_fields:
            assert re.search(rf"(^|\[|`|\{{ ){key}( =|[].`])", EXPERIMENTS, re.MULTILINE), key


def test_links_lead_somewhere():
    for name in ["README.md", *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*.md"))]:
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert ((ROOT / name).parent / target).exists(), f"{name} links to {target}"


def test_shipped_configs_are_listed():
    for path in ROOT.glob("configs/*.toml"):
        assert f"kakehashi train configs/{path.name}" in path.read_text(encoding="utf-8")


def test_the_python_page_runs(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(), re.DOTALL)
    training, pipeline, _hub = blocks  # the last needs the Hub: see test_on_the_hub
    monkeypatch.chdir(tmp_path)
    exec(training, {})
    assert (tmp_path / "runs/notes/result.json").exists()
    pytest.importorskip("spacy", reason="the extra 'spacy' is not installed")
    exec(pipeline.replace("MODEL", str(ROOT / "tests/golden/models/en")), {})
    assert "tomorrow date 0." in capsys.readouterr().out
