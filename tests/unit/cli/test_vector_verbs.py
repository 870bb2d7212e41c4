"""The verb that aligns word vectors: what it prints, writes and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kakehashi.cli.main import app
from kakehashi.data.vectors import read_vectors
from kakehashi.errors import ConfigError, CorpusError, KakehashiError

ROWS = np.random.default_rng(1).normal(size=(40, 4))
ROTATION = np.linalg.qr(np.random.default_rng(2).normal(size=(4, 4)))[0]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in an empty folder with vectors of two languages, which share 20 strings."""
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    write("en.vec", ROWS, "English")
    write("ja.vec", ROWS @ ROTATION.T, "日本")


def write(name, rows, word):
    words = [f"{row}%" if row < 20 else f"{word}{row}" for row in range(len(rows))]
    lines = (f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, rows, strict=True))
    Path(name).write_text("".join(lines), encoding="utf-8")


def invoke(*arguments):
    return CliRunner().invoke(app, ["align", *arguments], catch_exceptions=False).stdout


def test_vectors_are_rotated_and_words_kept():
    report = json.loads(invoke("en.vec", "ja.vec", "--out", "new.vec.gz", "--json"))
    assert report["pairs"]["identical"] == 20
    assert (report["file"], report["words"], report["tested"]) == ("new.vec.gz", 40, 4)
    assert report["after"] == {"at_1": 100, "at_5": 100}
    rotated, before = read_vectors(Path("new.vec.gz").absolute()), read_vectors("ja.vec")
    assert rotated.rows == before.rows
    np.testing.assert_allclose(rotated.matrix, ROWS, atol=1e-4)
    shown = invoke("en.vec", "ja.vec", "--out", "new.vec.gz", "--force")
    assert "Nearest source word of 4 pairs" in shown
    assert "new.vec.gz: 40 words" in shown


def test_vectors_in_the_working_directory_come_before_those_of_the_data_folder(monkeypatch):
    data = Path("data").absolute()
    data.mkdir()
    monkeypatch.setenv("KAKEHASHI_DATA", str(data))
    assert json.loads(invoke("en.vec", "ja.vec", "--out", "new.vec", "--json"))["words"] == 40
    Path("en.vec").rename(data / "en.vec")
    Path("ja.vec").rename(data / "ja.vec")
    assert json.loads(invoke("en.vec", "ja.vec", "--out", "2.vec", "--json"))["words"] == 40
    Path("ja.vec").write_text("a 1 2\n")
    with pytest.raises(ConfigError, match=r"ja\.vec: expected"):
        invoke("en.vec", "ja.vec", "--out", "3.vec")


def test_a_dictionary_adds_pairs():
    Path("pairs.tsv").write_text("".join(f"english{n}\t日本{n}\n" for n in range(20, 30)))
    options = ("--out", "new.vec", "--seed-words", "pairs.tsv", "--json")
    pairs = json.loads(invoke("en.vec", "ja.vec", *options))["pairs"]
    assert (pairs["given"], pairs["identical"]) == (10, 20)


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ("en.vec narrow.vec --out new.vec", ConfigError, "narrow.vec: expected vectors of width 4"),
        ("en.vec other.vec --out new.vec", ConfigError, "other.vec: expected 4 words, its width"),
        ("en.vec cut.vec --out new.vec", CorpusError, "cut.vec:2: expected a word and 4 numbers"),
        ("en.vec none.vec --out new.vec", CorpusError, "none.vec: there is no such file"),
        ("en.vec ja.vec --out ja.vec", ConfigError, "ja.vec: exists already; choose another name"),
        ("en.vec ja.vec", ConfigError, "Missing option '--out'"),
        ("en.vec ja.vec --out new.vec --seed-words cut.vec", CorpusError, "cut.vec:1: expected a"),
    ],
)
def test_what_cannot_be_aligned_is_refused(arguments, error, problem):
    write("narrow.vec", ROWS[:, :3], "日本")
    write("other.vec", ROWS[20:], "日本")
    Path("other.vec").write_text(Path("other.vec").read_text().replace("%", "分"))
    Path("cut.vec").write_text("a 1 2 3 4\nb 1 2\n")
    with pytest.raises(error) as caught:
        invoke(*arguments.split())
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, KakehashiError)
    assert not Path("new.vec").exists()
