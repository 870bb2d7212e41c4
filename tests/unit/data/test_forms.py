from kakehashi.data.forms import Channels, featurize
from kakehashi.data.vocabulary import Vocabulary

JAZZ = ("ジャズ", "ジャズ")


def test_the_mixed_model_sees_japanese_words_and_latin_characters():
    mom = Channels(word="original", char="romaji")
    assert mom.word_of(JAZZ) == "ジャズ"
    assert mom.ngrams_of(JAZZ) == ["ja", "az", "zu"]


def test_words_are_lower_cased_and_of_one_width_and_characters_are_not():
    plain = Channels()
    assert plain.word_of(("Yes", "")) == "yes"
    assert plain.ngrams_of(("Yes", "")) == ["Ye", "es"]
    assert Channels().word_of(("ＡＢＣ", "")) == "abc"


def test_features_are_ragged_rows():
    words, ngrams = Vocabulary(["yes"]), Vocabulary(["Ye", "es"])
    features = featurize([("Yes", ""), ("no", ""), ("Yeses", "")], Channels(), words, ngrams)
    assert features.words.tolist() == [1, 0, 0]
    assert features.offsets.tolist() == [0, 2, 3, 7]
    assert features.ngrams.tolist() == [1, 2, 0, 1, 2, 0, 2]
