import pytest

from kakehashi.text.japanese import (
    TO_HIRAGANA,
    compose_kana,
    is_kana,
    katakana,
    pieces,
    script_runs,
)


@pytest.mark.parametrize("text", ["あ", "ア", "ー", "ゞ", "ヶ", "ｶﾞ", "が", "ヿ", "ヺ"])
def test_kana(text):
    assert is_kana(text)


@pytest.mark.parametrize("text", ["", "・", "々", "a", "ア ", "亜", "ア・ア", "゠"])
def test_not_kana(text):
    assert not is_kana(text)


def test_kana_there_and_back_and_pieces_without_cut():
    assert "ァヴヶーヽa亜".translate(TO_HIRAGANA) == "ぁゔゖーヽa亜"
    assert katakana("ぁゔゖーゝa亜") == "ァヴヶーゝa亜"
    assert list(script_runs(" 東 京 ")) == [(1, 2), (3, 4)]
    assert pieces("ソ連", "ソレン", False) == ((0, 2, "ソレン"),)
    assert pieces("a b", "エービー", False) == ((0, 1, ""), (2, 3, ""))


@pytest.mark.parametrize(
    ("text", "composed"),
    [
        *(("ﾊﾞﾊﾟﾊ｡", "バパハ。"), ("は゛は゜は\u3099", "ばぱば"), ("か゜あ゛", "かあ")),
        *(("ゝ゛", "ゞ"), ("゛亜゛", "゛亜゛"), ("ＡＢﾞ", "ＡＢﾞ")),
    ],
)
def test_kana_take_their_marks(text, composed):
    assert compose_kana(text) == composed


@pytest.mark.parametrize(
    "text",
    [
        *("日本|ハム", "流して", "お茶", "々人々", "コーヒー|豆", "らーめん", "いすゞ|ミヽ"),
        *("ジャズ|・|フェス", "!|」", "ＡＢＣ|ｶﾞｽ", "M|2", "Ünal", "ünal", "四|ツ|小屋"),
        *("六ヶ所", "〇〆", "👍🏽👨‍👩‍👧|…|」", "𠮷野|ヤ"),
    ],
)
def test_runs(text):
    expected = text.split("|")
    form = "".join(expected)
    assert [form[start:end] for start, end in script_runs(form)] == expected


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
