"""A model judged on a corpus: its score, its errors."""

import json
import shutil

import pytest

MODEL = "runs/small-en-seed1"


@pytest.fixture(scope="module")
def test_score(workplace):
    return json.loads((workplace / MODEL / "result.json").read_text())["test"]


@pytest.fixture
def corpora(run, workplace, world, tmp_path):
    """The test set of the model as nothing, a file, columns, and the part of a config."""
    test, columns, config = world / "en-test.jsonl", tmp_path / "test.conll", tmp_path / "en.toml"
    run("corpus", "convert", test, columns, "--segmenter", "whitespace")
    parts = json.loads((workplace / "en.json").read_text())["corpus"]
    tables = (f"[[corpus.{part}]]\npath = '{files[0]['path']}'\n" for part, files in parts.items())
    config.write_text("name = 'x'\n" + "".join(f"{table}format = 'jsonl'\n" for table in tables))
    return [], [test], [columns], [config]


def test_a_model_is_scored_as_its_run_was(run, workplace, corpora, test_score):
    for corpus in corpora:
        done = run("evaluate", MODEL, *corpus, "--json", cwd=workplace)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["f1"] == test_score["f1"]
        assert found["values"] == test_score["values"]
        assert "|model:small-en|" in found["signature"]


def test_a_model_without_its_run_needs_a_corpus(run, workplace, world, test_score, tmp_path):
    model, test = tmp_path / "model", world / "en-test.jsonl"
    shutil.copytree(workplace / MODEL / "model", model)
    done = run("evaluate", model, test, "--json", "--train", world / "en-train.jsonl")
    assert json.loads(done.stdout)["values"] == test_score["values"]
    done = run("evaluate", model, test, "--json")
    assert "values" not in json.loads(done.stdout)
    assert "warning: seen and unseen values are not told apart" in done.stderr
    run("evaluate", model).refused("name a corpus")


def test_a_file_of_onnx_is_scored_as_its_folder(run, workplace, world, test_score, tmp_path):
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    test = world / "en-test.jsonl"
    for name, options, close in (("a.onnx", [], 0.0), ("b.onnx", ["--int8"], 5.0)):
        run("export", MODEL, tmp_path / name, *options, cwd=workplace)
        done = run("evaluate", tmp_path / name, test, "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["f1"] == pytest.approx(test_score["f1"], abs=close)
        assert f"|precision:{'int8' if options else 'float32'}" in found["signature"]


def test_a_corpus_that_cannot_judge_a_model_is_refused(run, workplace, tmp_path):
    corpus, mapping = tmp_path / "other.jsonl", tmp_path / "cities.toml"
    mention = {"start": 0, "end": 4, "type": "city"}
    corpus.write_text(json.dumps({"text": "Oslo", "mentions": [mention]}))
    judged = ("evaluate", MODEL, corpus)
    run(*judged, cwd=workplace).refused("none of the types", "LOC", "--mapping")
    mapping.write_text("types.city = 'LOC'")
    done = run(*judged, "--mapping", mapping, "--json", cwd=workplace)
    assert json.loads(done.stdout)["gold"] == 1
    mapping.write_text("types = {}\ndrop = ['city']")
    run(*judged, "--mapping", mapping, cwd=workplace).refused("no mentions to judge")
    run(*judged, "-r", cwd=workplace).refused("-r", "single file")
    run(*judged, "--predicted-columns", "token", cwd=workplace).refused("--predicted-columns")
    run("evaluate", corpus, corpus, "--precision", "int8").refused("--precision", "is no model")
    run("errors", corpus).refused("is no model", "GOLD PREDICTED")
    run("errors", corpus, corpus, "--out", "a.md").refused("--out", ".html")


def test_errors_of_a_model_and_of_its_predictions_are_the_same(run, workplace, world, tmp_path):
    page, tagged, test = tmp_path / "errors.html", tmp_path / "tagged", world / "ja-test.jsonl"
    done = run("errors", MODEL, test, "--out", page, "--json", cwd=workplace)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    n_correct = found["score"]["correct"]
    assert found["kinds"].get("correct", 0) == n_correct
    assert len(found["errors"]) == sum(found["kinds"].values()) - n_correct > 0
    assert page.read_text().count("<tr data-kind") == len(found["errors"])
    run("predict", MODEL, test, "--out", tagged, "--precision", "float32", cwd=workplace)
    files = (test, tagged, "--train", world / "en-train.jsonl")
    again = json.loads(run("errors", *files, "--json").stdout)
    for same in ("kinds", "types", "values", "confusion", "lost"):
        assert again[same] == found[same]
    printed = run("errors", *files, "--examples", "1").stdout
    for part in ("Mentions by kind of error", "unseen in training", "conlleval|unit:characters"):
        assert part in printed
