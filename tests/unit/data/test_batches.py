import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.data.batches import cut_batch, make_batch, plan_batches, ranges
from kakehashi.data.vocabulary import FormFeatures

ARRAYS = ("sentences", "lengths", "words", "forms", "form_lengths", "ngrams", "ngram_ids", "tags")
lengths_of = st.lists(st.integers(0, 30), max_size=60).map(lambda x: np.array(x, dtype=np.int64))


@given(lengths_of, st.integers(1, 100), st.none() | st.tuples(st.integers(0), st.integers(0)))
def test_every_sentence_with_tokens_is_in_one_batch(lengths, batch_tokens, order):
    batches = plan_batches(lengths, batch_tokens, order)
    assert sorted(np.concatenate([[], *batches]).tolist()) == np.flatnonzero(lengths).tolist()
    for batch in batches:
        assert len(batch) == 1 or lengths[batch].sum() <= batch_tokens


def test_the_order_is_a_function_of_seed_and_epoch():
    lengths = np.random.default_rng(0).integers(1, 20, 200)

    def flat(order):
        return [batch.tolist() for batch in plan_batches(lengths, 64, order)]

    assert flat((1, 1)) == flat((1, 1))
    assert flat((1, 1)) != flat((1, 2))
    assert flat((1, 1)) != flat((2, 1))
    assert flat((0, 1)) != flat(None)


def test_batches_hold_sentences_of_like_length():
    lengths = np.random.default_rng(0).integers(1, 40, 500)
    spread = [np.ptp(lengths[batch]) for batch in plan_batches(lengths, 200, (1, 1))]
    assert np.mean(spread) < 3


def test_a_batch_gathers_distinct_forms_and_ngrams():
    offsets = np.array([0, 2, 5])
    forms = np.array([3, 1, 1, 3, 0], dtype=np.int32)
    features = FormFeatures(
        words=np.array([10, 11, 12, 13]),
        ngrams=np.array([7, 5, 6, 9, 5]),
        offsets=np.array([0, 1, 3, 4, 5]),
    )
    batch = make_batch(np.array([1, 0]), offsets, forms, features, tags=np.arange(5))
    assert batch.lengths.tolist() == [3, 2]
    assert batch.words.tolist() == [11, 13, 10, 13, 11]
    assert batch.tags.tolist() == [2, 3, 4, 0, 1]
    assert batch.form_lengths.tolist() == [1, 2, 1]
    assert batch.forms.tolist() == [1, 2, 0, 2, 1]
    assert batch.ngram_ids[batch.ngrams].tolist() == [7, 5, 6, 5]
    assert batch.ngram_ids.tolist() == [5, 6, 7]


@given(st.data())
def test_what_is_cut_out_of_a_batch_is_the_batch_of_its_sentences(data):
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    offsets = np.concatenate([[0], random.integers(1, 5, 9).cumsum()])
    forms = random.integers(0, 6, offsets[-1], dtype=np.int32)
    edges = np.concatenate([[0], random.integers(1, 4, 6).cumsum()])
    ngrams = random.integers(0, 8, edges[-1])
    features = FormFeatures(words=np.arange(6) + 3, ngrams=ngrams, offsets=edges)
    sentences, tags = random.permutation(9), random.integers(0, 3, offsets[-1])
    start = data.draw(st.integers(0, 8))
    end = data.draw(st.integers(start + 1, 9))
    cut = cut_batch(make_batch(sentences, offsets, forms, features, tags), start, end)
    made = make_batch(sentences[start:end], offsets, forms, features, tags)
    for name in ARRAYS:
        assert getattr(cut, name).tolist() == getattr(made, name).tolist(), name


@pytest.mark.parametrize(("starts", "lengths"), [([], []), ([4], [0]), ([3, 0, 9], [2, 0, 3])])
def test_ranges_equal_their_definition(starts, lengths):
    expected = [i for s, n in zip(starts, lengths, strict=True) for i in range(s, s + n)]
    found = ranges(np.array(starts, dtype=np.int64), np.array(lengths, dtype=np.int64))
    assert found.tolist() == expected
