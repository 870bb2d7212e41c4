import pytest

from kakehashi.sentence import Token
from kakehashi.text.japanese import is_kana, read_table
from kakehashi.text.readings import read_in_context, romanize
from kakehashi.text.segment import load_segmenter
from kakehashi.text.views import view


def tokens(*forms):
    """Make tokens of form=reading; a blank parts two of them."""
    position = 0
    for form in forms:
        text, _, reading = form.partition("=")
        if text != " ":
            yield Token(text, position, position + len(text), reading)
        position += len(text)


@pytest.mark.parametrize(
    ("forms", "reading"),
    [
        (["ご=ゴ", "ー"], "オ"),
        (["そっ=ソッ", "ーー"], "オオ"),
        (["げー=ゲー", "ー", "ー"], "エ"),
        (["見よ=ミヨ", "ーぜ"], "オゼ"),
        (["す", "ーx=?"], "?"),  # The dictionary reads it as it likes.
        (["東京=トウキョウ", "ー"], ""),  # A dash.
        (["ン", "ー"], ""),
        (["た", "ゝ=ノ"], "タ"),
        (["た", "ゝ", "ゝ"], "タ"),
        (["か=カ", "ゞ"], "ガ"),
        (["が=ガ", "ゝ"], "カ"),
        (["バ", "ナ", "ヽ"], "ナ"),
        (["た", "ヾ"], ""),  # An arm.
        (["いろ=イロ", "〱"], "イロ"),
        (["ところ=トコロ", "〲"], "ドコロ"),
        (["人=ヒト", "々"], "ヒト"),
        (["方角=ホウガク", "々々"], "ホウガク"),
        (["方角=ホウガク", "々"], ""),  # Which part is 角?
        (["人", "々"], ""),
        (["ご=ゴ", " ", "ー"], ""),
        (["ー"], ""),
        (["", "ー"], ""),
    ],
)
def test_a_mark_takes_the_sound_of_the_token_before_it(forms, reading):
    found = list(tokens(*forms))
    read_in_context(found)
    assert found[-1].reading == reading


DICTIONARIES = {"unidic-lite": "unidic_lite", "ipadic": "ipadic", "sudachi": "sudachipy"}


def romaji(text, dictionary):
    tokens = load_segmenter(dictionary).segment(text)
    return "".join(view(token.text, token.reading, "romaji") for token in tokens)


@pytest.mark.parametrize("dictionary", DICTIONARIES)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("うちのお兄ちゃん", "uchinooniichan"), ("お姉さまと", "oneesamato")),
        *(("父さんの靴", "tousannokutsu"), ("お母さん", "okaasan")),
        *(("父の靴", "chichinokutsu"), ("姉に会う", "aneniau"), ("羽田空港", "hanedakuukou")),
    ],
)
def test_what_follows_decides(dictionary, text, expected):
    pytest.importorskip(DICTIONARIES[dictionary])
    assert romaji(text, dictionary) == expected


def test_only_what_touches_it_follows_and_only_that_reading_is_replaced():
    apart = [Token("兄", 0, 1, "アニ"), Token("さん", 2, 4, "サン")]
    other = [Token("兄", 0, 1, "ケイ"), Token("さん", 1, 3, "サン")]
    for tokens in (apart, other):
        before = list(tokens)
        read_in_context(tokens)
        assert tokens == before


def test_tokens_of_a_corpus_are_read_so_too():
    tokens = [Token("お", 0, 1), Token("兄", 1, 2), Token("さん", 2, 4)]
    found = load_segmenter("unidic-lite").annotate("お兄さん", tokens)
    assert [token.reading for token in found] == ["オ", "ニイ", "サン"]


def test_the_table_holds_readings_in_kana():
    for form, alone, following, reading in read_table("readings.tsv"):
        assert form
        assert following.split()
        assert is_kana(alone)
        assert is_kana(reading)


@pytest.mark.parametrize(
    ("kana", "latin"),
    [
        *(("アッー", "aat"), ("とっーても", "toottemo"), ("ーッ", "-t")),
        *(("アッッチ", "attchi"), ("アッッカ", "akkka"), ("アッア", "ata"), ("ッABC", "tABC")),
        *(("ラーー", "raaa"), ("こゝゞ", "kokogo"), ("パヾ", "paba"), ("ンヾ", "nn")),
        *(("ヷヽ", "vawa"), ("ーヽ", "-ヽ"), ("亜ヽ", "亜ヽ"), ("ヿ", "koto")),
        *(("ヴュ", "vyu"), ("ニェ", "nye"), ("ヴョルン", "vyorun")),
        *(("ミェルニク", "myeruniku"), ("フィェ", "fye"), ("ヴィェ", "vye"), ("ウァ", "wa")),
        *(("ツュ", "tsyu"), ("ホ゜ット", "potto"), ("う゛ぁ", "va"), ("ヘ゛ー", "bee")),
        *(("あ゛ー", "aa"), ("ｱﾞ", "a"), ("゛", " \u3099"), ("いよ〱", "iyoiyo")),
        *(("しみ〲と", "shimijimito"), ("くる〳〵と", "kurukuruto"), ("サ-ビス", "saabisu")),
        *(("ラガ－", "raga-"), ("ガン-モ", "gan-mo"), ("ツェ", "tse"), ("", "")),
    ],
)
def test_rules_where_they_meet(kana, latin):
    assert romanize(kana) == latin
