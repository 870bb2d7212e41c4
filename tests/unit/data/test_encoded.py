import pytest

from kakehashi.data.encode import Channels, Forms, count_words, encode, ngram_vocabulary
from kakehashi.errors import TagError
from kakehashi.sentence import Mention, Sentence, Span, sentence_from_forms
from kakehashi.tags import Tagset

SENTENCES = [
    sentence_from_forms(["In", "Rome", "in"], [Span(1, 2, "LOC")]),
    Sentence("", tokens=()),
    sentence_from_forms(["Rome"]),
]


def test_tokens_become_form_numbers_and_sentences_offsets():
    corpus = encode(SENTENCES, Forms())
    assert corpus.forms.tolist() == [0, 1, 2, 1]
    assert corpus.offsets.tolist() == [0, 3, 3, 4]
    assert corpus.lengths.tolist() == [3, 0, 1]
    assert corpus.spans == ((Span(1, 2, "LOC"),), (), ())


def test_tags_stand_at_their_tokens():
    corpus = encode(SENTENCES, Forms())
    assert corpus.tag_ids(Tagset(("LOC",))).tolist() == [0, 1, 0, 0]
    with pytest.raises(TagError):
        corpus.tag_ids(Tagset(("PER",)))


def test_counts_are_of_words_not_of_forms():
    forms = Forms()
    corpus = encode(SENTENCES, forms)
    assert count_words(corpus, forms, Channels()) == {"in": 2, "rome": 2}


def test_forms_of_another_corpus_do_not_count():
    forms = Forms()
    encode([sentence_from_forms(["Elsewhere"])], forms)
    corpus = encode(SENTENCES, forms)
    assert "elsewhere" not in count_words(corpus, forms, Channels())
    assert set(ngram_vocabulary(corpus, forms, Channels()).strings) == {
        "In",
        "in",
        "Ro",
        "om",
        "me",
    }


def test_lost_mentions_are_kept_and_counted():
    lost = Mention(0, 1, "LOC", "R")
    bare = sentence_from_forms(["Rome"])
    corpus = encode([Sentence(bare.text, (lost,), bare.tokens)], Forms())
    assert corpus.lost == ((lost,),)
    assert corpus.summary() == {
        "sentences": 1,
        "tokens": 1,
        "entities": 1,
        "lost": 1,
        "types": {"LOC": 1},
    }
