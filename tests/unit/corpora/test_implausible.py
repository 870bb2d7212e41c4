import re
from pathlib import Path

import pytest

from kakehashi.corpora.corpus import segmented
from kakehashi.corpora.implausible import FAULTS, check_plausibility
from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence
from kakehashi.text.segment import load_segmenter

LIST = Path(__file__).parents[3] / "benchmarks/sense-ja.jsonl"


def check(*marked, segmenter="unidic-lite"):
    """Check sentences with their mentions in braces, of type PER unless they name another."""
    sentences = []
    for line in marked:
        mentions, text = [], ""
        for plain, kind, name in re.findall(r"([^{]*)(?:{(?:(\w+):)?([^}]*)})?", line):
            text += plain
            if name:
                mentions.append(Mention(len(text), len(text) + len(name), kind or "PER", name))
                text += name
        sentences.append(Sentence(text, tuple(mentions)))
    return check_plausibility(segmented(sentences, load_segmenter(segmenter)))


@pytest.mark.parametrize(
    ("marked", "faults"),
    [
        ("{田中}が来た。", ()),
        ("{(株)青木}に勤める。", ()),
        ("{！！}", ("only symbols",)),
        ("「{田中」}は来た。", ("half a bracket", "ends with punctuation")),
        ("{「田中」}が来た。", ("begins with punctuation", "ends with punctuation")),
        ("{田中が}来た。", ("ends with a particle or auxiliary",)),
        ("{鈴木です}。", ("ends with a particle or auxiliary",)),
        ("{の田中}が来た。", ("begins with a particle or auxiliary",)),
        ("{田中走る}。", ("ends with a verb",)),
        ("{昨日田中}が来た。", ("time word before",)),
        ("{田中氏}が来た。", ("honorific inside",)),
        ("{田}中が来た。", ("cuts a word",)),
    ],
)
def test_each_fault_is_found(marked, faults):
    found = check(marked)
    assert found.mentions == 1
    assert [fault for each in found.implausible for fault in each.faults] == list(faults)
    assert found.faults == {fault: int(fault in faults) for fault in FAULTS}


def test_a_time_word_is_no_fault_in_a_type_of_times():
    dates = check("{DATE:今日}は雨。", "{DATE:明日}は晴れ。", "{DATE:明日の朝}は雪。")
    assert dates.implausible == ()
    assert len(check("{LOC:今日東京}は雨。", "{LOC:今日}は雨。").implausible) == 1


def test_text_without_parts_of_speech_is_judged_by_its_signs():
    found = check("Mr {Smith (}came.", "{Ms Lee.} came", "{Oslo}", segmenter="words")
    assert [each.faults for each in found.implausible] == [
        ("half a bracket", "ends with punctuation"),
        ("ends with punctuation",),
    ]
    assert [each.number for each in found.implausible] == [1, 2]


def test_the_gold_mentions_of_our_list_are_plausible():
    found = check_plausibility(segmented(read_jsonl(LIST), load_segmenter("unidic-lite")))
    assert found.mentions == 270
    # The title of a novel.
    assert [(each.text, each.faults) for each in found.implausible] == [
        ("吾輩は猫である", ("ends with a verb",))
    ]


def test_tokens_are_needed():
    with pytest.raises(ConfigError, match=r"--segmenter: '雨。' has no tokens"):
        check_plausibility([Sentence("雨。")])
