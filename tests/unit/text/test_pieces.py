import pytest

from kakehashi.text.pieces import pieces


@pytest.mark.parametrize(
    ("surface", "reading", "expected"),
    [
        ("ソ連", "ソレン", "ソ=ソ 連=レン"),
        ("四ツ小屋", "ヨツゴヤ", "四=ヨ ツ=ツ 小屋=ゴヤ"),
        ("アユ釣り", "アユツリ", "アユ=アユ 釣り=ツリ"),
        ("南ｱﾌﾘｶ", "ミナミアフリカ", "南=ミナミ ｱﾌﾘｶ=アフリカ"),
        ("ドラえもん", "ドラエモン", "ドラ=ドラ えもん=エモン"),
        ("ジョン・レノン", "ジョンレノン", "ジョン=ジョン ・= レノン=レノン"),
        ("阪神・淡路", "ハンシンアワジ", "阪神= ・= 淡路="),  # Who knows where アワジ begins?
        ("W杯", "ワールドカップ", "W= 杯="),
        (
            "テレビ局",
            "ティービーキョク",
            "テレビ=テレビ 局=",
        ),  # Not the reading of what is written.
        ("東ドイツ", "", "東= ドイツ="),
        ("東ドイツ", "東Germany", "東= ドイツ="),
        ("New York", "ニューヨーク", "New= York="),
        ("関ヶ原", "セキガハラ", "関ヶ原=セキガハラ"),
        ("。", "キゴー。", "。="),
    ],
)
def test_reading_is_shared_out(surface, reading, expected):
    found = pieces(surface, reading, True)
    assert " ".join(f"{surface[a:b]}={kana}" for a, b, kana in found) == expected


def test_without_cut():
    assert pieces("ソ連", "ソレン", False) == ((0, 2, "ソレン"),)
    assert pieces("a b", "エービー", False) == ((0, 1, ""), (2, 3, ""))
