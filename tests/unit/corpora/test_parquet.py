from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kakehashi.config.sources import ParquetSource
from kakehashi.corpora import parquet
from kakehashi.corpora.formats import read_chunks, read_source
from kakehashi.corpora.parquet import write_rows
from kakehashi.corpora.texts import rows
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token

CORPUS = [
    Sentence(
        "昨日東京へ",
        (Mention(2, 4, "LOC", "東京", 0.25),),
        (Token("昨日", 0, 2, "キノウ", "名詞"), Token("東京", 2, 4), Token("へ", 4, 5)),
        "12",
        "article 3",
    ),
    Sentence("Oslo", (Mention(0, 4, "LOC", "Oslo"),)),
    Sentence("no one"),
]


def sentences(path):
    return list(read_source(ParquetSource(path=str(path))))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.parquet"


def test_everything_comes_back_by_row_groups(path):
    write_rows(path, [rows(CORPUS[:2]), rows([]), rows(CORPUS[2:])])
    assert sentences(path) == CORPUS
    write_rows(path, [rows(CORPUS[:2]), rows([]), rows(CORPUS[2:])])
    chunks = list(read_chunks(ParquetSource(path=str(path))))
    assert list(map(list, chunks)) == [CORPUS[:2], CORPUS[2:]]
    write_rows(path, [rows(CORPUS[:2]), rows(CORPUS[1:])])
    with_tokens, without = read_chunks(ParquetSource(path=str(path)))
    assert with_tokens.texts() is None
    assert without.texts().texts == ["Oslo", "no one"]


def test_large_row_groups_are_read_in_parts(path, monkeypatch):
    monkeypatch.setattr(parquet, "_LARGEST", 2)
    corpus = [Sentence(f"text {number}") for number in range(7)]
    write_rows(path, [rows(corpus[:5]), rows(corpus[5:])])
    chunks = list(read_chunks(ParquetSource(path=str(path))))
    assert list(map(list, chunks)) == [corpus[:2], corpus[2:4], corpus[4:5], corpus[5:]]
    assert [chunk.texts().texts for chunk in chunks] == [
        [sentence.text for sentence in chunk] for chunk in chunks
    ]
    assert [chunk.first for chunk in chunks] == [1, 3, 5, 6]


