import pytest

from kakehashi.text.loanwords import find_loanwords


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("hotel", "ホテル"),
        ("computer", "コンピューター"),
        ("party", "パーティー"),
        ("ticket", "チケット"),
        ("system", "システム"),
        ("check", "チェック"),
        ("sound", "サウンド"),
        ("beach", "ビーチ"),
        ("action", "アクション"),
        ("drive", "ドライブ"),
        ("image", "イメージ"),
        ("london", "ロンドン"),
        ("internet", "インターネット"),
    ],
)
def test_loanwords_are_told_by_their_sound(english, japanese):
    found = find_loanwords([english, "keyboard"], ["時計", japanese, "ギター"])
    assert found == [(english, japanese)]


def test_what_sounds_like_two_words_is_no_pair():
    assert find_loanwords(["link"], ["リンク"]) == [("link", "リンク")]
    assert find_loanwords(["link", "rink"], ["リンク"]) == []
    assert find_loanwords(["printer"], ["プリンター", "プリンタ"]) == []


def test_short_words_and_other_scripts_are_no_pairs():
    assert find_loanwords(["bus", "tokyo", "3d"], ["バス", "東京", "ときょ", "3D"]) == []
