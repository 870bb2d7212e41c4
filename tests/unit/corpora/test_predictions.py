import json
from pathlib import Path

import pytest

from kakehashi.corpora.writing import prediction_files, runs_of
from kakehashi.errors import CorpusError


@pytest.fixture
def annotations(tmp_path):
    """A folder as `kakehashi predict --out` leaves it."""
    folder = tmp_path / "annotated"
    folder.mkdir()
    for name in ("part-000001.jsonl", "part-000000.jsonl", "annotation.json", ".lock"):
        (folder / name).touch()
    (folder / "result.json").write_text(json.dumps({"sentences": 3, "parts": 2}))
    return folder


def test_a_file_is_itself_and_a_run_has_one(tmp_path):
    assert prediction_files(tmp_path / "a.conll") == [tmp_path / "a.conll"]
    assert prediction_files(tmp_path) == [tmp_path / "predictions.jsonl"]


def test_annotations_are_all_their_parts_in_order(annotations):
    assert prediction_files(annotations) == [
        annotations / "part-000000.jsonl",
        annotations / "part-000001.jsonl",
    ]


@pytest.mark.parametrize("result", ["", "[]", "{}", '"'])
def test_annotations_that_are_not_finished_are_refused(annotations, result):
    (annotations / "result.json").write_text(result)
    with pytest.raises(CorpusError, match="is not complete"):
        prediction_files(annotations)
    (annotations / "result.json").unlink()
    with pytest.raises(CorpusError, match="is not complete"):
        prediction_files(annotations)


def test_a_part_that_is_missing_is_missed(annotations):
    (annotations / "part-000000.jsonl").unlink()
    with pytest.raises(CorpusError, match="expected 2 parts, got 1"):
        prediction_files(annotations)


def test_runs_are_one_or_all_that_a_pattern_names(tmp_path, monkeypatch):
    for name in ("ja-seed2", "ja-seed1", "en"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert runs_of("en") == [Path("en")]
    assert runs_of("ja-*") == [Path("ja-seed1"), Path("ja-seed2")]
    assert runs_of(tmp_path / "ja-*") == [tmp_path / "ja-seed1", tmp_path / "ja-seed2"]
    with pytest.raises(CorpusError, match="there is no such file or run folder"):
        runs_of("de-*")
