import pytest

from kakehashi.text.lexicon import loan, romaji_cased
from kakehashi.text.views import view


@pytest.mark.parametrize(
    ("surface", "reading", "cased", "as_spelled"),
    [
        *(("東京", "トウキョウ", "Toukyou", "toukyou"), ("首都", "シュト", "shuto", "shuto")),
        *(("大阪市", "オオサカシ", "Oosakashi", "oosakashi"), ("市", "シ", "shi", "shi")),
        *(("アメリカ", "アメリカ", "Amerika", "America"), ("ジャズ", "ジャズ", "jazu", "jazz")),
        *(("ライト", "ライト", "raito", "light"), ("パン", "パン", "pan", "pao")),
        *(
            ("プレイリスト", "", "pureirisuto", "playlist"),
            ("消しゴム", "ケシゴム", "keshigomu", "keshigomu"),
        ),
        *(
            ("NHK", "", "NHK", "NHK"),
            ("鷂", "", "鷂", "鷂"),
            ("", "", "", ""),
            ("\0", "", "\0", "\0"),
        ),
        *(("東" * 2000, "", "東" * 2000, "東" * 2000), ("ｼﾞｬｽﾞ", "", "jazu", "jazz")),
    ],
)
def test_what_the_dictionary_knows_of_a_word(surface, reading, cased, as_spelled):
    assert romaji_cased(surface, reading) == cased
    assert loan(surface, reading) == as_spelled


def test_views():
    assert view("東京", "トウキョウ", "romaji-cased") == "Toukyou"
    assert view("ジャズ", "ジャズ", "loan") == "jazz"
