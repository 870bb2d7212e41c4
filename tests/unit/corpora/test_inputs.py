"""Lines to be tagged: each is a sentence, or the error that names it."""

import gzip
import io
import os
import threading
from pathlib import Path

import pytest

from kakehashi.corpora.inputs import LineInput, raw_lines
from kakehashi.corpora.lines import LONGEST_LINE
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.sentence import Sentence


def records(input_):
    chunks = [chunk for chunk in input_.chunks() if chunk is not None]
    return [record for chunk in chunks for record in read(chunk)]


def read(chunk):
    return [record for _, record in chunk.sentences()]


def shown(found):
    """Texts, and the numbers of bad lines."""
    return [each.text if isinstance(each, Sentence) else each.line for each in found]


LINES = [b"Ann", b"\xff", b"", b"a\0b", b"x" * (LONGEST_LINE + 1), "東京\r".encode(), b" last"]
SHOWN = ["Ann", 2, "", 4, 5, "東京", " last"]


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["no end", "an end"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_line_of_a_file_costs_itself(tmp_path, packed, end):
    content = b"\n".join(LINES) + end
    (tmp_path / "a.txt").write_bytes(gzip.compress(content, mtime=0) if packed else content)
    found = records(LineInput(tmp_path / "a.txt"))
    assert shown(found) == SHOWN
    assert str(found[1]).startswith(f"{tmp_path}/a.txt:2: expected text in utf-8")
    assert str(found[4]).endswith("the line is longer than 1,048,576 bytes")


@pytest.mark.parametrize("size", [977, 1 << 16])
def test_a_bad_line_of_a_pipe_costs_itself(monkeypatch, size):
    content = b"\n".join(LINES)
    read, write = os.pipe()
    monkeypatch.setattr("kakehashi.corpora.inputs._STANDARD_INPUT", read)

    def fill():
        for start in range(0, len(content), size):
            os.write(write, content[start : start + size])
        os.close(write)

    thread = threading.Thread(target=fill)
    thread.start()
    assert shown(records(LineInput(Path("-")))) == SHOWN
    thread.join()
    os.close(read)


def test_what_has_come_is_given_before_more_is_waited_for(monkeypatch):
    end, write = os.pipe()
    monkeypatch.setattr("kakehashi.corpora.inputs._STANDARD_INPUT", end)
    chunks = LineInput(Path("-")).chunks()
    os.write(write, b"a\nb\nhal")
    assert shown(read(next(chunks))) == ["a", "b"]
    assert next(chunks) is None
    os.write(write, b"f\n")
    assert shown(read(next(chunks))) == ["half"]
    os.write(write, b"end")
    os.close(write)
    rest = [chunk for chunk in chunks if chunk is not None]
    assert [shown(read(chunk)) for chunk in rest] == [["end"]]
    os.close(end)


def test_json_lines_are_told_by_the_name(tmp_path):
    lines = '{"text": "Ann", "id": "7", "group": "g"}\n\n{"txt": 1}\n{"text": ""}\n[1]\n'
    for name in ("a.jsonl", "a.jsonl.gz"):
        content = lines.encode()
        packed = gzip.compress(content, mtime=0) if name.endswith("gz") else content
        (tmp_path / name).write_bytes(packed)
        found = records(LineInput(tmp_path / name))
        assert shown(found) == ["Ann", 3, "", 5]
        assert found[0] == Sentence("Ann", id="7", group="g")
    (tmp_path / "a.log").write_text(lines)
    assert shown(records(LineInput(tmp_path / "a.log", "jsonl"))) == ["Ann", 3, "", 5]


@pytest.mark.parametrize(
    "line",
    ['{"text": "Ann"}', ' {"a": 1}', "{}", '\ufeff{"a": 1}', '[{"text": "Ann"}]', "[", "{", "[ {"],
)
def test_json_is_not_read_as_text(tmp_path, line):
    path = tmp_path / "a.txt"
    path.write_text(f" \n{line}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"a\.txt:2: looks like JSON, but is read as text; say"):
        records(LineInput(path))
    assert shown(records(LineInput(path, "text"))) == [" ", line.lstrip("\ufeff")]


@pytest.mark.parametrize("line", ["[date : Friday] off", "{Ann} met", "[1]", "a {", '"Ann"'])
def test_text_with_brackets_is_text(tmp_path, line):
    (tmp_path / "a.txt").write_text(line)
    assert shown(records(LineInput(tmp_path / "a.txt"))) == [line]


@pytest.mark.parametrize("name", ["a.conll", "a.xml", "a.parquet", "a.json", "a.tar.gz"])
def test_a_file_that_is_named_as_another_format_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name} is named as .* corpus convert {name} FILE"):
        records(LineInput(Path(name)))


def test_encodings(tmp_path):
    (tmp_path / "a.txt").write_bytes("東京\n".encode("cp932"))
    assert shown(records(LineInput(tmp_path / "a.txt", encoding="cp932"))) == ["東京"]
    for name in ("utf-16", "none-such"):
        with pytest.raises(ConfigError, match="encoding: expected an encoding that keeps ASCII"):
            records(LineInput(tmp_path / "a.txt", encoding=name))


def test_a_long_line_is_not_kept_whole():
    file = io.BytesIO(b"a\n" + b"x" * (5 * LONGEST_LINE) + b"\nb")
    lines = list(raw_lines(file))
    assert [lines[0], lines[2]] == [b"a", b"b"]
    assert LONGEST_LINE < len(lines[1]) <= LONGEST_LINE + 2
