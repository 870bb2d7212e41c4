import itertools
import math
import random

import numpy as np
import pytest
import torch

from kakehashi.data.encode import encode
from kakehashi.data.vocabulary import Channels, featurize
from kakehashi.model.torch_network import decoder_of, network_of
from kakehashi.runtime.prediction import predict, predict_spans
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


def test_probabilities_are_those_of_the_tags(tagger, sentences):
    """Against the definition: all tag sequences of a short sentence, enumerated."""
    corpus = encoded(sentences[2:3], tagger)  # three tokens
    offsets, forms, features = corpus
    network, decoder = parts(tagger)
    projected = network.project(np.arange(len(features.words)), features)
    arguments = projected, forms.astype(np.int64), offsets
    ((_, prediction),) = predict(network, decoder, *arguments)
    weights = {}
    from kakehashi.data.batches import make_batch

    batch = make_batch(np.array([0]), *corpus)
    emissions = tagger(batch).detach().double()
    n = len(tagger.tagset)
    moves = torch.zeros(n + 1, n + 1, dtype=torch.double)
    if tagger.crf is not None:
        moves = tagger.crf.transitions.detach().double()
        moves = moves.masked_fill(~torch.from_numpy(tagger.tagset.transitions()), -math.inf)
    for path in np.ndindex(n, n, n):
        steps = [n, *path, n]
        score = sum(moves[a, b] for a, b in itertools.pairwise(steps))
        weights[path] = math.exp(score + sum(emissions[i, t] for i, t in enumerate(path)))
    total = sum(weights.values())
    ids = decoder.decode(network.emit(*arguments), offsets).tolist()
    assert weights[tuple(ids)] == pytest.approx(max(weights.values()))
    for span, probability in zip(prediction.spans, prediction.probabilities, strict=True):
        inside = slice(span.start, span.end)
        mass = sum(w for path, w in weights.items() if list(path[inside]) == ids[inside])
        assert probability == pytest.approx(mass / total, rel=1e-4)
