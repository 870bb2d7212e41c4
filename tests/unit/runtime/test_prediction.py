import itertools
import math
import random

import numpy as np
import pytest
import torch

from kakehashi.data.batches import make_batch
from kakehashi.data.encode import encode
from kakehashi.data.vocabulary import Channels, featurize
from kakehashi.model.torch_network import decoder_of, network_of
from kakehashi.runtime import prediction
from kakehashi.runtime.network import NumpyNetwork
from kakehashi.runtime.prediction import emit, predict, predict_spans
from kakehashi.sentence import Sentence, sentence_from_forms

ALPHABET = ["ja", "az", "zu", "ka", "sato", "to", "ou", "kyo", "x"]


@pytest.fixture
def sentences():
    random_ = random.Random(0)
    lengths = [*range(1, 9), 1, 30, 4]
    bare = [sentence_from_forms(random_.choices(ALPHABET, k=n)) for n in lengths]
    return [*bare[:3], Sentence("", tokens=()), *bare[3:]]


@pytest.fixture(params=["softmax", "crf"])
def tagger(request, make_tagger):
    tagger = make_tagger(ALPHABET[:5], ["ja", "az", "to"], ["LOC", "PER"], decoder=request.param)
    with torch.no_grad():  # so that it finds something
        tagger.dense.weight.mul_(20)
    return tagger


def parts(tagger):
    return network_of(tagger), decoder_of(tagger)


def encoded(sentences, tagger):
    forms = {}
    corpus = encode(sentences, forms)
    features = featurize(forms, Channels(), tagger.words, tagger.ngrams)
    return corpus.offsets, corpus.forms, features


@pytest.mark.parametrize("batch_tokens", [1, 7, 16, 1000])
def test_batch_size_and_order_do_not_change_predictions(tagger, sentences, batch_tokens):
    expected = predict_spans(*parts(tagger), *encoded(sentences, tagger))
    assert sum(map(len, expected)) > 5
    assert expected[3] == ()
    found = predict_spans(*parts(tagger), *encoded(sentences, tagger), batch_tokens=batch_tokens)
    assert found == expected
    backwards = predict_spans(
        *parts(tagger), *encoded(sentences[::-1], tagger), batch_tokens=batch_tokens
    )
    assert backwards[::-1] == expected


def shorten(_, spans):
    """Cut a token off each span that has several, and drop the others."""
    return tuple(span._replace(start=span.start + 1) for span in spans if span.end > span.start + 1)


@pytest.mark.parametrize("trim", [lambda _, spans: spans, shorten], ids=["whole", "trimmed"])
def test_probabilities_are_those_of_the_tags(tagger, trim):
    """Against the definition: all tag sequences of short sentences, enumerated."""
    network, decoder = parts(tagger)
    n = len(tagger.tagset)
    moves = torch.zeros(n + 1, n + 1, dtype=torch.double)
    if tagger.crf is not None:
        moves = tagger.crf.transitions.detach().double()
        moves = moves.masked_fill(~torch.from_numpy(tagger.tagset.transitions()), -math.inf)
    n_spans = 0
    for forms in itertools.product(ALPHABET[3:6], repeat=3):
        offsets, numbers, features = encoded([sentence_from_forms(forms)], tagger)
        emissions = tagger(make_batch(np.array([0]), offsets, numbers, features)).detach().double()
        weights = {}
        for path in np.ndindex(n, n, n):
            score = sum(moves[a, b] for a, b in itertools.pairwise([n, *path, n]))
            weights[path] = math.exp(score + sum(emissions[i, t] for i, t in enumerate(path)))
        projected = network.project(np.arange(len(features.words)), features)
        arguments = projected, numbers.astype(np.int64), offsets
        ids = decoder.decode(network.emit(*arguments), offsets).tags.tolist()
        assert weights[tuple(ids)] == pytest.approx(max(weights.values()))
        ((_, prediction),) = predict(network, decoder, *arguments, trim=trim)
        for span, probability in zip(prediction.spans, prediction.probabilities, strict=True):
            inside = slice(span.start, span.end)
            mass = sum(w for path, w in weights.items() if list(path[inside]) == ids[inside])
            assert probability == pytest.approx(mass / sum(weights.values()), rel=1e-4)
            n_spans += 1
    assert n_spans > 3


@pytest.mark.parametrize("margin", [0.0, 0.5, np.inf])
def test_sentences_whose_tags_hang_by_little_are_computed_exactly(
    tagger, sentences, margin, monkeypatch
):
    monkeypatch.setattr(prediction, "SURE", margin)
    weights = {name: value.numpy() for name, value in tagger.state_dict().items()}
    rounding, decoder = NumpyNetwork(weights, "int8"), decoder_of(tagger)
    offsets, forms, features = encoded(sentences, tagger)
    projected = rounding.project(np.arange(len(features.words)), features)
    again = set()
    for batch in emit(rounding, decoder, projected, forms.astype(np.int64), offsets, 16):
        tokens = [np.arange(*offsets[number : number + 2]) for number in batch.sentences]
        rows = forms[np.concatenate(tokens)].astype(np.int64)
        assert np.diff(batch.offsets).tolist() == list(map(len, tokens))
        tags, margins = decoder.decode(batch.emissions, batch.offsets)
        assert tags.tolist() == batch.tags.tolist()
        one, other = (
            network.emit(projected, rows, batch.offsets) for network in (rounding, rounding.exact)
        )
        assert np.abs(one - other).max() > 1e-4
        if np.allclose(batch.emissions, other, atol=1e-5):
            again.update(batch.sentences.tolist())
        else:
            assert np.allclose(batch.emissions, one, atol=1e-5)
            assert margins.min() >= margin
            assert not again  # they come last
    if margin == 0:
        assert not again
    elif np.isinf(margin):
        assert len(again) == len(sentences) - 1  # all that have tokens
    else:
        assert 0 < len(again) < len(sentences) - 1
