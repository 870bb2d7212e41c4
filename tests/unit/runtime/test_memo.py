"""A recognizer that remembers forms against one that works out each anew."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from kakehashi.errors import ConfigError


def found(sentences):
    return [[mention[:4] for mention in sentence.mentions] for sentence in sentences]


def test_what_is_found_does_not_depend_on_what_was_seen_before(make_recognizer, texts):
    recognizer = make_recognizer()
    expected = [found(make_recognizer().recognize([text]))[0] for text in texts]
    assert sum(map(len, expected)) > 40
    assert found(recognizer.recognize(texts)) == expected
    assert found(recognizer.recognize(texts[::-1])) == expected[::-1]


def test_who_forgets_is_as_new_to_the_last_digit(make_recognizer, texts):
    recognizer = make_recognizer()
    expected = list(recognizer.recognize(texts[:20]))
    list(recognizer.recognize(texts[20:]))
    recognizer.clear()
    assert list(recognizer.recognize(texts[:20])) == expected


def test_a_memo_is_bounded_and_bounds_change_nothing(make_recognizer, texts):
    recognizer = make_recognizer(cached_forms=5)
    expected = found(make_recognizer().recognize(texts))
    rows = []
    for text, mentions in zip(texts, expected, strict=True):
        assert found(recognizer.recognize([text])) == [mentions]
        rows.append(len(recognizer._cache.projected))
    assert max(rows) <= 2 * (5 + 12)
    assert len({text for line in texts for text in line.split()}) > 5 + 12


def test_threads_share_a_recognizer(make_recognizer, texts):
    recognizer = make_recognizer(cached_forms=5)
    expected = found(make_recognizer().recognize(texts))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda text: recognizer.recognize([text]), texts * 3))
        together = list(pool.map(lambda answer: found(answer)[0], answers))
    assert together == expected * 3


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_lower_precisions_nearly_agree(make_recognizer, texts, precision):
    many = texts * 40
    exact = found(make_recognizer().recognize(many))
    near = found(make_recognizer(precision=precision).recognize(many))
    agreeing = sum(one == other for one, other in zip(exact, near, strict=True))
    assert agreeing > 0.9 * len(many)


def test_an_unknown_precision_is_refused(make_recognizer):
    with pytest.raises(ConfigError, match="expected float32, bfloat16, int8; got 'float16'"):
        make_recognizer(precision="float16")
