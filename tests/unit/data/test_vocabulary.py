from collections import Counter

from kakehashi.data.vocabulary import UNKNOWN, Vocabulary


def test_frequent_words_come_first_then_equals_by_alphabet_then_extras():
    vocabulary = Vocabulary.from_counts(Counter("abbccc"), ["z", "a", "y"])
    assert vocabulary.strings == ("c", "b", "a", "y", "z")
    assert vocabulary.ids["c"] == 1
    assert vocabulary.ids.get("nowhere", UNKNOWN) == 0
    assert len(vocabulary) == 6
    vocabulary = Vocabulary.from_counts({"a": 1}, ["b"])
    assert vocabulary.seen == {"a": 1}
    assert vocabulary.ids == {"a": 1, "b": 2}
    assert Vocabulary.from_counts({"b": 2, "a": 2}).strings == ("a", "b")
