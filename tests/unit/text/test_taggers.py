import os
from threading import Event, Semaphore, Thread

import pytest

from kakehashi.text.mecab import TaggerPool


class Slow:
    """A tagger that says when it begins, and then waits until it may end."""

    def __init__(self, begun: Semaphore, may_end: Event) -> None:
        self.begun, self.may_end = begun, may_end

    def parse(self, text: str) -> str:
        self.begun.release()
        assert self.may_end.wait(60)
        return text.upper()


class Quick:
    def parse(self, text: str) -> str:
        return text


@pytest.fixture
def slow():
    return Slow(Semaphore(0), Event())


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
    attempts = [Quick()]

    def make():
        if len(attempts) == 1:
            attempts.append(Quick())
            raise MemoryError
        return attempts.pop()

    pool = TaggerPool(make, size=1)
    with pytest.raises(MemoryError):
        pool.parse("a")
    assert pool.parse("a") == "a"


def test_one_that_fails_is_given_back():
    class Failing:
        def parse(self, text: str) -> str:
            raise ValueError(text)

    pool = TaggerPool(Failing, size=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="a"):
            pool.parse("a")


def test_a_child_does_not_wait_for_the_threads_of_its_parent(slow):
    made = iter([slow, Quick()])
    pool = TaggerPool(lambda: next(made), size=1)
    thread = Thread(target=pool.parse, args=["a"])
    thread.start()
    assert slow.begun.acquire(timeout=60)
    child = os.fork()
    if child == 0:
        os._exit(0 if pool.parse("b") == "b" else 1)
    slow.may_end.set()
    thread.join(60)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
