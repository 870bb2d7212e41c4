from collections import Counter

from kakehashi.data.vocabulary import UNKNOWN, Vocabulary


def test_the_most_frequent_comes_first_then_the_extra_words():
    vocabulary = Vocabulary.from_counts(Counter("abbccc"), ["z", "a", "y"])
    assert vocabulary.strings == ("c", "b", "a", "y", "z")
    assert vocabulary.ids["c"] == 1
    assert vocabulary.ids.get("nowhere", UNKNOWN) == 0
    assert len(vocabulary) == 6


def test_only_training_strings_are_seen():
    vocabulary = Vocabulary.from_counts({"a": 1}, ["b"])
    assert vocabulary.seen == {"a": 1}
    assert vocabulary.ids == {"a": 1, "b": 2}


def test_equal_counts_are_in_order_of_the_alphabet():
    assert Vocabulary.from_counts({"b": 2, "a": 2}).strings == ("a", "b")
