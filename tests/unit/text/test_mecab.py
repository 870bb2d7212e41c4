import pickle
from pathlib import Path
from threading import Thread

import pytest

from kakehashi.errors import ConfigError
from kakehashi.text.mecab import LARGEST_POOL, MeCab


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


def maps_of_dictionary() -> int:
    """Count what this process has mapped of dictionaries."""
    return Path("/proc/self/maps").read_text().count("sys.dic")


def test_threads_leave_no_taggers_behind():
    mecab, found = MeCab("unidic-lite"), []

    def tag():
        found.append([list(mecab.analyze("東京に")), list(mecab.analyze_forms(["東京", "に"]))])

    before = maps_of_dictionary()
    for _ in range(100):
        threads = [Thread(target=tag) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert maps_of_dictionary() - before <= 2 * LARGEST_POOL
    words = [("東京", "名詞", "トウキョウ"), ("に", "助詞", "ニ")]
    assert found == [[words, words]] * 400


def test_a_tagger_that_cannot_be_made_says_why(monkeypatch):
    mecab = MeCab("unidic-lite")
    monkeypatch.setattr(mecab, "_folder", Path("/proc/self/nowhere"))
    with pytest.raises(ConfigError, match=r"dictionary unidic-lite \(.*no such file.*mecabrc"):
        list(mecab.analyze_forms(["東京"]))
