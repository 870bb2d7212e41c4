import gzip
import os
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from kakehashi.config.settings import RunSettings
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.data.vectors import (
    CompactRows,
    Coverage,
    Share,
    Vectors,
    open_vectors,
    read_vectors,
    write_vectors,
)
from kakehashi.errors import CorpusError
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.training import train as tasks

WORD2VEC = "3 2\nthe 0.5 -1\n. . . 2 1e-3\n東京　駅 3 4\n"
GLOVE = WORD2VEC.partition("\n")[2]
FASTTEXT = WORD2VEC.replace("\n", " \n").replace("3 2 \n", "3 2\n")
ROWS = [[0.5, -1.0], [2.0, 0.001], [3.0, 4.0]]
VECTORS = Vectors({"the": 0, "may": 1, "東京": 2}, np.zeros((3, 5), np.float32), frozenset({"may"}))


def test_coverage_is_counted_and_that_of_nothing_is_zero():
    coverage = VECTORS.coverage({"the": 13, "may": 2, "東京": 1, "june": 4})
    assert coverage == Coverage(types=Share(2, 1, 1), tokens=Share(14, 2, 4))
    assert coverage.to_dict() == {
        "types": {"exact": 2, "lowered": 1, "missing": 1, "percent": 75.0},
        "tokens": {"exact": 14, "lowered": 2, "missing": 4, "percent": 80.0},
        "skipped": 0,
    }
    assert VECTORS.coverage({}).types.percent == 0.0


@pytest.mark.parametrize("format", ["text", "polyglot"])
def test_a_missing_file_is_refused(tmp_path, format):
    with pytest.raises(CorpusError, match="no such file"):
        read_vectors(tmp_path / "nothing", format)


@pytest.mark.parametrize(
    ("words", "much", "warnings"),
    [
        (["oslo"], 100, []),
        (["ＯＳＬＯ"], 100, []),
        (["lima"], 100, ["not one word of the training text has a vector; take vectors of its"]),
        (["oslo", "lima", "rome"], 3, ["vectors of 2 words outside the training text take 0 MB"]),
    ],
)
def test_vectors_of_no_use_or_of_much_memory_are_warned_of(
    tmp_path, monkeypatch, words, much, warnings
):
    monkeypatch.setattr(tasks, "_MUCH", much)
    corpus, vectors = tmp_path / "a.jsonl", tmp_path / "words.vec"
    write_jsonl(corpus, [Sentence("Oslo", (Mention(0, 4, "LOC", "Oslo"),))])
    lines = [f"{len(words)} 2\n", *(f"{word} 1 2\n" for word in words)]
    vectors.write_text("".join(lines), encoding="utf-8")
    source = {"format": "jsonl", "path": str(corpus)}
    tree = {"corpus": {"train": [source], "dev": [source]}, "vectors": {"path": str(vectors)}}
    told: list[str] = []
    progress = Progress()
    progress.warn = told.append
    tasks._prepare(RunSettings.model_validate({"name": "a", **tree}), progress, None, None)
    assert len(told) == len(warnings)
    assert all(line.startswith(warning) for line, warning in zip(told, warnings, strict=True))


@pytest.mark.corpora
@pytest.mark.parametrize(("name", "n_words"), [("en", 30_490), ("ja", 43_798)])
def test_real_vectors(name, n_words):
    if "KAKEHASHI_DATA" not in os.environ:
        pytest.skip("KAKEHASHI_DATA does not name the folder of the corpora")
    path = Path("vectors") / f"{name}.64.vec.gz"
    vectors = read_vectors(path)
    assert vectors.matrix.shape == (n_words, 64)  # words alike in NFKC and lower case are one
    assert vectors.matrix.any(axis=1).all()
    some = read_vectors(path, wanted=list(vectors.rows)[::100], first=0)
    rows = [vectors.rows[word] for word in some.rows if word not in some.lowered]
    kept = [some.rows[word] for word in some.rows if word not in some.lowered]
    np.testing.assert_array_equal(some.matrix[kept], vectors.matrix[rows])


@pytest.fixture
def write(tmp_path):
    def write(data: str | bytes):
        path = tmp_path / "words.vec"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return write


