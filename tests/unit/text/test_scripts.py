import pytest

from kakehashi.text.japanese import script_runs


@pytest.mark.parametrize(
    "text",
    [
        "日本|ハム",
        "流して",
        "お茶",
        "々人々",
        "コーヒー|豆",
        "らーめん",
        "いすゞ|ミヽ",
        "ジャズ|・|フェス",
        "!|」",
        "ＡＢＣ|ｶﾞｽ",
        "M|2",
        "Ünal",
        "ünal",
        "四|ツ|小屋",
        "六ヶ所",
        "〇〆",
        "👍🏽👨‍👩‍👧|…|」",
        "𠮷野|ヤ",
    ],
)
def test_runs(text):
    expected = text.split("|")
    form = "".join(expected)
    assert [form[start:end] for start, end in script_runs(form)] == expected


def test_blanks_part_and_vanish():
    assert list(script_runs(" 東 京 ")) == [(1, 2), (3, 4)]
