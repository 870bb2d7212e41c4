"""Dropout and the vectors of words against what they promise."""

import numpy as np
import pytest
import torch

from kakehashi.data.vectors import Vectors
from kakehashi.model.tagger import Dropout


@pytest.mark.parametrize("n_compact", [0, 2])
def test_words_start_from_their_vectors_those_not_seen_in_training_in_8_bits(
    make_tagger, n_compact
):
    words = ["a", "b", "c", "d"]
    tagger = make_tagger(words, ["x"], ["LOC"], n_seen=2, n_compact=n_compact)
    drawn = tagger.word.embedding.weight.detach().clone()
    matrix = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    tagger.take_vectors(Vectors({"d": 0, "a": 1, "c": 2}, matrix))
    embedded = tagger.word.embed(torch.arange(5), torch.zeros(5, 6))[:, :6]
    unknown, a, b, *others = embedded
    assert torch.equal(unknown, torch.zeros(6))
    assert torch.equal(a, torch.from_numpy(matrix[1]))
    assert torch.equal(b, drawn[2])
    for found, expected in zip(others, matrix[[2, 0]], strict=True):
        off = np.abs(found.detach().numpy() - expected).max()
        assert off <= (np.abs(expected).max() / 253 if n_compact else 0)
        assert (off > 0) == bool(n_compact)
    trained = {name for name, _ in tagger.named_parameters() if name.startswith("word.vec")}
    assert not trained


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.9])
def test_a_share_is_dropped_and_the_rest_scaled(rate):
    torch.manual_seed(0)
    inputs = torch.ones(999, 101, requires_grad=True)
    outputs = Dropout(rate).train()(inputs)
    kept = outputs != 0
    assert kept.float().mean().item() == pytest.approx(1 - rate, abs=0.01)
    assert outputs[kept].unique().tolist() == pytest.approx([1 / (1 - rate)], rel=1e-4)
    outputs.sum().backward()
    assert torch.equal(inputs.grad, outputs)


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    kept = (Dropout(0.5).train()(torch.ones(400_000)) != 0).view(-1, 4).double()
    assert torch.corrcoef(kept.T).fill_diagonal_(0).abs().max() < 0.02
    assert kept.mean(0).sub(0.5).abs().max() < 0.01


def test_the_seed_decides_and_rate_0_drops_nothing():
    layer, inputs = Dropout(0.5).train(), torch.ones(1001)
    masks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        masks.append(layer(inputs))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    inputs = torch.randn(5)
    assert Dropout(0.5).eval()(inputs) is inputs
    assert Dropout(0.0).train()(inputs) is inputs


@pytest.mark.parametrize("width", [4, 5])
def test_parts_of_rows_are_dropped_as_the_whole_and_leave_the_same_random_state(width):
    layer, inputs = Dropout(0.5).train(), torch.ones(30, width)
    torch.manual_seed(0)
    whole = layer(inputs)
    state = torch.get_rng_state()
    for start, end in ((0, 30), (0, 7), (7, 23), (23, 30)):
        torch.manual_seed(0)
        layer.part = start, 30
        assert torch.equal(layer(inputs[start:end]), whole[start:end])
        assert torch.equal(torch.get_rng_state(), state)


def test_a_tagger_without_memory_draws_no_normal_numbers(make_tagger, monkeypatch):
    """For them torch would load all of its compiler, 70 MB, whenever a model is loaded."""
    monkeypatch.setattr(torch.nn.init, "normal_", None)
    with torch.device("meta"):
        assert make_tagger(["a"], ["b"], ["LOC"]).device.type == "meta"