@pytest.mark.parametrize("text", [WORD2VEC, GLOVE, FASTTEXT, "\ufeff" + WORD2VEC])
@pytest.mark.parametrize("packed", [False, True])
def test_every_flavour_reads_alike(write, text, packed):
    data = text.encode()
    vectors = read_vectors(write(gzip.compress(data) if packed else data))
    # U+3000 is part of a word, as are single spaces; NFKC makes it one.
    assert tuple(vectors.rows) == ("the", ". . .", "東京 駅")
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(vectors.matrix, np.array(ROWS, np.float32))


@pytest.mark.parametrize(
    "text",
    [
        WORD2VEC.replace("the 0.5 -1", "the\t0.5\t-1").replace(". . . 2", ". . .\t2"),
        GLOVE.replace("駅 3 4", "駅\t3 4"),
        GLOVE.replace("the 0.5", "the  0.5").replace("2 1e-3", "2  1e-3"),
        GLOVE.replace(" 1e-3", "\t1e-3\t"),
    ],
)
def test_tabs_and_several_blanks_part_as_one_blank_does(write, text):
    vectors = read_vectors(write(text))
    assert tuple(vectors.rows) == ("the", ". . .", "東京 駅")
    np.testing.assert_array_equal(vectors.matrix, np.array(ROWS, np.float32))


def test_a_word_cut_inside_a_character_is_passed_over(write):
    cut = "山 1 2\n川 3 4\n".encode() + "谷".encode()[:2] + b" 5 6\n"
    vectors = read_vectors(write(cut))
    assert tuple(vectors.rows) == ("山", "川")
    assert vectors.n_skipped == 1
    coverage = vectors.coverage({"山": 2, "谷": 1})
    expected = "1 of 2 words (50.0 %), 66.7 % of their occurrences; 1 of the file are no UTF-8"
    assert str(coverage) == expected


def test_words_meet_in_whatever_case_and_width_they_are_written(write):
    path = write("ＡＢＣ 1 1\nﾒﾓ 2 2\nABC 3 3\n１７ 4 4\nメモ 5 5\nｘｙ 6 6\n")
    vectors = read_vectors(path, wanted=["abc", "メモ", "17", "xy"], first=0)
    found = {word: vectors.matrix[row][0] for word, row in vectors.rows.items()}
    # The one that is written as the corpus is goes before all others, wherever it stands.
    assert found == {"abc": 3, "メモ": 5, "17": 4, "xy": 6}
    assert vectors.lowered == {"abc"}
    assert vectors.coverage({"17": 1, "abc": 1}).types == (1, 1, 0)
    vectors = read_vectors(write("ＡＢＣ 1 1\nABC 2 2\nメモ 3 3\nﾒﾓ 4 4\n"))
    found = {word: vectors.matrix[row][0] for word, row in vectors.rows.items()}
    assert found == {"メモ": 3, "abc": 2}
    assert vectors.lowered == {"abc"}


def test_only_wanted_words_are_kept(write):
    vectors = read_vectors(write(WORD2VEC), wanted=["東京 駅", "missing", "the"], first=0)
    assert dict(vectors.rows) == {"the": 0, "東京 駅": 1}
    np.testing.assert_array_equal(vectors.matrix, np.array([ROWS[0], ROWS[2]], np.float32))
    vectors = read_vectors(write(WORD2VEC), first=0)
    assert (len(vectors.rows), vectors.width) == (0, 2)


def test_words_written_in_lower_case_come_first(write):
    path = write("May 1 1\nmay 2 2\nmay 3 3\nJune 4 4\nJUNE 5 5\n")
    vectors = read_vectors(path, wanted=["june", "may"], first=0)
    assert dict(vectors.rows) == {"may": 0, "june": 1}
    assert vectors.matrix.tolist() == [[2, 2], [4, 4]]
    assert vectors.lowered == {"june"}
    vectors = read_vectors(write("May 1 1\nmay 2 2\nMay 3 3\n"))
    assert dict(vectors.rows) == {"may": 0}
    assert vectors.matrix.tolist() == [[2, 2]]
    assert not vectors.lowered


def test_the_first_words_of_a_file_are_kept_beside_the_wanted(write):
    path = write("a 1 1\nB 2 2\nc 3 3\nD 4 4\n")
    vectors = read_vectors(path, wanted=["d"], first=2)
    assert dict(vectors.rows) == {"a": 0, "b": 1, "d": 2}
    assert vectors.lowered == {"b", "d"}


