from kakehashi.data.forms import Channels, featurize
from kakehashi.data.vocabulary import Vocabulary

JAZZ = ("ジャズ", "ジャズ")


def test_channels_see_words_lower_cased_and_characters_romanized():
    mom = Channels(word="original", char="romaji")
    assert mom.word_of(JAZZ) == "ジャズ"
    assert mom.ngrams_of(JAZZ) == ["ja", "az", "zu"]
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
