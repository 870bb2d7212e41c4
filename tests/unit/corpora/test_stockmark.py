import gzip
import json

import pytest

from kakehashi.config.sources import StockmarkSource
from kakehashi.corpora.stockmark import read
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence


def entity(name, start, end, type="地名"):
    return {"name": name, "span": [start, end], "type": type}


def sentences(write, *records):
    content = json.dumps(records, ensure_ascii=False, indent=1)
    return list(read(StockmarkSource(path=write("ner.json.gz", gzip.compress(content.encode())))))


def test_entities_in_any_order(write):
    record = {
        "curid": "77",
        "text": "花子は京都へ",
        "entities": [entity("京都", 3, 5), entity("花子", 0, 2, "人名")],
    }

    assert sentences(write, record, {"text": "雨", "entities": []}) == [
        Sentence(
            "花子は京都へ",
            (Mention(0, 2, "人名", "花子"), Mention(3, 5, "地名", "京都")),
            id="1",
            group="77",
        ),
        Sentence("雨", id="2"),
    ]


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"text": "京都", "entities": [entity("京", 0, 2)]}, "sentence '1': .*'京' .* is '京都'"),
        ({"text": "京都", "entities": [entity("京都", 0, 3)]}, "sentence '1': .*not inside"),
        ({"text": "京", "entities": [entity("京", 0, 1)] * 2}, "sentence '1': .*overlaps"),
        ({"text": "京都"}, "entities: Field required"),
        (
            {"text": "京", "entities": [entity("京", False, True)]},
            r"entities\.0\.span\.0: .*integer",
        ),
        ({"text": "京", "entities": [entity("京", "0", "1")]}, r"entities\.0\.span\.0: .*integer"),
        ({"text": "京", "entities": [entity("京", 0.0, 1.0)]}, r"entities\.0\.span\.0: .*integer"),
        (
            {"text": "京", "entities": [{"name": "京", "span": [0], "type": "a"}]},
            r"entities\.0\.span",
        ),
    ],
)
def test_bad_records_are_refused_by_name(write, record, problem):
    with pytest.raises(CorpusError, match=rf"ner\.json\.gz:(1:)? {problem}"):
        sentences(write, record)


RECORD = '{"text": "a[\\"{", "entities": []}'


@pytest.mark.parametrize(
    "content",
    [
        *("", "{}", "[1]", '[{"text": "雨", "entities": []', "[" * 10**6, '["a"]', "[null]", "[]]"),
        *(f"[{RECORD} {RECORD}]", f"[,{RECORD}]", f"[{RECORD},]", f"[{RECORD}] x", f"[{RECORD},1]"),
    ],
    ids=range(13),
)
def test_what_is_no_list_of_records_is_refused(write, content):
    with pytest.raises(CorpusError, match=r"a\.json:"):
        list(read(StockmarkSource(path=write("a.json", content))))


def test_records_are_parted_by_commas_and_blanks(write):
    content = f"\ufeff [{RECORD} ,\n\t{RECORD}\r\n]\n"
    found = list(read(StockmarkSource(path=write("a.json", content))))
    assert [(s.text, s.id) for s in found] == [('a["{', "1"), ('a["{', "2")]


def test_one_record_is_parsed_at_a_time_and_bounded(write):
    found = read(StockmarkSource(path=write("a.json", f"[{RECORD}, {{}}]")))
    assert next(found).id == "1"
    with pytest.raises(CorpusError, match=r"a\.json:2: text: Field required"):
        next(found)
    entities = ",".join(['{"name": "", "span": [0, 0], "type": ""}'] * 30_000)
    content = f'[{RECORD}, {{"text": "a", "entities": [{entities}]}}]'
    with pytest.raises(CorpusError, match=r"a\.json:2: is longer than 1,048,576 characters"):
        list(read(StockmarkSource(path=write("a.json", content))))
