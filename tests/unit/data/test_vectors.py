import os
from pathlib import Path

import numpy as np
import pytest

from kakehashi.config.settings import RunSettings
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.data.vectors import Coverage, Share, Vectors, read_vectors
from kakehashi.errors import CorpusError
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.training import train as tasks

VECTORS = Vectors({"the": 0, "may": 1, "東京": 2}, np.zeros((3, 5), np.float32), frozenset({"may"}))


def test_size_and_contents():
    assert (len(VECTORS), VECTORS.width) == (3, 5)
    assert VECTORS.words == ("the", "may", "東京")
    assert "may" in VECTORS
    assert "May" not in VECTORS


def test_coverage_with_counts():
    coverage = VECTORS.coverage({"the": 10, "The": 3, "may": 2, "東京": 1, "june": 4})
    assert coverage == Coverage(types=Share(2, 2, 1), tokens=Share(11, 5, 4))
    assert coverage.to_dict() == {
        "types": {"exact": 2, "lowered": 2, "missing": 1, "percent": 80.0},
        "tokens": {"exact": 11, "lowered": 5, "missing": 4, "percent": 80.0},
        "skipped": 0,
    }


def test_coverage_of_a_list_counts_types_alone():
    coverage = VECTORS.coverage(["june", "june", "the"])
    assert coverage == Coverage(types=Share(1, 0, 1), tokens=None)
    assert coverage.to_dict()["tokens"] is None


def test_coverage_of_nothing_is_zero():
    assert VECTORS.coverage([]).types.percent == 0.0


@pytest.mark.parametrize("format", ["text", "polyglot"])
def test_a_missing_file_is_refused(tmp_path, format):
    with pytest.raises(CorpusError, match="no such file"):
        read_vectors(tmp_path / "nothing", format)


@pytest.mark.parametrize(("word", "n_warnings"), [("oslo", 0), ("ＯＳＬＯ", 0), ("lima", 1)])
def test_a_warning_if_no_word_has_a_vector(tmp_path, word, n_warnings):
    corpus, vectors = tmp_path / "a.jsonl", tmp_path / "words.vec"
    write_jsonl(corpus, [Sentence("Oslo", (Mention(0, 4, "LOC", "Oslo"),))])
    vectors.write_text(f"1 2\n{word} 1 2\n", encoding="utf-8")
    source = {"format": "jsonl", "path": str(corpus)}
    tree = {"corpus": {"train": [source], "dev": [source]}, "vectors": {"path": str(vectors)}}
    warnings = []
    progress = Progress()
    progress.warn = warnings.append
    tasks._prepare(RunSettings.model_validate({"name": "a", **tree}), progress, None)
    assert len(warnings) == n_warnings
    assert all("not one word" in warning for warning in warnings)


@pytest.mark.corpora
@pytest.mark.parametrize(("name", "n_words"), [("en", 30_490), ("ja", 43_838)])
def test_real_vectors(name, n_words):
    if "KAKEHASHI_DATA" not in os.environ:
        pytest.skip("KAKEHASHI_DATA does not name the folder of the corpora")
    path = Path("vectors") / f"{name}.64.vec.gz"
    vectors = read_vectors(path)
    assert vectors.matrix.shape == (n_words, 64)
    assert vectors.matrix.any(axis=1).all()
    some = read_vectors(path, wanted=[word.lower() for word in vectors.words[::100]])
    rows = [vectors.rows[word] for word in some.words if word not in some.lowered]
    kept = [some.rows[word] for word in some.words if word not in some.lowered]
    np.testing.assert_array_equal(some.matrix[kept], vectors.matrix[rows])
