import pytest

from kakehashi.errors import CorpusError
from kakehashi.parallel import map_in_order


def refuse_seven(number):
    if number == 7:
        raise CorpusError("a.jsonl", "is refused", number)
    return number


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("count", [0, 1, 30])
def test_answers_come_in_the_order_of_the_jobs(processes, count):
    assert list(map_in_order(abs, range(-count, 0), processes)) == list(range(count, 0, -1))


def test_jobs_are_taken_only_shortly_before_their_turn():
    taken = []
    jobs = (taken.append(number) or number for number in range(100))
    answers = map_in_order(abs, jobs, 2)
    assert next(answers) == 0
    assert len(taken) < 10
    answers.close()


def test_an_error_comes_back_as_it_was():
    with pytest.raises(CorpusError, match=r"a\.jsonl:7: is refused") as caught:
        list(map_in_order(refuse_seven, range(20), 2))
    assert caught.value.line == 7
