"""The baseline is our model: same weights, same numbers."""

import random

import numpy as np
import pytest
import torch

from benchmarks.baseline import BaselineModel, BaselineTraining, Items, collate, tag
from benchmarks.engine import encode_for
from kakehashi.config.architecture import ModelSettings
from kakehashi.config.settings import TrainingSettings
from kakehashi.data.batches import make_batch
from kakehashi.data.dataset import prepare
from kakehashi.model.torch_network import decoder_of, network_of
from kakehashi.runtime.prediction import predict_spans
from kakehashi.scoring.score import score_spans
from kakehashi.sentence import Span, sentence_from_forms
from kakehashi.training.initial import new_tagger

NAMES, PLACES = ["ada", "bob", "cleo", "dan"], ["oslo", "rome", "kyoto"]
WIDTHS = {"word_width": 8, "word_lstm_width": 12, "char_width": 6, "char_lstm_width": 5}


def sentences(count, seed):
    random_ = random.Random(seed)
    for _ in range(count):
        name, place = random_.choice(NAMES), random_.choice(PLACES)
        forms = [name, *["really"] * random_.randrange(4), "likes", place]
        spans = [Span(0, 1, "PER"), Span(len(forms) - 1, len(forms), "LOC")]
        yield sentence_from_forms(forms, spans)


@pytest.fixture
def model_settings():
    return ModelSettings(**WIDTHS, dropout=0.0)


@pytest.fixture
def data(model_settings):
    train, dev, test = (list(sentences(n, seed)) for n, seed in ((60, 1), (10, 2), (20, 3)))
    return prepare(train, dev, test, model_settings)


def both_batches(data):
    """The same sentences, flat and padded."""
    corpus = data.train
    tags = corpus.tag_ids(data.tagset).astype(np.int64)
    flat = make_batch(np.arange(len(corpus)), corpus.offsets, corpus.forms, data.features, tags)
    items = Items(corpus.forms, corpus.offsets, data.features, tags)
    return flat, collate([items[number] for number in range(len(items))])


def test_with_our_weights_emissions_loss_and_gradients_are_ours(data, model_settings):
    torch.manual_seed(0)
    tagger = new_tagger(data, model_settings)
    baseline = BaselineModel.from_tagger(tagger)
    flat, padded = both_batches(data)
    mask = torch.arange(padded.words.shape[1]) < padded.lengths[:, None]
    torch.testing.assert_close(baseline(padded)[mask], tagger(flat), atol=1e-5, rtol=1e-5)
    ours, theirs = tagger.loss(flat), baseline.loss(padded)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    ours.backward()
    theirs.backward()
    for one, other in (
        (tagger.char.embedding.weight.grad.to_dense(), baseline.char_embedding.weight.grad),
        (tagger.word.embedding.weight.grad.to_dense(), baseline.word_embedding.weight.grad),
        (tagger.char.lstm.weight_hh_l0.grad, baseline.char_lstm.weight_hh_l0.grad),
        (tagger.word.lstm.weight_ih_l0_reverse.grad, baseline.word_lstm.weight_ih_l0_reverse.grad),
        (tagger.dense.weight.grad, baseline.dense.weight.grad),
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def parts(tagger):
    return network_of(tagger), decoder_of(tagger)


def test_with_our_weights_it_finds_what_we_find(data, model_settings):
    torch.manual_seed(1)
    tagger = new_tagger(data, model_settings).eval()
    with torch.no_grad():
        tagger.dense.weight.mul_(20)  # so that it finds something
    corpus, features = encode_for(tagger, list(sentences(70, 4)))
    ours = predict_spans(*parts(tagger), corpus.offsets, corpus.forms, features)
    baseline = BaselineModel.from_tagger(tagger)
    assert sum(map(len, ours)) > 20
    assert tag(baseline, data.tagset, corpus.forms, corpus.offsets, features) == ours


def test_it_learns_and_gives_its_weights_back(data, model_settings):
    settings = TrainingSettings(epochs=80, seed=1)
    torch.manual_seed(1)
    tagger = new_tagger(data, model_settings)
    model = BaselineTraining(tagger, data, settings).run()
    test = data.test
    found = tag(model, data.tagset, test.forms, test.offsets, data.features)
    assert score_spans(test.spans, found).f1 > 95
    model.copy_to(tagger)
    again = predict_spans(*parts(tagger), test.offsets, test.forms, data.features)
    assert again == found
