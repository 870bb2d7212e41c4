import json

import pytest

from kakehashi.config.sources import AnnotatedSource
from kakehashi.corpora.annotated import read
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence


def utterance(utt, annotated, partition="train", id="1"):
    record = {"id": id, "partition": partition, "utt": utt, "annot_utt": annotated, "worker": [1]}
    return json.dumps(record, ensure_ascii=False) + "\n"


def sentences(path, partition=None):
    return list(read(AnnotatedSource(path=path, partition=partition)))


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
    (sentence,) = sentences(write("a.jsonl", utterance(utt, annotated)))
    found = tuple(Mention(a, b, slot, utt[a:b]) for a, b, slot in mentions)
    assert sentence == Sentence(utt, found, id="1")


def test_one_partition_is_read(write):
    path = write("a.jsonl", utterance("a", "a", "dev") + "\n" + utterance("b", "b", "test"))
    assert [s.text for s in sentences(path, "test")] == ["b"]
    assert [s.text for s in sentences(path)] == ["a", "b"]


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
        sentences(write("a.jsonl", utterance("a", "a") + line))


def test_long_lines_of_brackets_end(write):
    path = write("a.jsonl", utterance("a", "[" + " " * 900_000))
    with pytest.raises(CorpusError, match="is not 'utt'"):
        sentences(path)
