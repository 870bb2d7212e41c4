"""Training and tagging on a device that computes nothing, and refuses what a GPU would stop for.

Fake tensors know their shape and device, and no number. They refuse tensors of another device, and
whatever depends on a number: what they let pass, a GPU does while nobody waits for it.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensor, FakeTensorMode

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.settings import TrainingSettings
from kakehashi.data.dataset import prepare
from kakehashi.errors import ConfigError
from kakehashi.model.tagger import Tagger
from kakehashi.model.torch_network import network_of
from kakehashi.progress import Progress
from kakehashi.runtime.model_folder import read_model
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.sentence import Span, sentence_from_forms
from kakehashi.training.trainer import Trainer

ELSEWHERE = torch.device("meta")  # fake tensors of a GPU need a torch that was built for one


def packed_lstm(inputs, sizes, states, weights, *_):
    """Stand in for `torch.lstm`, which looks at ``sizes``; takes what that takes."""
    assert sizes.device.type == "cpu"
    assert inputs.dtype is torch.float32
    found = []
    for direction, (into, between, *biases) in enumerate((weights[:4], weights[4:])):
        gates = torch.addmm(sum(biases), inputs, into.t()) + states[0][direction, :1] @ between.t()
        found.append(gates[:, : between.shape[1]].tanh())
    return torch.cat(found, 1), *states


@pytest.fixture
def elsewhere(monkeypatch):
    adam = sys.modules[torch.optim.Adam.__module__]
    monkeypatch.setattr(adam, "_device_dtype_check_for_fused", lambda *_: None)
    monkeypatch.setattr(torch, "lstm", packed_lstm)
    return FakeTensorMode(allow_non_fake_inputs=True)


@pytest.fixture(params=["softmax", "crf", "character CNN"])
def prepared(request):
    settings = {"char_encoder": "cnn"} if request.param == "character CNN" else {}
    settings |= {"decoder": "crf"} if request.param == "crf" else {}
    forms, spans = ["sato", "to", "sato", "kyo"], [Span(0, 1, "PER")]
    sentences = [sentence_from_forms(forms[: n % 4 + 1], spans) for n in range(40)]
    widths = {"word_width": 6, "word_lstm_width": 5, "char_width": 4, "char_lstm_width": 3}
    model = ModelSettings(**widths, **settings)
    data = prepare(sentences, sentences, sentences, model)
    return data, Tagger(model, data.words, data.ngrams, data.tagset).to(ELSEWHERE)


class Finished(Progress):
    epochs = 0

    def track(self, items, label, total=None):
        yield from items
        self.epochs += 1


def test_an_epoch_waits_for_the_device_only_at_its_end(prepared, elsewhere, monkeypatch):
    data, tagger = prepared

    def backward(loss):
        """Accumulate, without forgetting the rows of sparse fake gradients as torch does."""
        parameters = list(tagger.parameters())
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            parameter.grad = gradient if gradient.is_sparse else gradient.clone()

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    progress = Finished()
    trainer = Trainer(tagger, data, TrainingSettings(batch_tokens=10), progress)
    with elsewhere, pytest.raises(DataDependentOutputException, match="_local_scalar_dense"):
        list(trainer.train_epoch())
    assert progress.epochs == 1
    assert {parameter.grad.device for parameter in tagger.parameters()} == {ELSEWHERE}
    assert 0 < len(tagger.word.embedding.weight.grad._values()) <= len(data.words)  # each once
    moments = trainer.optimizer.state_dict()
    assert {moments[name].device for name in moments if "exp_avg" in name} == {ELSEWHERE}


def test_emissions_are_computed_where_the_model_is(prepared, elsewhere, monkeypatch):
    def array(tensor, dtype=None, copy=None):
        assert tensor.device.type == "cpu"
        return np.ones(tensor.shape, dtype or str(tensor.dtype).removeprefix("torch."))

    monkeypatch.setattr(FakeTensor, "__array__", array)
    data, tagger = prepared
    network = network_of(tagger)
    with elsewhere:
        projected = network.project(np.array([2, 0]), data.features)
        emissions = network.emit(projected, np.array([1, 0, 1, 0]), np.array([0, 3, 4]))
    assert projected.shape[0] == 2
    assert emissions.shape == (4, len(data.tagset))


def test_faster_products_are_for_the_cpu():
    model = read_model(Path(__file__).parents[1] / "golden/models/en")
    with pytest.raises(ConfigError, match="int8 is for the cpu; on a GPU use float32"):
        Recognizer(model, precision="int8", device="cuda")


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="device: cuda:9 is not there"):
        Recognizer.load(Path(__file__).parents[1] / "golden/models/en", device="cuda:9")
