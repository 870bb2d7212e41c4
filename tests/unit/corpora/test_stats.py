from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from kakehashi.corpora.stats import (
    LostMention,
    Overlap,
    Share,
    describe,
    find_homophones,
    many_lost,
    measure_overlap,
)
from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence, Token

INSIDE = Mention(0, 1, "OPTIONAL", "英")
FIRST = Sentence(
    "英語今日",
    (INSIDE, Mention(2, 4, "DATE", "今日")),
    (Token("英語", 0, 2), Token("今日", 2, 4)),
    "s1",
    "g",
)
SECOND = Sentence("明日", (Mention(0, 2, "DATE", "明日"),), (Token("明日", 0, 2),), group="g")


def test_everything_is_counted():
    stats = describe(iter([FIRST, SECOND, Sentence("雨", tokens=(Token("雨", 0, 1),), group="h")]))
    assert stats.sentences == 3
    assert stats.with_mentions == 2
    assert stats.articles == 2
    assert stats.characters == 7
    assert stats.tokens == 4
    assert stats.mentions == 3
    assert list(stats.types.items()) == [("DATE", 2), ("OPTIONAL", 1)]
    assert stats.mention_characters == 5 / 3
    assert stats.lost == (LostMention(1, "s1", *INSIDE, ("英語",)),)


def test_tokens_are_counted_only_where_all_sentences_have_some():
    stats = describe([FIRST, Sentence("雨")])
    assert stats.tokens is None
    assert stats.articles == 1
    stats = describe([])
    assert (stats.sentences, stats.mentions, stats.mention_characters) == (0, 0, 0.0)


def test_lost_mentions_bound_what_a_tagger_can_reach():
    stats = describe([FIRST, SECOND])
    assert stats.kept == pytest.approx(200 / 3)
    assert stats.ceiling == pytest.approx(80.0)  # recall 2/3, precision 1
    sentence = Sentence(FIRST.text, FIRST.mentions, FIRST.tokens)
    assert describe([SECOND, sentence]).lost == (LostMention(2, "英語今日", *INSIDE, ("英語",)),)


@pytest.mark.parametrize("sentences", [[FIRST, Sentence("雨")], [], [Sentence("雨", (), ())]])
def test_no_bound_without_tokens_or_mentions(sentences):
    assert describe(sentences).ceiling is None


def test_as_json():
    tree = json.loads(json.dumps(describe([FIRST]).to_dict()))

    assert tree["types"] == {"OPTIONAL": 1, "DATE": 1}
    assert tree["lost"] == [
        {
            "number": 1,
            "sentence": "s1",
            "start": 0,
            "end": 1,
            "type": "OPTIONAL",
            "text": "英",
            "probability": None,
            "tokens": ["英語"],
        }
    ]


def city(name: str, type: str = "LOC") -> Sentence:
    return Sentence(f"to {name}", (Mention(3, 3 + len(name), type, name),))


def test_counts_texts_types_and_values() -> None:
    train = [city("Oslo"), city("Oslo"), city("Rome"), city("Bern", "TEAM")]
    test = [city("Oslo"), city("Lima"), city("Bern"), Sentence("go")]
    found = measure_overlap(train, test)
    assert (found.sentences, found.test_sentences) == (4, 4)
    assert found.distinct == 75.0
    assert found.types == {"LOC": 3, "TEAM": 1}
    assert found.unseen_values == pytest.approx(100 * 2 / 3)  # Bern was a team
    assert found.seen_sentences == 50.0


def test_slope_is_that_of_zipf() -> None:
    types = {str(rank): 2**20 // rank for rank in (1, 2, 4, 8)}
    assert Overlap(1, 100.0, {"a": 100, "b": 50}, 0, 0.0, 0.0).slope == pytest.approx(-1)
    assert Overlap(1, 100.0, types, 0, 0.0, 0.0).to_dict()["slope"] < -1


def sentence(*words, mentions=()):
    """Join words given as surface/reading; mentions are (first word, end, type)."""
    tokens, position = [], 0
    for word in words:
        surface, _, reading = word.partition("/")
        tokens.append(Token(surface, position, position + len(surface), reading))
        position += len(surface)
    text = "".join(token.text for token in tokens)
    ranges = [(tokens[first].start, tokens[end - 1].end, kind) for first, end, kind in mentions]
    found = tuple(Mention(start, end, kind, text[start:end]) for start, end, kind in ranges)
    return Sentence(text, found, tuple(tokens))


RIVER = sentence("荒/アラ", "川/カワ", "へ", mentions=[(0, 2, "LOC")])
SKIN = sentence("皮/カワ", "の", "皮/カワ", "かわ")
TOWN = sentence("東京/トウキョウ", "へ", mentions=[(0, 1, "LOC")])
COAT = sentence("革/カワ", "社/シャ", mentions=[(0, 2, "ORG")])


def test_words_tokens_and_mentions_are_counted():
    found = find_homophones([RIVER, SKIN, TOWN, COAT])
    assert found.words == Share(9, 4)  # 荒 川 へ 皮 の かわ 東京 革 社; of them 川 皮 かわ 革
    assert found.romanized == 6
    assert found.tokens == Share(11, 5)
    assert found.rarer == 3
    assert found.mentions == Share(3, 2)
    assert found.types == {"LOC": Share(2, 1), "ORG": Share(1, 1)}
    assert [collapse.romaji for collapse in found.collapses] == ["kawa"]
    assert found.collapses[0].words == {"皮": 2, "川": 1, "かわ": 1, "革": 1}
    assert found.collapses[0].mentions == 2


def test_what_makes_a_homophone():
    found = find_homophones([sentence("ＮＨＫ", "NHK", "今日/キョウ", "今日/コンニチ")])
    assert found.words == Share(2, 0)
    assert (found.romanized, found.collapses) == (3, ())
    common = sentence(*["か"] * 9, "蚊/カ", *["橋/ハシ"] * 2, *["端/ハシ"] * 2)
    found = find_homophones([common])
    expected = [("hashi", 2), ("ka", 1)]
    assert [(collapse.romaji, collapse.rarer) for collapse in found.collapses] == expected
    bay = Sentence("川口", (Mention(1, 2, "LOC", "口"),), (Token("川口", 0, 2, "カワグチ"),))
    found = find_homophones([bay, sentence("河口/カワグチ")])
    assert found.mentions == Share(1, 1)


def test_shares_and_homophones_are_shown_and_json():
    assert str(Share(2000, 1500)) == "1,500 of 2,000 (75.0 %)"
    assert str(find_homophones([]).mentions) == "0 of 0"
    tree = json.loads(json.dumps(asdict(find_homophones([RIVER, SKIN]))))
    assert tree["words"] == {"total": 6, "touched": 3}
    assert tree["types"]["LOC"] == {"total": 1, "touched": 1}
    assert tree["collapses"][0]["romaji"] == "kawa"
    with pytest.raises(ConfigError, match="'川' has no tokens"):
        find_homophones([Sentence("川")])


def test_two_percent_of_lost_mentions_are_tolerated():
    assert many_lost(0, 0) == many_lost(2, 100) == ""
    assert many_lost(3, 100).startswith("3 of 100 mentions (3.0 %) begin or end inside a token")
