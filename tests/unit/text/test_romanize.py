import pytest

from kakehashi.text.romanize import romanize


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
