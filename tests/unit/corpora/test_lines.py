import gzip
import io
import tracemalloc

import pytest

from kakehashi.corpora import lines
from kakehashi.corpora.lines import LONGEST_LINE, opened, read_bounded, read_lines
from kakehashi.errors import CorpusError


def test_only_line_feeds_end_a_line(write):
    content = "\ufeffone\r\ntwo\x0b\x85\u2028 \r three\n\nlast"
    path = write("a.txt", content)
    assert list(read_lines(path)) == [
        *((1, "one"), (2, "two\x0b\x85\u2028 \r three"), (3, ""), (4, "last"))
    ]
    assert list(read_lines(write("a.txt", ""))) == []
    path = write("a.txt", b"x" * (LONGEST_LINE - 1) + b"\nnext")
    assert [len(line) for _, line in read_lines(path)] == [LONGEST_LINE - 1, 4]
    path = write("a.txt", "\ufeffone\n\ufefftwo\n\ufeff\ufeffthree \ufeff\n")
    assert [line for _, line in read_lines(path)] == ["one", "two", "three \ufeff"]


def test_gzip_and_other_encodings_are_read(write):
    path = write("a.txt", gzip.compress("東京\n".encode()))
    assert list(read_lines(path)) == [(1, "東京")]
    path = write("a.txt", "東京\n京都\n", "euc-jp")
    assert [line for _, line in read_lines(path, "euc-jp")] == ["東京", "京都"]


@pytest.mark.parametrize(
    ("encoding", "advice"), [(None, "convert the file to UTF-8$"), ("utf-8", "with --encoding, ")]
)
def test_another_encoding_is_advised_only_where_one_can_be_named(write, encoding, advice):
    path = write("a.txt", "東京".encode("euc-jp"))
    with pytest.raises(CorpusError, match=advice):
        list(read_lines(path, encoding))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"one\ntw\0o", r"a\.txt:2: holds a NUL"),
        (b"\xff\xfea\0b\0", r"a\.txt:1: expected text in utf-8"),
        (b"ok\n" + "東京".encode("euc-jp"), r"a\.txt:2: expected text in utf-8"),
        (b"\xed\xa0\x80", r"a\.txt:1: expected text in utf-8"),
        (b"ok\n" + b"x" * (LONGEST_LINE + 1), r"a\.txt:2: the line is longer than 1,048,576 bytes"),
        (gzip.compress(b"abc" * 1000, mtime=0)[:-9], r"a\.txt: is a damaged gzip file"),
        (b"\x1f\x8b\x00\x00", r"a\.txt: is a damaged gzip file"),
    ],
)
def test_what_is_no_text_is_refused(write, content, problem):
    path = write("a.txt", content)
    with pytest.raises(CorpusError, match=problem) as caught:
        list(read_lines(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"there is no such file; .*KAKEHASHI_DATA is not set"):
        list(read_lines("no/such.txt"))
    with pytest.raises(CorpusError, match=r"no such file$"):
        list(read_lines(str(tmp_path / "none.txt")))
    with pytest.raises(CorpusError, match="cannot be read"):
        list(read_lines(str(tmp_path)))


def drain(path):
    with opened(path) as file:
        while file.read(1 << 16):
            pass


def test_a_gzip_bomb_is_refused_in_little_memory(write):
    bomb = gzip.compress(bytes(1 << 20))
    path = write("bomb.gz", bomb * 1024)  # 1 GiB from 1 MiB
    tracemalloc.start()
    with pytest.raises(CorpusError, match=r"bomb\.gz: unpacks to more than 100 times"):
        drain(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 22


def test_a_file_read_as_a_whole_has_a_greatest_size(monkeypatch):
    monkeypatch.setattr(lines, "LARGEST_FILE", 1 << 20)
    assert len(read_bounded(io.BytesIO(bytes(1 << 20)), "a")) == 1 << 20
    with pytest.raises(CorpusError, match="a: is larger than 1 MiB"):
        read_bounded(io.BytesIO(bytes((1 << 20) + 1)), "a")
