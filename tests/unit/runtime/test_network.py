"""The network in numpy and machine code against the tagger of torch: emissions."""

import random

import numpy as np
import pytest
import torch

from kakehashi.data.batches import make_batch
from kakehashi.data.encode import encode
from kakehashi.data.vectors import Vectors
from kakehashi.data.vocabulary import Channels, featurize
from kakehashi.model.torch_network import TorchNetwork, network_of
from kakehashi.runtime import steps
from kakehashi.sentence import sentence_from_forms

WORDS = ["ba", "ben", "gil", "ko", "du", "ken", "x"]


@pytest.fixture(params=[False, True], ids=["numpy", "machine code"], autouse=True)
def kernel(request, monkeypatch):
    kernels = None
    if request.param:
        pytest.importorskip("numba", reason="machine code needs the extra 'fast'")
        from kakehashi.runtime import kernels
    monkeypatch.setattr(steps, "machine_code", lambda n: kernels)


@pytest.fixture(params=["vectors of 32 bits", "of 8 bits", "character CNN"])
def tagger(request, make_tagger):
    n_compact = 2 if request.param == "of 8 bits" else 0
    settings = {"word_width": 6, "word_lstm_width": 19, "char_lstm_width": 5}
    if request.param == "character CNN":
        settings |= {"char_encoder": "cnn", "char_filters": 7}
    tagger = make_tagger(WORDS[:5], ["ba", "en", "ko"], ("LOC",), n_compact=n_compact, **settings)
    matrix = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6)
    tagger.take_vectors(Vectors({"ko": 0, "du": 1}, matrix))
    with torch.no_grad():
        tagger.word.lstm.weight_hh_l0.mul_(8)  # so that steps matter
    return tagger


@pytest.mark.parametrize("lengths", [[1], [7], [9, 4, 4, 2, 1]], ids=str)
def test_emissions_are_those_of_torch(tagger, lengths):
    random_ = random.Random(0)
    sentences = [sentence_from_forms(random_.choices(WORDS, k=n)) for n in lengths]
    forms = {}
    corpus = encode(sentences, forms)
    features = featurize(forms, Channels(), tagger.words, tagger.ngrams)
    batch = make_batch(np.arange(len(lengths)), corpus.offsets, corpus.forms, features)
    expected = tagger(batch).detach().numpy()
    rows = corpus.forms.astype(np.int64)
    for network in (network_of(tagger), TorchNetwork(tagger)):
        projected = network.project(np.arange(len(forms)), features)
        found = network.emit(projected, rows, corpus.offsets)
        np.testing.assert_allclose(found, expected, atol=1e-5)
