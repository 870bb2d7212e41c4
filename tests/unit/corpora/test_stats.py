import json

import pytest

from kakehashi.corpora.stats import LostMention, describe
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
    assert stats.lost == (LostMention(1, "s1", INSIDE, ("英語",)),)


def test_lost_mentions_of_sentences_without_a_name_are_found_by_number_and_text():
    sentence = Sentence(FIRST.text, FIRST.mentions, FIRST.tokens)

    assert describe([SECOND, sentence]).lost == (LostMention(2, "英語今日", INSIDE, ("英語",)),)


def test_tokens_are_counted_only_where_all_sentences_have_some():
    stats = describe([FIRST, Sentence("雨")])

    assert stats.tokens is None
    assert stats.articles == 1


def test_an_empty_corpus_has_nothing():
    stats = describe([])

    assert (stats.sentences, stats.mentions, stats.mention_characters) == (0, 0, 0.0)


def test_lost_mentions_bound_what_a_tagger_can_reach():
    stats = describe([FIRST, SECOND])
    assert stats.kept == pytest.approx(200 / 3)
    assert stats.ceiling == pytest.approx(80.0)  # recall 2/3, precision 1


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
