from collections import Counter

from kakehashi.data.vocabulary import UNKNOWN, Channels, Vocabulary, featurize

JAZZ = ("ジャズ", "ジャズ")


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


def test_the_mixed_model_sees_japanese_words_and_latin_characters():
    mom = Channels(word="original", char="romaji")
    assert mom.word_of(JAZZ) == "ジャズ"
    assert mom.ngrams_of(JAZZ) == ["ja", "az", "zu"]


def test_words_are_lower_cased_and_characters_are_not():
    plain = Channels()
    assert plain.word_of(("Yes", "")) == "yes"
    assert plain.ngrams_of(("Yes", "")) == ["Ye", "es"]


def test_full_width_and_half_width_words_are_one():
    assert Channels().word_of(("ＡＢＣ", "")) == "abc"


def test_features_are_ragged_rows():
    words, ngrams = Vocabulary(["yes"]), Vocabulary(["Ye", "es"])
    features = featurize([("Yes", ""), ("no", ""), ("Yeses", "")], Channels(), words, ngrams)
    assert features.words.tolist() == [1, 0, 0]
    assert features.offsets.tolist() == [0, 2, 3, 7]
    assert features.ngrams.tolist() == [1, 2, 0, 1, 2, 0, 2]
