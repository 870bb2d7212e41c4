import pickle

from kakehashi.text.mecab import MeCab


def test_words_outlive_the_next_call():
    mecab = MeCab("unidic-lite")
    first = mecab.analyze("東京に")
    second = mecab.analyze("博は")
    assert list(first) == [("東京", "名詞", "トウキョウ"), ("に", "助詞", "ニ")]
    assert list(second)[-1] == ("は", "助詞", "ハ")


def test_unknown_word_has_no_reading():
    assert list(MeCab("unidic-lite").analyze("ヌメロヨヌ")) == [("ヌメロヨヌ", "名詞", "")]


def test_no_word_crosses_a_form():
    mecab = MeCab("unidic-lite")
    assert [word[0] for word in mecab.analyze("国境")] == ["国境"]
    assert [word[0] for word in mecab.analyze_forms(["国", "境"])] == ["国", "境"]


def test_copies_in_one_process_share_a_dictionary():
    sent = pickle.dumps(MeCab("unidic-lite"))
    assert pickle.loads(sent) is pickle.loads(sent)
    assert list(pickle.loads(sent).analyze("は")) == [("は", "助詞", "ハ")]
