import pytest

from kakehashi.text.chinese import drop_tones, number_tones, pinyin
from kakehashi.text.views import view

pytest.importorskip("pypinyin")


@pytest.mark.parametrize(
    ("words", "readings"),
    [
        *((["重庆"], ["chóngqìng"]), (["重", "庆"], ["chóng", "qìng"]), (["重"], ["zhòng"])),
        *((["银行", "行长"], ["yínháng", "hángzhǎng"]), (list("银行"), ["yín", "háng"])),
        # A phrase across words counts only between characters: 人参 is read rénshēn.
        *((["人", "参加"], ["rén", "cānjiā"]), (["人参"], ["rénshēn"])),
        *(
            (["谢谢", "谢谢"], ["xièxiè", "xièxiè"]),
            (["女儿"], ["nǚ'ér"]),
            (["西", "安"], ["xī", "ān"]),
        ),
        *((["卡拉OK", "OK"], ["kǎlāOK", ""]), (["２０年"], ["２０nián"]), (["A安"], ["Aān"])),
        *((["café", "。", "🍜", "ド", "\ud800", "\0"], [""] * 6), ([], [])),
    ],
)
def test_words_are_read_in_context(words, readings):
    assert pinyin(words) == readings


def test_one_reading_a_word_however_long_the_text():
    words = list("重庆" * 3000)
    assert pinyin(words) == ["chóng", "qìng"] * 3000


@pytest.mark.parametrize(
    ("reading", "bare", "numbered"),
    [
        *(("chóngqìng", "chongqing", "chong2qing4"), ("nǚ'ér", "nü'er", "nü3'er2")),
        *(("xièxie", "xiexie", "xie4xie"), ("fāngàn", "fangan", "fan1gan4")),
        *(("fāng'àn", "fang'an", "fang1'an4"), ("lüè", "lüe", "lüe4"), ("ń", "n", "n2")),
        *(("huāyuánr", "huayuanr", "hua1yuan2r"), ("kǎlāOK", "kalaOK", "ka3la1OK")),
        *(("guàirén", "guairen", "guai4ren2"), ("２０nián", "20nian", "20nian2")),
        *(("Ānhuī", "Anhui", "An1hui1"), ("トウキョウ", "トウキョウ", "トウキョウ")),
    ],
)
def test_tones(reading, bare, numbered):
    assert (drop_tones(reading), number_tones(reading)) == (bare, numbered)


def test_accents_of_a_word_that_is_not_read_are_no_tones():
    assert {view("café", "", name) for name in ("pinyin", "pinyin-tones")} == {"café"}


def test_kanji_are_never_read_as_chinese():
    assert view("東京", "", "pinyin") == "東京"
    assert view("東京", "トウキョウ", "pinyin") == "トウキョウ"
