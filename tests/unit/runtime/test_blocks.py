"""A corpus in blocks is the corpus: each line once, in order, under its name."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.corpora.lines import LONGEST_LINE
from kakehashi.errors import CorpusError
from kakehashi.runtime.blocks import Reading, copy_inputs, cut, find_inputs
from kakehashi.sentence import Token

SIZES = [1, 2, 3, 100]
ODD = [
    *("first", "", "  ", "tab\there", "a\u2028b\u0085c\x0b", "𠮷野家 👩‍👩‍👧", "é", "\ufeffx"),
    "last",
]


def blocks_of(path, size):
    return list(cut(find_inputs(path, Reading()), size))


def read(path, size):
    """The sentences; the first that is none is raised."""
    records = [record for block in blocks_of(path, size) for record in block.records()]
    for record in records:
        if isinstance(record, CorpusError):
            raise record
    return records


def write_jsonl(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_every_line_of_text_is_a_sentence(tmp_path, size, packed, end):
    path = tmp_path / ("a.txt.gz" if packed else "a.txt")
    content = ("\r\n" if end == "\r\n" else "\n").join(ODD) + end
    write = gzip.compress if packed else bytes
    path.write_bytes(write(b"\xef\xbb\xbf" + content.encode()))
    sentences = read(path, size)
    assert [sentence.text for sentence in sentences] == [*ODD[:7], "x", ODD[8]]
    assert [sentence.id for sentence in sentences] == [f"{path.name}:{n}" for n in range(1, 10)]


@pytest.mark.parametrize("size", SIZES)
def test_json_keeps_tokens_ids_and_groups_and_passes_over_blank_lines(tmp_path, size):
    path = tmp_path / "a.jsonl"
    token = {"text": "Oslo", "start": 0, "end": 4}
    lines = [
        json.dumps({"text": "Oslo", "id": "x", "group": "g", "tokens": [token]}),
        "",
        json.dumps({"text": ""}),
        " ",
        json.dumps({"text": "\u2028"}),
    ]
    path.write_text("\n".join(lines))
    sentences = read(path, size)
    expected = [("Oslo", "x", "g"), ("", "a.jsonl:3", ""), ("\u2028", "a.jsonl:5", "")]
    assert [(s.text, s.id, s.group) for s in sentences] == expected
    assert sentences[0].tokens == (Token("Oslo", 0, 4),)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ids", [None, [7, 8, None, 10, 11]])
def test_every_row_of_parquet_is_a_sentence(tmp_path, size, ids):
    texts = ["a", "", "c\nd", "東京", "e"]
    columns = ({"id": ids} if ids else {}) | {"other": [None] * 5, "text": texts}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=2)
    sentences = read(tmp_path / "a.parquet", size)
    assert [sentence.text for sentence in sentences] == texts
    expected = [f"a.parquet:{row}" for row in range(1, 6)]
    if ids:
        expected = ["7", "8", "a.parquet:3", "10", "11"]
    assert [sentence.id for sentence in sentences] == expected


def test_a_folder_is_its_files_by_name(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "c.txt").write_text("c\n")
    write_jsonl(tmp_path / "b/a.jsonl", {"text": "b"})
    (tmp_path / "empty.txt").write_text("")
    for name in ("_SUCCESS", ".crc"):
        (tmp_path / name).write_text("no sentence")
    assert [sentence.id for sentence in read(tmp_path, 10)] == ["b/a.jsonl:1", "c.txt:1"]


@pytest.mark.parametrize("format", [None, "brat"])
def test_a_folder_of_brat_is_one_corpus(tmp_path, format):
    (tmp_path / "a.txt").write_text("Eva\nBonn\n")
    (tmp_path / "a.ann").write_text("T1\tLOC 4 8\tBonn\n")
    (found,) = find_inputs(tmp_path, Reading(format))
    assert (found.format, found.path) == ("brat", str(tmp_path))
    (tmp_path / "copies").mkdir()
    (copy,) = copy_inputs([found], tmp_path / "copies", Reading(format))
    assert [s.text for s in read_jsonl(copy.path)] == ["Eva", "Bonn"]


def test_blocks_are_no_larger_than_asked(tmp_path):
    (tmp_path / "a.txt").write_text("x\n" * 7)
    pq.write_table(pa.table({"text": ["x"] * 7}), tmp_path / "b.parquet", row_group_size=5)
    blocks = blocks_of(tmp_path, 3)
    expected = [*[(1, 3), (4, 3), (7, 1)], *[(1, 3), (4, 2), (6, 2)]]
    assert [(block.first, block.count) for block in blocks] == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"text": "x"', "Invalid JSON"),
        ('{"txt": "x"}', "text: Field required"),
        ('{"text": "\\ud800"}', "Invalid JSON: unexpected end of hex"),
        ('{"text": "\\u0000"}', "NUL"),
        ('{"text": "", "tokens": [{"text": "x", "start": 0, "end": 1}]}', "expected a text"),
        (json.dumps({"text": "x" * LONGEST_LINE}), "longer than"),
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_a_bad_line_is_named(tmp_path, line, problem, size):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "a"}}\n{{"text": "b"}}\n{line}\n{{"text": "c"}}\n')
    with pytest.raises(CorpusError, match=problem) as caught:
        read(path, size)
    assert (caught.value.path, caught.value.line) == (str(path), 3)


def test_text_that_is_none_and_a_missing_input_are_named(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\nb\n\xff\n")
    with pytest.raises(CorpusError, match=r"a\.txt:3: expected text in utf-8"):
        read(path, 2)
    with pytest.raises(CorpusError, match="there is no such file or folder"):
        find_inputs(tmp_path / "none.txt", Reading())


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (pa.array(["a", "b", None]), "expected a text, got 'None'"),
        (pa.array(["a", "b", "\0"]), "NUL"),
        (pa.array([b"a", b"b", b"\xff"]).view(pa.string()), "no UTF-8"),
        (pa.array([b"a", b"b", b"c"]), "expected a text, got "),
    ],
)
def test_a_bad_row_is_named(tmp_path, texts, problem):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts}), path)
    with pytest.raises(CorpusError, match=problem) as caught:
        read(path, 2)
    assert caught.value.line == (1 if texts.type == pa.binary() else 3)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.pdf", b"x", r"expected a name that ends in one of \.txt"),
        ("a.parquet", b"PAR1 and no more", "cannot be read as Parquet"),
        ("a.txt.gz", gzip.compress(b"abc\n", mtime=0)[:-4], "damaged gzip"),
        (".hidden", b"", "holds no file whose name ends in"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=problem):
        read(tmp_path, 2)


def test_parquet_without_text_or_that_unpacks_to_far_more_is_refused(tmp_path):
    pq.write_table(pa.table({"txt": ["a"], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match="expected a column 'text', got txt, n"):
        blocks_of(tmp_path / "a.parquet", 2)
    table = pa.table({"text": ["x" * (80 << 20)]})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    with pytest.raises(CorpusError, match="unpacks to more than 100 times its size"):
        blocks_of(tmp_path / "a.parquet", 2)


@pytest.mark.parametrize("name", ["text", "id"])
def test_a_column_that_is_there_twice_is_named(tmp_path, name):
    columns = {"text": ["a"], "id": ["b"], "more": ["c"]}
    table = pa.table(columns).rename_columns(["text", "id", name])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=f"has the column '{name}' twice"):
        blocks_of(tmp_path / "a.parquet", 2)
