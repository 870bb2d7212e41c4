import gzip
import json

import pytest

from kakehashi.config.sources import AnnotatedSource, StockmarkSource
from kakehashi.corpora.records import read_annotated, read_stockmark
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence


def utterance(utt, annotated, partition="train", id="1"):
    record = {"id": id, "partition": partition, "utt": utt, "annot_utt": annotated, "worker": [1]}
    return json.dumps(record, ensure_ascii=False) + "\n"


def utterances(path, partition=None):
    return list(read_annotated(AnnotatedSource(path=path, partition=partition)))


@pytest.mark.parametrize(
    ("utt", "annotated", "mentions"),
    [
        (
            "明日の朝に起こして",
            "[date : 明日] の [time : 朝] に起こして",
            [(0, 2, "date"), (3, 4, "time")],
        ),
        ("wake me at nine am", "wake me at [time : nine am]", [(11, 18, "time")]),
        ("nine a m please", "[time : nine a m] please", [(0, 8, "time")]),
        (
            "at 9:30 in oslo",
            "at [time : 9:30] in [place_name : oslo]",
            [(3, 7, "time"), (11, 15, "place_name")],
        ),
        ("朝 に", "[time:朝]に", [(0, 1, "time")]),
        ("雨", "雨", []),
        ("a [b] c", "a [b] [x : c]", [(6, 7, "x")]),
        ("東京\u3000都", "[place : 東京 都]", [(0, 4, "place")]),
    ],
)
def test_slots_are_found_in_the_raw_text(write, utt, annotated, mentions):
    (sentence,) = utterances(write("a.jsonl", utterance(utt, annotated)))
    found = tuple(Mention(a, b, slot, utt[a:b]) for a, b, slot in mentions)
    assert sentence == Sentence(utt, found, id="1")


def test_one_partition_is_read(write):
    path = write("a.jsonl", utterance("a", "a", "dev") + "\n" + utterance("b", "b", "test"))
    assert [s.text for s in utterances(path, "test")] == ["b"]
    assert [s.text for s in utterances(path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (utterance("雨です", "[weather : 雪] です"), "'annot_utt' .* is not 'utt' '雨です'"),
        (utterance("雨", "[weather : 雨] です"), "is not 'utt'"),
        (utterance("雨です", "[weather : 雨]"), "is not 'utt'"),
        (utterance("雨です", "[weather : ] 雨です"), "is not 'utt'"),
        (utterance("雨です", "[weather : 雨 です"), "is not 'utt'"),
        (utterance("雨です", "[ : 雨] です"), "entity type without blanks, got ''"),
        (utterance("", ""), "expected a text"),
        ('{"utt": "雨"}', "annot_utt: Field required"),
        ('{"utt": "雨", "annot_utt": null}', "annot_utt: Input should be a valid string"),
        ("nothing", "Invalid JSON"),
    ],
)
def test_bad_lines_are_refused_with_their_number(write, line, problem):
    with pytest.raises(CorpusError, match=rf"a\.jsonl:2: .*{problem}"):
        utterances(write("a.jsonl", utterance("a", "a") + line))


def test_long_lines_of_brackets_end(write):
    path = write("a.jsonl", utterance("a", "[" + " " * 900_000))
    with pytest.raises(CorpusError, match="is not 'utt'"):
        utterances(path)


def entity(name, start, end, type="地名"):
    return {"name": name, "span": [start, end], "type": type}


def stockmark(write, *records):
    content = json.dumps(records, ensure_ascii=False, indent=1)
    return list(
        read_stockmark(StockmarkSource(path=write("ner.json.gz", gzip.compress(content.encode()))))
    )


def test_entities_in_any_order(write):
    record = {
        "curid": "77",
        "text": "花子は京都へ",
        "entities": [entity("京都", 3, 5), entity("花子", 0, 2, "人名")],
    }

    assert stockmark(write, record, {"text": "雨", "entities": []}) == [
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
        stockmark(write, record)


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
        list(read_stockmark(StockmarkSource(path=write("a.json", content))))


def test_records_are_parted_by_commas_and_blanks(write):
    content = f"\ufeff [{RECORD} ,\n\t{RECORD}\r\n]\n"
    found = list(read_stockmark(StockmarkSource(path=write("a.json", content))))
    assert [(s.text, s.id) for s in found] == [('a["{', "1"), ('a["{', "2")]


def test_one_record_is_parsed_at_a_time_and_bounded(write):
    found = read_stockmark(StockmarkSource(path=write("a.json", f"[{RECORD}, {{}}]")))
    assert next(found).id == "1"
    with pytest.raises(CorpusError, match=r"a\.json:2: text: Field required"):
        next(found)
    entities = ",".join(['{"name": "", "span": [0, 0], "type": ""}'] * 30_000)
    content = f'[{RECORD}, {{"text": "a", "entities": [{entities}]}}]'
    with pytest.raises(CorpusError, match=r"a\.json:2: is longer than 1,048,576 characters"):
        list(read_stockmark(StockmarkSource(path=write("a.json", content))))
