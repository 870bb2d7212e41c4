"""Damaged files either parse or are refused with a `CorpusError`: one line, with its place."""

import gzip
import random
from pathlib import Path

import pytest

from kakehashi.config.sources import KnpSource, Source
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.errors import CorpusError

MUTATIONS = 200  # of each format; 10,000 take some minutes

FILES = {
    "annotated": """\
{"id": "0", "partition": "dev", "utt": "明日の朝", "annot_utt": "[date : 明日] の [time : 朝]"}
{"id": "1", "partition": "test", "utt": "to oslo", "annot_utt": "to [place_name : oslo]"}
""",
    "columns": """\
-DOCSTART- -X- O

Mr NNP O
Olsen NNP B-PER

Oslo NNP S-LOC
\u3000 SYM O
""",
    "csv": """\
Sentence #,Word,Tag
1,昨日,O
,"東,京",B-LOC
2,"['a', 'b']","['O', 'B-X']"
""",
    "doccano": """\
{"id": 1, "text": "昨日😀東京へ", "label": [[0, 2, "DATE"], [3, 5, "LOC"]]}
{"text": "ab", "entities": [{"label": "X", "start_offset": 0, "end_offset": 1}], "relations": []}
""",
    "inline": """\
<DOC><DOCNO>1</DOCNO>
<PERSON>花子</PERSON>は<OPTIONAL POSSIBLE="DATE"><DATE>朝</DATE>方</OPTIONAL> &lt;&#12354;
<sentence>雨
です</sentence></DOC>
""",
    "jsonl": """\
{"text": "昨日東京へ", "mentions": [{"start": 2, "end": 4, "type": "LOC", "text": "東京"}]}
{"text": "ab", "tokens": [{"text": "a", "start": 0, "end": 1, "reading": "x"}], "id": "1"}
""",
    "knp": """\
# S-ID:d-1 KNP:4
* 1D
+ 1D <NE:OPTIONAL:英>
英語 えいご 英語 名詞 6 普通名詞 1 * 0 * 0 "x" <漢字>
+ -1D <NE:LOCATION:新京都>
新 しん 新 接頭辞 13 名詞接頭辞 1 * 0 * 0 NIL <NE:LOCATION:head>
京都 きょうと 京都 名詞 6 地名 4 * 0 * 0 NIL <NE:LOCATION:tail>
EOS
# S-ID:d-2
雨 あめ 雨 名詞 6 普通名詞 1 * 0 * 0 NIL
EOS
""",
    "labelstudio": """\
[{"id": 1, "data": {"text": "花子は😀京都へ"}, "annotations": [{"result": [{"type": "labels",
 "value": {"start": 5, "end": 7, "text": "京都", "labels": ["LOC"]}}], "was_cancelled": false}]},
 {"id": 2, "text": "雨", "label": [{"start": 0, "end": 1, "labels": ["X"]}], "annotator": 1}]
""",
    "prodigy": """\
{"text": "昨日東京へ", "spans": [{"start": 2, "end": 4, "label": "LOC"}], "answer": "accept"}
{"text": "ab", "tokens": [{"text": "a", "start": 0, "end": 1, "ws": false}], "spans": []}
""",
    "stockmark": """\
[{"curid": "1", "text": "花子は京都へ", "entities": [
 {"name": "京都", "span": [3, 5], "type": "地名"},
 {"name": "花子", "span": [0, 2], "type": "人名"}]}]
""",
}
LISTS = ("labelstudio", "stockmark")
SETTINGS = {"columns": {"columns": ("token", "pos", "tag")}, "knp": {"files": "*.x"}}

