"""Words by libraries: Chinese, Thai and Korean."""

import json
import pickle
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.config.sources import ColumnsSource
from kakehashi.corpora.columns import lines
from kakehashi.corpora.jsonl import line_from_sentence
from kakehashi.corpora.texts import rows
from kakehashi.errors import ConfigError, MissingExtraError
from kakehashi.sentence import Sentence, sentence_from_forms
from kakehashi.serving.results import Wanted
from kakehashi.text import libraries
from kakehashi.text.composition import WHITE_SPACE
from kakehashi.text.marks import unmarked
from kakehashi.text.segment import load_segmenter

TEXTS = st.text(
    st.one_of(st.sampled_from("했다서울에서 뉴욕a1.\u1161\u11a8👍🏽\u0301"), st.characters()),
    max_size=20,
)


@pytest.fixture
def cut(segmenter):
    def cut(name, text, language=None):
        tokens = segmenter(name, language=language).segment(text)
        assert all(token.text == text[token.start : token.end] for token in tokens)
        return [token.text for token in tokens]

    return cut


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("jieba", "我明天去重庆看iPhone15。", "我 明天 去 重庆 看 iPhone15 。"),
        ("newmm", "ปลุกฉันตอนตีห้าที่กรุงเทพ", "ปลุก ฉัน ตอน ตีห้า ที่ กรุงเทพ"),
        ("newmm", "พรุ่งนี้เช้า", "พรุ่งนี้ เช้า"),
        ("newmm-icu", "พรุ่งนี้เช้า", "พรุ่ง นี้ เช้า"),
        ("kiwi", "서울에서 했다.", "서울 에서 했 다 ."),
        ("kiwi", "👍🏽김민수가", "👍🏽 김민수 가"),
        ("characters", "东京タワー：iPhone15，ｶﾞ人々", "东 京 タ ワ ー ： iPhone15 ， ｶﾞ 人 々"),
    ],
)
def test_words(cut, name, text, words):
    assert cut(name, text) == words.split()


@pytest.mark.parametrize("name", ["jieba", "newmm", "kiwi", "characters", "characters+jieba"])
def test_a_long_text_and_its_blanks(cut, name):
    text = " \u3000".join(["我去กรุงเทพ서울에서\0"] * 300)
    assert "".join(cut(name, text)) == "".join(text.split("\u3000")).replace(" ", "")


def test_chinese_words_are_read_in_context(segmenter):
    # 重 is chóng in 重庆, and zhòng elsewhere; 乐 is yuè in music, and lè in joy.
    characters = segmenter("characters", language="zh")
    assert [t.reading for t in characters.segment("重庆的音乐")] == [
        *("chóng", "qìng", "de", "yīn", "yuè")
    ]
    assert characters.signature.startswith("characters+pypinyin ")
    assert [t.reading for t in segmenter("jieba").segment("去重庆")] == ["qù", "chóngqìng"]
    given = sentence_from_forms(["去", "重庆", "OK"], joiner="")
    annotated = segmenter("jieba").annotate(given.text, given.tokens)
    assert [token.reading for token in annotated] == ["qù", "chóngqìng", ""]
    # Never the Chinese reading for Japanese text.
    assert {t.reading for t in segmenter("characters").segment("重い")} == {""}


def test_characters_say_where_in_a_word_they_stand(segmenter):
    marking, text = segmenter("characters+jieba"), "去 重庆OK⟩"
    tokens = marking.segment(text)
    assert [t.reading for t in tokens] == ["⟨qù⟩", "⟨chóng", "qìng⟩", "⟨OK⟩", "⟨⟩⟩"]
    # Tokens of a corpus get the same, and keep it.
    assert marking.annotate(text, [token._replace(reading="") for token in tokens]) == tokens
    assert marking.annotate(text, tokens) == tokens
    assert "+jieba(" in marking.signature
    # The marks are for the model alone.
    plain = [unmarked(token) for token in tokens]
    assert [token.reading for token in plain] == ["qù", "chóng", "qìng", "", ""]
    assert list(marking.annotate(text, plain)) == list(tokens)
    assert list(map(unmarked, plain)) == plain
    sentence = Sentence(text, tokens=tokens)
    served = Wanted(view=lambda token: token.reading).result(sentence)["tokens"]
    assert [token["reading"] for token in served] == [token.reading for token in plain]
    assert [token["view"] for token in served] == [token.reading for token in tokens]
    record = json.loads(line_from_sentence(sentence))
    assert [token.get("reading", "") for token in record["tokens"]] == [t.reading for t in plain]
    columns = ColumnsSource(format="columns", path="a.tsv", columns=("token", "reading", "tag"))
    written = "".join(lines([sentence], columns)).split()[1::3]
    assert written == [token.reading or "_" for token in plain]
    assert [t["reading"] for t in rows([sentence])["tokens"][0].as_py()] == [
        t.reading for t in plain
    ]


def test_korean_words_have_parts_of_speech(segmenter):
    tokens = segmenter("kiwi").segment("서울에서")
    assert [(token.text, token.pos) for token in tokens] == [("서울", "NNP"), ("에서", "JKB")]


@given(text=TEXTS)
def test_kiwi_keeps_every_character(segmenter, text):
    tokens = segmenter("kiwi").segment(text)
    assert all(token.text == text[token.start : token.end] for token in tokens)
    assert "".join(token.text for token in tokens) == re.sub(f"[{WHITE_SPACE}]", "", text)


@pytest.mark.parametrize("name", ["jieba", "newmm", "kiwi"])
def test_threads_share_one(segmenter, name):
    texts = [f"我明天去重庆 ตอนตีห้าที่กรุงเทพ 서울에서 뉴욕까지 {number}" for number in range(200)]
    alone = pickle.loads(pickle.dumps(segmenter(name)))
    expected = list(map(alone.segment, texts))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(alone.segment, texts)) == expected


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("jieba", "jieba", "chinese"),
        ("newmm", "pythainlp.tokenize.newmm", "thai"),
        ("kiwi", "kiwipiepy", "korean"),
    ],
)
def test_without_its_extra(monkeypatch, name, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    libraries.load_library.cache_clear()
    with pytest.raises(MissingExtraError, match=rf"needs .*\[{extra}\]"):
        load_segmenter(name)
    libraries.load_library.cache_clear()


def test_there_is_no_such_segmenter():
    with pytest.raises(ConfigError, match="no segmenter 'jeiba'; did you mean 'jieba'"):
        load_segmenter("jeiba")
