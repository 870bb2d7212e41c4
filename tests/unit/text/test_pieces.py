import pytest

from kakehashi.text.japanese import pieces


@pytest.mark.parametrize(
    ("surface", "reading", "expected"),
    [
        ("ソ連", "ソレン", "ソ=ソ 連=レン"),
        ("四ツ小屋", "ヨツゴヤ", "四=ヨ ツ=ツ 小屋=ゴヤ"),
        ("アユ釣り", "アユツリ", "アユ=アユ 釣り=ツリ"),
        ("南ｱﾌﾘｶ", "ミナミアフリカ", "南=ミナミ ｱﾌﾘｶ=アフリカ"),
        ("ドラえもん", "ドラエモン", "ドラ=ドラ えもん=エモン"),
        ("ジョン・レノン", "ジョンレノン", "ジョン=ジョン ・= レノン=レノン"),
        # Who knows where アワジ begins? No kanji is left without a reading.
        ("阪神・淡路", "ハンシンアワジ", "阪神・淡路=ハンシンアワジ"),
        ("W杯", "ワールドカップ", "W杯=ワールドカップ"),
        ("虎ケ丘", "トラガオカ", "虎ケ丘=トラガオカ"),
        ("七ッ森", "ナナツモリ", "七ッ森=ナナツモリ"),
        ("８日", "ヨウカ", "８日=ヨウカ"),
        ("３、４", "サンシ", "３= 、= ４="),  # No kanji.
        ("x y人", "エックスワイニン", "x= y人="),
        # Not the reading of what is written.
        ("テレビ局", "ティービーキョク", "テレビ局=ティービーキョク"),
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
