import random

import numpy as np
import pytest

from kakehashi.selection.near_duplicates import are_alike, signature, text_key


def shingles(text):
    return {text[start : start + 3] for start in range(max(1, len(text) - 2))}


def jaccard(one, other):
    return len(one & other) / len(one | other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("明日の朝七時に東京の天気を教えて", "明日の朝七時に東京の天気を教えて。"),
        ("Ｓｅｔ an alarm", "set an  ALARM"),
        ("a", "A"),
    ],
)
def test_near_duplicates_are_alike(one, other):
    assert are_alike(signature(one), np.array([signature(other)])).all()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("明日の朝七時に東京の天気を教えて", "今日の夜八時に大阪の予定を消して"),
        ("turn the lights off", "play some jazz"),
        ("a", "b"),
    ],
)
def test_other_texts_are_not(one, other):
    assert not are_alike(signature(one), np.array([signature(other)])).any()


def test_the_estimate_is_near_the_truth():
    generator = random.Random(1)
    for _ in range(50):
        letters = [generator.choice("abcdefghij") for _ in range(200)]
        changed = list(letters)
        for place in generator.sample(range(200), generator.randrange(1, 20)):
            changed[place] = "x"
        one, other = "".join(letters), "".join(changed)
        estimate = (signature(one) == signature(other)).mean()
        assert estimate == pytest.approx(jaccard(shingles(one), shingles(other)), abs=0.2)


def test_keys_depend_on_the_seed_and_not_on_blanks_and_width():
    assert text_key("東 京") == text_key("東京") != text_key("京都")
    assert text_key("東京", 1) != text_key("東京", 2)
    assert signature("東京の天気").dtype == np.uint32
