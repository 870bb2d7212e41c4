from pathlib import Path

import pytest

from kakehashi.errors import ConfigError
from kakehashi.experiments.grid import read_grid
from kakehashi.experiments.runs import FileHashes, expand

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(ROOT.glob("experiments/*.toml"))
GRID = """
name = "g"
seeds = [1, 2]
config = "demo-ja"
[sources.english]
config = "demo-en"
[axes.recognizer]
"no transfer" = {}
"char" = { groups = ["char"], source = "english" }
[axes.size]
"10" = { set = { "corpus.train_size" = 10 } }
[report]
rows = "recognizer"
columns = "size"
baseline = { recognizer = "no transfer" }
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "g.toml"
        path.write_text(text, encoding="utf-8")
        return read_grid(path)

    return read


def test_labels_keep_their_order_and_configs_are_looked_for_beside_the_grid(read, tmp_path):
    labels = read(GRID).labels
    expected = [("recognizer", ("no transfer", "char")), ("size", ("10",)), ("seed", ("1", "2"))]
    assert list(labels.items()) == expected
    assert read(GRID).config == "demo-ja"
    mine = read(GRID.replace('"demo-ja"', '"../mine.toml"'))
    assert mine.config == str(tmp_path / "../mine.toml")


def test_only_takes_a_part_and_keeps_the_order(read):
    part = read(GRID).only(["seed=2", "recognizer=char", "recognizer=no transfer"])
    assert part.labels == {"recognizer": ("no transfer", "char"), "size": ("10",), "seed": ("2",)}
    assert part.only(["recognizer=char"]).labels["recognizer"] == ("char",)
    with pytest.raises(ConfigError, match=r"--only size=20: .*; known: recognizer=no tr"):
        part.only(["size=20"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("groups", "gropus", "axes.recognizer.char.gropus: unknown setting; did you mean 'groups'"),
        ("seeds", "seed", "seed: unknown setting; did you mean 'seeds'"),
        ('source = "english"', 'source = "englich"', "no source 'englich'; did you mean 'english'"),
        ("[axes.size]", "[axes.empty]\n[axes.size]", "the axis 'empty' is empty"),
        ("[1, 2]", "[]", "'seeds' is empty"),
        ("[1, 2]", "[1, 1]", "twice"),
        ("[axes.size]", "[axes.seed]", "the axis 'seed' is made from 'seeds'"),
        ('rows = "recognizer"', 'rows = "recogniser"', "report.rows: there is no axis"),
        ('columns = "size"', 'columns = "sizes"', "did you mean 'size'"),
        ('{ recognizer = "no', '{ recognizer = "on', "no label 'on transfer'"),
        ('["char"]', '["chars"]', "axes.recognizer.char.groups.0"),
        ("[report]", '[report]\nfigures = ["size"]', "report.x"),
        ('name = "g"', 'name = "g', "is not well-formed"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(read, old, new, message):
    assert old in GRID
    with pytest.raises(ConfigError) as error:
        read(GRID.replace(old, new, 1))
    assert message in str(error.value)
    assert "g.toml: " in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('config = "demo-ja"', "", "has no config"),
        ('config = "demo-ja"', 'config = "no-such.toml"', "no such config file"),
        (', source = "english"', "", "says which groups to transfer, but not from where"),
        ("corpus.train_size", "corpus.train_sise", "did you mean 'train_size'"),
        ("corpus.train_size", "name.train_size", "'name' is a value here"),
    ],
)
def test_a_run_that_cannot_be_is_named(read, tmp_path, old, new, message):
    grid = read(GRID.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message):
        expand(grid, FileHashes(tmp_path / "memory.json"))


def test_the_papers_questions_are_shipped():
    names = {path.stem for path in SHIPPED}
    assert {"layers", "romanization", "full", "size", "types", "recipe"} <= names


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_grids_expand(path, tmp_path):
    grid = read_grid(path)
    assert grid.name == path.stem
    cells = expand(grid, FileHashes(tmp_path / "memory.json"))
    assert len({tuple(cell.axes.values()) for cell in cells}) == len(cells)
    named = {cell.source.axes["source"] for cell in cells if cell.source is not None}
    assert named == set(grid.sources)


def test_grids_share_their_runs(tmp_path):
    fingerprints = FileHashes(tmp_path / "memory.json")
    cells = {
        name: {cell.label: cell for cell in expand(read_grid(ROOT / name), fingerprints)}
        for name in ("experiments/layers.toml", "experiments/romanization.toml")
    }
    layers, romanization = cells.values()
    ours, theirs = (
        layers["MASSIVE ja 10k · char+dense · seed 1"],
        romanization["MASSIVE ja 10k · MOM, transfer · seed 1"],
    )
    assert ours.key == theirs.key
    assert ours.source.key == theirs.source.key