def test_only_the_text_is_required_and_other_widths_do(path):
    mention = {"start": 0, "end": 1, "type": "LOC"}
    table = pa.table({"text": ["a", "b"], "mentions": [[mention], None]})
    pq.write_table(table, path)
    assert table.schema.field("mentions").type.value_type.field("start").type == pa.int64()
    assert sentences(path) == [Sentence("a", (Mention(0, 1, "LOC", "a"),)), Sentence("b")]
    (chunk,) = read_chunks(ParquetSource(path=str(path)))
    assert chunk.texts().types == ["LOC"]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"text": ["a"], "mention": ["b"]}, "expected the columns id, .* got 'mention'"),
        ({"id": ["a"]}, "expected the columns id, text, .* 'text' is missing"),
        ({"text": ["a"], "mentions": ["b"]}, "'mentions' holds string"),
        ({"text": ["a"], "mentions": [[{"start": 0, "kind": "A"}]]}, r"got 'mentions\.kind'"),
        ({"text": ["a"], "mentions": [[{"start": 0, "end": 1}]]}, r":1: mentions\.0\.type: Field"),
        ({"text": ["a"], "mentions": [[None]]}, r":1: mentions\.0: Input should be a valid dict"),
        ({"text": ["a", None]}, ":2: text: Field required"),
        ({"text": ["a", ""]}, ":2: expected a text, got an empty one"),
        (
            {"text": ["a"], "mentions": [[{"start": 0, "end": 2, "type": "A"}]]},
            ":1: the mention 'a' at .* is not inside",
        ),
    ],
)
def test_bad_files_are_refused(path, columns, problem):
    pq.write_table(pa.table(columns), path)
    with pytest.raises(CorpusError, match=rf"a\.parquet.*({problem})") as caught:
        sentences(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_what_is_no_parquet_or_unpacks_to_far_more_is_refused(path):
    path.write_text("text\n")
    with pytest.raises(CorpusError, match=r"a\.parquet: cannot be read as Parquet"):
        sentences(path)
    with pytest.raises(CorpusError, match="there is no such file"):
        sentences(path.with_name("b.parquet"))
    pq.write_table(pa.table({"text": ["a" * (1 << 27)]}), path, compression="zstd")
    assert path.stat().st_size < 1 << 16
    with pytest.raises(CorpusError, match=r"a\.parquet: unpacks to more than 100 times its size"):
        sentences(path)


def test_text_that_is_no_utf_8_is_refused(path):
    raw = pa.array([b"a", b"\xff"]).view(pa.string())
    pq.write_table(pa.table({"text": raw}), path)
    (chunk,) = read_chunks(ParquetSource(path=str(path)))
    assert chunk.texts() is None
    with pytest.raises(CorpusError, match=r"a\.parquet: holds text that is no UTF-8"):
        list(chunk)


@pytest.mark.parametrize("value", [True, "0", 0.0], ids=["bool", "string", "float"])
def test_offsets_are_integers(path, value):
    mention = {"start": value, "end": value, "type": "A"}
    pq.write_table(pa.table({"text": ["a"], "mentions": [[mention]]}), path)
    with pytest.raises(CorpusError, match=r"a\.parquet: .*'mentions\.start' holds"):
        sentences(path)


def test_columns_of_other_widths_and_kinds_mean_the_same(path):
    mention = pa.struct([("start", pa.int64()), ("end", pa.uint8()), ("type", pa.large_string())])
    columns = {
        "text": pa.array(["Bonn", "Bonn"]).dictionary_encode(),
        "id": [7, 8],
        "mentions": pa.array([[{"start": 0, "end": 4, "type": "A"}], []], pa.large_list(mention)),
        "tokens": pa.array([[], []], pa.list_(pa.null())),
        "group": pa.nulls(2),
    }
    pq.write_table(pa.table(columns), path)
    expected = [Sentence("Bonn", (Mention(0, 4, "A", "Bonn"),), id="7"), Sentence("Bonn", id="8")]
    assert sentences(path) == expected


def test_names_that_are_there_twice_or_no_utf_8_are_refused(path):
    texts = pa.array(["a"])
    pq.write_table(pa.Table.from_arrays([texts, texts], names=["text", "text"]), path)
    with pytest.raises(CorpusError, match=r"a\.parquet: .*got 'text' twice"):
        sentences(path)
    pq.write_table(pa.table({"text": ["a"]}), path)
    path.write_bytes(path.read_bytes().replace(b"text", b"te\xfft"))
    with pytest.raises(CorpusError, match=r"a\.parquet: cannot be read as Parquet \('utf-8' codec"):
        sentences(path)


@pytest.mark.parametrize("read_part", [list, lambda part: part.texts()], ids=["rows", "columns"])
@pytest.mark.parametrize("promised", [2, 4, 70_000])
def test_rows_that_are_not_as_many_as_promised_are_refused(path, promised, read_part):
    write_rows(path, [rows(CORPUS)])
    part = next(iter(read_chunks(ParquetSource(path=str(path)))))
    with pytest.raises(CorpusError, match=r"a\.parquet:1: expected .* more rows, got 3"):
        read_part(replace(part, count=promised))


def tokens_of_one_row(n_tokens):
    fields = [pa.array([value] * n_tokens) for value in ("a", 0, 1)]
    tokens = pa.StructArray.from_arrays(fields, ["text", "start", "end"])
    return pa.table({"text": ["a"], "tokens": pa.ListArray.from_arrays([0, n_tokens], tokens)})


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (tokens_of_one_row(500_000), ":1: has more than 10,000 tokens"),
        (tokens_of_one_row(10_001), ":1: has more than 10,000 tokens"),
        (pa.table({"text": ["b", "a" * ((1 << 20) + 1)]}), ":2: has more than 1,048,576 char"),
    ],
    ids=["many tokens", "tokens", "text"],
)
def test_a_row_that_no_sentence_fills_is_refused(path, table, problem):
    pq.write_table(table, path)
    assert path.stat().st_size < 1 << 21
    with pytest.raises(CorpusError, match=rf"a\.parquet{problem}|a\.parquet: {problem}"):
        sentences(path)


def test_parquet_holds_all_of_a_sentence(tmp_path):
    token = Token("東京", 0, 2, "トウキョウ", "名詞")
    mention = Mention(0, 2, "LOC", "東京", 0.1)
    sentences = [Sentence("東京", (mention,), (token,), "x", "g"), Sentence("", (), (), "y")]
    write_rows(tmp_path / "a.parquet", [rows(sentences)])
    first, second = pq.read_table(tmp_path / "a.parquet").to_pylist()
    lists = {"mentions": [mention._asdict()], "tokens": [token._asdict()]}
    assert first == {"id": "x", "text": "東京", "group": "g", **lists}
    assert second == {"id": "y", "text": "", "mentions": [], "tokens": [], "group": ""}
    write_rows(tmp_path / "a.parquet", [rows([])])
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.num_rows == 0
    assert table.column_names == ["id", "text", "mentions", "tokens", "group"]
