import re

import pytest

from kakehashi.errors import ConfigError, CorpusError
from kakehashi.scoring.columns import score_columns
from kakehashi.scoring.score import Count


@pytest.fixture
def write(tmp_path):
    def write(data: bytes):
        path = tmp_path / "tags.txt"
        path.write_bytes(data)
        return path

    return write


def test_blank_lines_are_no_sentences(write):
    score = score_columns(write(b"\n\na B-A B-A\n\n \n-X- O O\nb O O\n\n\n"))
    assert score.counts.sentences.tolist() == [[1, 1, 1], [0, 0, 0]]


def test_types_outside_ascii(write):
    score = score_columns(write("太郎 B-人名 B-人名\n".encode()))
    assert score.types == {"人名": Count(1, 1, 1)}


def test_strict(write):
    score = score_columns(write(b"a B-A I-A\n\nb S-A S-A\n"), variant="strict", scheme="iobes")
    assert score.counts.sentences.tolist() == [[0, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (
            b"a O O\nb x O O\n",
            2,
            "expected 3 columns as in the lines before, parted by ' ' (-d), got 4",
        ),
        (b"a\tO\tO\n", 1, "expected 2 or more columns, gold and predicted tag last, parted by ' '"),
        (
            b"a O O\n\xff O O\n",
            2,
            "expected utf-8, got the byte 0xff; name another with --encoding",
        ),
    ],
)
def test_a_bad_line_is_named(write, data, line, problem):
    path = write(data)
    with pytest.raises(CorpusError, match=re.escape(f"{path}:{line}: {problem}")) as caught:
        score_columns(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_bad_tag_is_named_with_its_own_line(write):
    path = write(b"a O O\nb O S-A\nc O O\n\n")
    with pytest.raises(CorpusError, match="tag 'S-A' is none of the scheme bio") as caught:
        score_columns(path, variant="strict")
    assert caught.value.line == 2


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"nothing\.txt: cannot be read: No such file"):
        score_columns(tmp_path / "nothing.txt")


def test_an_empty_delimiter_is_refused(write):
    with pytest.raises(ConfigError, match="delimiter"):
        score_columns(write(b"a O O\n"), delimiter="")
