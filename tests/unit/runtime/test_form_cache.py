"""What a recognizer remembers of forms, with rows that say which form they are of."""

import numpy as np
import pytest

from kakehashi.runtime.form_cache import _FORM_BYTES, FormCache

WIDTH = 3
ROW_BYTES = 4 * WIDTH + _FORM_BYTES


class Counting:
    """Projects forms, and remembers which."""

    def __init__(self):
        self.projected = []

    def __call__(self, forms):
        self.projected += [text for text, _ in forms]
        return np.array([[int(text)] * WIDTH for text, _ in forms], np.float32)


def look_up(cache, numbers):
    """Look up forms, check their rows."""
    rows, found = cache.look_up([(str(number), "") for number in numbers])
    assert rows[found].tolist() == [[number] * WIDTH for number in numbers]


@pytest.fixture
def project():
    return Counting()


def test_a_form_is_projected_once(project):
    cache = FormCache(project, 100 * ROW_BYTES)
    for numbers in ([1, 2, 1], [2, 1], [3, 2], []):
        look_up(cache, numbers)
    assert project.projected == ["1", "2", "3"]


def test_forms_used_last_are_kept(project):
    cache = FormCache(project, 6 * ROW_BYTES)
    for numbers in ([1, 2], [3, 4], [5, 6], [1], [7]):  # no room for 7
        look_up(cache, numbers)
    project.projected.clear()
    look_up(cache, [1, 5, 6, 7])
    assert project.projected == []
    look_up(cache, [2, 3, 4])
    assert project.projected == ["2", "3", "4"]


def test_what_is_looked_up_is_kept_whatever_the_room(project):
    cache = FormCache(project, 4 * ROW_BYTES)
    look_up(cache, [1, 2, 3])
    look_up(cache, [3, 2, 1, 4, 5, 6, 7])
    assert project.projected == [*"1234567"]
    assert len(cache._rows.projected) == 7
    look_up(cache, [8])
    assert len(cache._rows.projected) == 4


def test_more_forms_than_are_projected_at_once(project):
    cache = FormCache(project, 50 * ROW_BYTES)
    random = np.random.default_rng(1)
    for _ in range(30):
        look_up(cache, random.integers(0, 900, 700).tolist())
        look_up(cache, random.integers(0, 40, 10).tolist())
    assert len(cache._rows.projected) < 900


def test_rows_that_were_given_out_stay(project):
    cache = FormCache(project, 4 * ROW_BYTES)
    rows, found = cache.look_up([("1", ""), ("2", "")])
    for number in range(3, 60, 3):
        look_up(cache, [number, number + 1, number + 2])
    assert rows[found, 0].tolist() == [1, 2]
