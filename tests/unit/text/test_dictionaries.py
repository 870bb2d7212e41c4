import os
from pathlib import Path
from threading import Event, Semaphore, Thread

import pytest

from kakehashi.errors import ConfigError
from kakehashi.text.dictionaries import LARGEST_POOL, MeCab, Sudachi, TaggerPool


def test_words_outlive_the_next_call_and_do_not_cross_forms():
    mecab = MeCab("unidic-lite")
    first = mecab.analyze("東京に")
    second = mecab.analyze("博は")
    assert list(first) == [("東京", "名詞", "トウキョウ"), ("に", "助詞", "ニ")]
    assert list(second)[-1] == ("は", "助詞", "ハ")
    assert list(MeCab("unidic-lite").analyze("ヌメロヨヌ")) == [("ヌメロヨヌ", "名詞", "")]
    mecab = MeCab("unidic-lite")
    assert [word[0] for word in mecab.analyze("国境")] == ["国境"]
    assert [word[0] for word in mecab.analyze_forms(["国", "境"])] == ["国", "境"]


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


class Slow:
    """A tagger that says when it begins, and then waits until it may end."""

    def __init__(self):
        self.begun, self.may_end = Semaphore(0), Event()

    def __call__(self, text):
        self.begun.release()
        assert self.may_end.wait(60)
        return text.upper()


@pytest.fixture
def slow():
    return Slow()


def test_threads_wait_for_a_tagger(slow):
    made, answers = [], []

    def make():
        made.append(slow)
        return slow

    pool = TaggerPool(make, size=2)
    threads = [Thread(target=lambda: answers.append(pool.parse("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert slow.begun.acquire(timeout=60)
    assert slow.begun.acquire(timeout=60)
    assert not slow.begun.acquire(timeout=0.1)
    assert (len(made), answers) == (2, [])
    slow.may_end.set()
    for thread in threads:
        thread.join(60)
    assert (len(made), answers) == (2, ["A"] * 8)


def test_one_that_cannot_be_made_may_be_made_later():
    attempts = []

    def make():
        attempts.append(1)
        if len(attempts) == 1:
            raise MemoryError
        return str.upper

    pool = TaggerPool(make, size=1)
    with pytest.raises(MemoryError):
        pool.parse("a")
    assert pool.parse("a") == "A"


def test_one_that_fails_is_given_back():
    def failing(text):
        raise ValueError(text)

    pool = TaggerPool(lambda: failing, size=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="a"):
            pool.parse("a")


def test_a_child_does_not_wait_for_the_threads_of_its_parent(slow):
    made = iter([slow, str.upper])
    pool = TaggerPool(lambda: next(made), size=1)
    thread = Thread(target=pool.parse, args=["a"])
    thread.start()
    assert slow.begun.acquire(timeout=60)
    child = os.fork()
    if child == 0:
        os._exit(0 if pool.parse("b") == "B" else 1)
    slow.may_end.set()
    thread.join(60)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_signs_blanks_and_edges():
    pytest.importorskip("sudachidict_core", reason="the extra sudachi is not installed")
    expected = [("々", "補助記号", ""), ("と", "助詞", "ト"), ("記号", "名詞", "キゴウ")]
    assert Sudachi().analyze("々と記号") == expected
    assert Sudachi().analyze("㍿") == [("㍿", "名詞", "カブシキガイシャ")]
    assert [word[0] for word in Sudachi().analyze(" 東京  に ")] == ["東京", "に"]
    words = list(Sudachi().analyze_forms(["東", "京都", "に"]))
    assert [word[0] for word in words] == ["東", "京都", "に"]
