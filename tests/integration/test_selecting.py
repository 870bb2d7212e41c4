"""The annotation loop played on a labeled corpus, alone and in a grid."""

import json

import pytest

from kakehashi.config.reading import settings_from_tree
from kakehashi.errors import ConfigError
from kakehashi.training.train import train


@pytest.fixture(scope="module")
def loop(tree):
    """Settings of a loop of three rounds."""
    selection = {"strategy": "mix", "first": 20, "batch": 15, "rounds": 3}
    return tree("en", epochs=3) | {"selection": selection}


def texts(path):
    return [json.loads(line)["text"] for line in path.read_text().splitlines()]


def test_rounds_grow_by_what_is_chosen_and_resume(loop, tmp_path, told):
    folder = train(settings_from_tree(loop), tmp_path / "run", told)
    result = json.loads((folder / "result.json").read_text())
    rounds = result["rounds"]
    sizes = [each["sentences"] for each in rounds]
    assert sizes == sorted(set(sizes))
    assert sizes[0] == 20
    annotated = [texts(folder / f"round-{number:02}.jsonl") for number in range(1, len(sizes) + 1)]
    for before, after, size in zip([[], *annotated], annotated, sizes, strict=False):
        assert after[: len(before)] == before
        assert len(set(after)) == len(after) == size
    last = json.loads((folder / f"round-{len(sizes):02}" / "result.json").read_text())
    assert result["test"] == last["test"]
    assert rounds[-1]["test"] == last["test"]["f1"]
    assert rounds[-1]["mentions"] == last["corpus"]["train"]["entities"]
    work = 5 * sizes[-1] + 0.5 * rounds[-1]["tokens"] + 4 * rounds[-1]["mentions"]
    assert rounds[-1]["minutes"] == pytest.approx(work / 60, abs=0.01)
    (folder / "result.json").unlink()
    (folder / f"round-{len(sizes):02}" / "result.json").unlink()
    train(settings_from_tree(loop), folder, told)
    again = json.loads((folder / "result.json").read_text())
    assert again["rounds"] == rounds
    train(settings_from_tree(loop), folder, told)
    assert "is finished already" in told.lines[-1]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"system": "crfsuite"}, "'selection' needs probabilities"),
        ({"teach": {"teachers": ["x"]}}, "'selection' cannot be combined"),
    ],
)
def test_what_cannot_select_is_refused(loop, changes, problem):
    with pytest.raises(ConfigError, match=problem):
        settings_from_tree(loop | changes)


def test_too_small_a_corpus_is_refused(loop, tmp_path):
    settings = settings_from_tree(loop | {"selection": {"first": 1000}})
    with pytest.raises(ConfigError, match=r"selection\.first: 1,000 are more than"):
        train(settings, tmp_path / "run")


@pytest.mark.slow
def test_a_grid_compares_strategies(loop, run, tmp_path):
    base = dict(loop)
    selection = base.pop("selection")
    (tmp_path / "en.json").write_text(json.dumps(base))
    parts = ", ".join(f"{key} = {json.dumps(value)}" for key, value in selection.items())
    grid = f"""
name = "loop"
seeds = [1, 2]
config = "en.json"
[axes.strategy]
random = {{ set = {{ selection = {{ {parts.replace("mix", "random")} }} }} }}
mix = {{ set = {{ selection = {{ {parts} }} }} }}
all = {{}}
[report]
rows = "strategy"
baseline = {{ strategy = "random" }}
full = {{ strategy = "all" }}
figures = ["selection"]
"""
    (tmp_path / "loop.toml").write_text(grid)
    done = run("experiment", "run", "loop.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("experiment", "page", "loop.toml", "--out", "loop.md", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "loop.md").read_text()
    for part in (
        "What selection saves",
        "round by round",
        "sentences for 95%",
        "loop-selection.svg",
    ):
        assert part in page