INSERTIONS = [
    *(b"\0", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n", b"\n\n", b" ", b"\t", b"\xe3\x80\x80"),
    *(b"\xed\xa0\x80", b"\xff", b"\x80", b"<", b">", b"</", b"&#", b"[", b"]", b"{", b"}", b'"'),
    *(b"\\", b"\\ud800", b"\\u0000", b"-1", b"9" * 30, b"1e999", b"NaN", b"null", b"EOS\n"),
    *(b"* 1D\n", b"# S-ID:", b"O", b"B-", b"-DOCSTART-", b"<NE:LOCATION:x>", b"<NE:A:head>"),
    *(b"<sentence>", b"</PERSON>", b"<DATE>", b"&#0;", b"&#xdfff;", b"&#9999999;"),
]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Damage a file in one way."""
    start = rng.randrange(len(data) + 1)
    end = start + rng.choice([0, 1, 1, 2, 5, 40])
    new = rng.choice(INSERTIONS)
    line = rng.choice(data.splitlines(keepends=True) or [b""])
    shorter = b" ".join(line.split()[:-1]) + b"\n"
    return rng.choice(
        [
            data[:start],
            data[:start] + data[end:],
            data[:start] + new + data[start:],
            data[:start] + new + data[end:],
            data[:start] + rng.randbytes(1) + data[start + 1 :],
            data.replace(line, b"", 1),
            data.replace(line, line + line, 1),
            data.replace(line, shorter, 1),
            data.replace(b"\n", b"\r\n"),
        ]
    )


def refusal(source: Source) -> CorpusError | None:
    """Read a source to its end, or to the error that it may raise."""
    try:
        for _ in read_source(source):
            pass
    except CorpusError as error:
        return error
    return None


def source_of(path: Path, format: str) -> Source:
    place = path.parent if format == "knp" else path
    return guess_source(place, format, **SETTINGS.get(format, {}))


@pytest.mark.parametrize("format", FILES)
def test_mutated_files(tmp_path, format):
    rng = random.Random(f"kakehashi {format}")
    path = tmp_path / "file.x"
    n_refused = 0
    for _ in range(MUTATIONS):
        data = FILES[format].encode()
        for _ in range(rng.randint(1, 3)):
            data = mutated(data, rng)
        path.write_bytes(data)
        error = refusal(source_of(path, format))
        if error is not None:
            n_refused += 1
            message = str(error)
            assert message.startswith(str(tmp_path)), data
            assert "\n" not in message, data
            assert len(message) < 600, data
            whole_file = format in LISTS or "holds no sentence" in message
            assert whole_file or error.line is not None, data
    assert 0 < n_refused < MUTATIONS


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("piece", [b"x", b" a", b"[", b"<a>", b"\xe3\x81\x82", b'{"a":', b"&#1;"])
def test_lines_of_ten_megabytes(tmp_path, format, piece):
    path = tmp_path / "file.x"
    path.write_bytes(FILES[format].encode() + piece * (10_000_000 // len(piece)))
    error = refusal(source_of(path, format))
    assert error is not None
    assert format in LISTS or "longer than" in str(error)


BRAT = {"a.txt": "花子は😀\r\n京都へ".encode(), "a.ann": "T1\tLOC 5 7\t京都\nR1\t- -\n".encode()}


def test_mutated_folders_of_brat(tmp_path):
    rng = random.Random("kakehashi brat")
    n_refused = 0
    for number in range(MUTATIONS):
        for name, data in BRAT.items():
            is_hit = (number % 2 == 0) == (name == "a.ann")
            (tmp_path / name).write_bytes(mutated(data, rng) if is_hit else data)
        error = refusal(guess_source(tmp_path, "brat"))
        n_refused += error is not None
        assert "\n" not in str(error)
        assert len(str(error)) < 600
    assert 0 < n_refused < MUTATIONS


def test_mutated_archives(archive, write):
    rng = random.Random("kakehashi archives")
    packed = Path(archive({"a/d.x": FILES["knp"].encode()}, "good.tar.gz")).read_bytes()
    tar = gzip.decompress(packed)[:4096]
    for number in range(MUTATIONS):
        data = mutated(packed, rng) if number % 2 else gzip.compress(mutated(tar, rng))
        assert "\n" not in str(refusal(KnpSource(path=write("a.tar.gz", data)))), data