def test_compact_rows_are_off_by_half_a_step_at_most():
    matrix = np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32)
    matrix[7] = 0
    codes, scales = CompactRows.of(matrix)
    assert (codes.dtype, codes.shape, scales.shape) == (np.int8, (50, 16), (50,))
    assert (np.abs(codes).max(axis=1) == np.where(matrix.any(axis=1), 127, 0)).all()
    step = np.abs(matrix).max(axis=1) / 127
    assert (np.abs(codes * scales[:, None] - matrix) <= 0.501 * step[:, None]).all()
    again = CompactRows.of(codes * scales[:, None])
    np.testing.assert_array_equal(again.codes, codes)


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        ("", None, "is empty; expected word vectors"),
        ("hello\n", 1, "expected a word and 0 numbers between spaces, got 'hello'"),
        ("the\t1 2\nb\t1\n", 2, "expected a word and 2 numbers between spaces, got 'b 1'"),
        ("the  1 2\nb  1\n", 2, "expected a word and 2 numbers between spaces, got 'b 1'"),
        ("a 1 2\nb 1\n", 2, "expected a word and 2 numbers between spaces, got 'b 1'"),
        ("a 1 2\nb 1 2 3\n", 2, "expected a word and 2 numbers between spaces, got 'b 1 2 3'"),
        ("a 1 2\n\n", 2, "expected a word and 2 numbers between spaces, got ''"),
        ("1 2\na 1 x\n", 2, "could not convert string to float: 'x'"),
        ("a 1 nan\n", 1, "expected numbers that 32 bits can hold, got 'nan'"),
        ("a -inf inf\n", 1, "expected numbers that 32 bits can hold, got '-inf'"),
        ("a 1 2\nb 1e39 1\n", 2, "expected numbers that 32 bits can hold, got '1e39'"),
        ("3 2\na 1 2\n", None, "the first line promises 3 words, got 1; is the file complete?"),
        ("1 2\na 1 2\nb 1 2\n", None, "the first line promises 1 words, got 2"),
        (b"a 1 2\n\xff 1 2\n", None, "1 of 2 words are no UTF-8; convert the file to UTF-8"),
        ("山 1\n".encode("euc-jp") * 3, None, "3 of 3 words are no UTF-8"),
        (gzip.compress(WORD2VEC.encode() * 100)[:-20], None, "damaged gzip"),
    ],
)
def test_a_bad_file_is_refused(write, data, line, problem):
    path = write(data)
    with pytest.raises(CorpusError, match=re.escape(problem)) as caught:
        read_vectors(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("promise", ["999999999 300", "1 999999999", "999999999999 2"])
def test_a_large_promise_takes_no_memory(write, promise):
    path = write(f"{promise}\na 1 2\n")
    tracemalloc.start()
    with pytest.raises(CorpusError):
        read_vectors(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize("name", ["new.vec", "new.vec.gz"])
def test_vectors_are_written_as_they_are_read(write, tmp_path, name):
    path, cut = tmp_path / name, "谷".encode()[:2] + b" 5 6\n"
    n_words, rows = open_vectors(write(GLOVE.encode() + b"May 1e-9 -0\n" + cut))
    assert n_words == 4
    written = [(word, vector * 3) for word, vector in rows]
    assert [word for word, _ in written] == ["the", ". . .", "東京　駅", "May"]
    write_vectors(path, (n_words, 2), written)
    assert path.read_bytes()[:2] == (b"\x1f\x8b" if path.suffix == ".gz" else b"4 ")
    again = read_vectors(path)
    np.testing.assert_allclose(again.matrix, [vector for _, vector in written], rtol=1e-5)
    assert tuple(again.rows) == ("the", ". . .", "東京 駅", "may")
    before = path.read_bytes()
    write_vectors(path, (n_words, 2), written)
    assert path.read_bytes() == before


def test_a_file_damaged_at_its_end_leaves_no_new_file(write, tmp_path):
    path = tmp_path / "new.vec"
    n_words, rows = open_vectors(write("a 1 2\nb 1 nan\n"))
    with pytest.raises(CorpusError, match="expected numbers that 32 bits can hold"):
        write_vectors(path, (n_words, 2), rows)
    assert [*tmp_path.iterdir()] == [tmp_path / "words.vec"]
    with pytest.raises(CorpusError, match="expected a word and 2 numbers"):
        open_vectors(write("a 1 2\nb 1\n"))
