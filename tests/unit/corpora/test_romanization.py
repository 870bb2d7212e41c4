import pytest

from kakehashi.corpora.romanization import Leak, audit_view, ngrams_of
from kakehashi.corpora.stats import Share
from kakehashi.errors import ConfigError
from kakehashi.sentence import Sentence, sentence_from_forms


def sentence(*forms):
    """Make a sentence of form/reading."""
    made = sentence_from_forms([form.partition("/")[0] for form in forms])
    readings = [form.partition("/")[2] for form in forms]
    tokens = [t._replace(reading=r) for t, r in zip(made.tokens, readings, strict=True)]
    return Sentence(made.text, (), tuple(tokens))


CORPUS = [
    sentence("川/カワ", "へ", "鷂"),
    sentence("皮/カワ", "へ", "NHK"),
    sentence("鷂", "ＮＨＫ"),
]


def test_leaks_and_collisions_are_counted_in_tokens():
    found = audit_view(CORPUS, "romaji")
    assert (found.forms, found.seen) == (5, 4)  # 川 へ 鷂 皮 NHK; 川 and 皮 are kawa
    assert found.leaking == Share(8, 2)
    assert found.leaks == (Leak("鷂", "鷂", 2),)
    assert found.alike == Share(8, 2)
    assert found.shared is None


def test_the_original_leaks_all_that_is_not_latin():
    found = audit_view([sentence("café", "Москва", "10", "!", "ー")], "original")
    assert found.leaking == Share(5, 2)
    assert [leak.form for leak in found.leaks] == ["Москва", "ー"]


def test_ngrams_of_the_source_are_looked_for():
    source = ngrams_of([sentence("kai", "we", "x")], "original")
    assert source == {"ka", "ai", "we", "x"}
    # ka aw wa, he, 鷂; ka aw wa, he, NH HK; 鷂, NH HK
    found = audit_view(CORPUS, "romaji", source=source)
    assert found.shared == Share(14, 2)
    assert audit_view(CORPUS, "romaji", 1, set("kawhe")).shared == Share(20, 12)


def test_a_corpus_without_tokens():
    with pytest.raises(ConfigError, match="--segmenter: 'a b' has no tokens; say how to cut"):
        audit_view([Sentence("a b")], "romaji")
