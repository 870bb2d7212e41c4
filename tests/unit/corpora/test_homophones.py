import json

import pytest

from kakehashi.corpora.stats import Share, find_homophones
from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence, Token


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


def test_width_makes_no_other_word_but_a_reading_does():
    found = find_homophones([sentence("ＮＨＫ", "NHK", "今日/キョウ", "今日/コンニチ")])
    assert found.words == Share(2, 0)
    assert (found.romanized, found.collapses) == (3, ())


def test_most_tokens_of_rarer_words_come_first():
    common = sentence(*["か"] * 9, "蚊/カ", *["橋/ハシ"] * 2, *["端/ハシ"] * 2)
    found = find_homophones([common])
    assert [(collapse.romaji, collapse.rarer) for collapse in found.collapses] == [
        ("hashi", 2),
        ("ka", 1),
    ]


def test_a_mention_that_begins_inside_a_word_holds_it():
    bay = Sentence("川口", (Mention(1, 2, "LOC", "口"),), (Token("川口", 0, 2, "カワグチ"),))
    found = find_homophones([bay, sentence("河口/カワグチ")])
    assert found.mentions == Share(1, 1)


def test_sentences_need_tokens():
    with pytest.raises(ConfigError, match="'川' has no tokens"):
        find_homophones([Sentence("川")])


def test_shares_read_well_and_nothing_has_none():
    assert str(Share(2000, 1500)) == "1,500 of 2,000 (75.0 %)"
    assert str(find_homophones([]).mentions) == "0 of 0"


def test_as_json():
    tree = json.loads(json.dumps(find_homophones([RIVER, SKIN]).to_dict()))
    assert tree["words"] == {"total": 6, "touched": 3}
    assert tree["types"]["LOC"] == {"total": 1, "touched": 1}
    assert tree["collapses"][0]["romaji"] == "kawa"
