"""Our LSTM against torch's, which has the same parameters, and the order of ragged sequences."""

import numpy as np
import pytest
import torch
from torch import nn

from kakehashi.model.lstm import BiLstm
from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.runtime.steps import multiplies_bfloat16

LENGTHS = [2, 4, 1, 4, 3]


def test_steps_order_has_the_items_of_each_step_longest_sequence_first():
    ragged = RaggedOrder(LENGTHS)
    starts = np.cumsum(LENGTHS) - LENGTHS
    ranked = [1, 3, 4, 0, 2]
    forward, backward = [], []
    for step in range(4):
        running = [s for s in ranked if LENGTHS[s] > step]
        forward += [starts[s] + step for s in running]
        backward += [starts[s] + LENGTHS[s] - 1 - step for s in running]
    assert ragged.order.tolist() == [forward, backward]
    assert ragged.sizes == [5, 4, 3, 2]
    assert (ragged.n_items, ragged.n_sequences) == (14, 5)


def test_items_and_final_states_follow_the_order_of_both_directions():
    ragged = RaggedOrder(LENGTHS)
    flat = torch.stack([ragged.order[0] * 2, ragged.order[1] * 2 + 1]).view(-1)
    assert flat[ragged.items].tolist() == list(range(28))
    flat = ragged.order.view(-1)
    pairs = flat[ragged.final].view(-1, 2)
    assert pairs[:, 0].tolist() == ragged.last.tolist() == [1, 5, 6, 10, 13]
    assert pairs[:, 1].tolist() == ragged.first.tolist() == [0, 2, 6, 7, 11]
    for direction, way in ((0, 1), (1, -1)):
        order = ragged.order[direction]
        assert (order[5:] - order[ragged.previous]).tolist() == [way] * 9


@pytest.mark.parametrize(
    ("lengths", "came"), [([], "no sequence"), ([2, 0, 1], "length 0"), ([-1], "length -1")]
)
def test_empty_sequences_are_refused(lengths, came):
    with pytest.raises(ValueError, match=f"at least one item, got {came}; leave"):
        RaggedOrder(lengths)


RAGGED = [[1], [1, 1, 1], [4, 4, 4], [3, 1, 7, 2, 7, 5], list(range(1, 31))]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"], autouse=True)
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_pair():
    def make(input_width, width, dtype=torch.float32, seed=0):
        torch.manual_seed(seed)
        ours = BiLstm(input_width, width).to(dtype)
        theirs = nn.LSTM(input_width, width, bidirectional=True).to(dtype)
        theirs.load_state_dict(ours.state_dict())
        return ours, theirs

    return make


def run_reference(lstm, inputs, lengths):
    packed = nn.utils.rnn.pack_sequence(inputs.split(lengths), enforce_sorted=False)
    states, (final, _) = lstm(packed)
    rows, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
    flat = torch.cat([row[:length] for row, length in zip(rows, lengths, strict=True)])
    return flat, torch.cat([final[0], final[1]], dim=1)


def assert_all_close(ours, theirs, tolerance):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("kernel", ["fused", "fused, not compiled", "torch"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("lengths", RAGGED, ids=str)
def test_states_and_gradients_are_those_of_torch(make_pair, lengths, dtype, kernel, monkeypatch):
    ours, theirs = make_pair(6, 5, dtype)
    if kernel == "fused, not compiled":
        monkeypatch.setattr("kakehashi.model.lstm.is_compiled", lambda: False)
    else:
        ours.kernel = kernel
    inputs = torch.randn(sum(lengths), 6, dtype=dtype, requires_grad=True)
    ragged = RaggedOrder(lengths)
    results = {
        "ours": (ours(inputs, ragged), ours.final_states(inputs, ragged)),
        "theirs": run_reference(theirs, inputs, lengths),
    }
    assert_all_close(results["ours"], results["theirs"], TOLERANCE[dtype])
    outside = [torch.randn_like(states) for states in results["ours"]]
    gradients = {
        name: torch.autograd.grad(results[name], [inputs, *lstm.parameters()], outside)
        for name, lstm in (("ours", ours), ("theirs", theirs))
    }
    assert_all_close(gradients["ours"], gradients["theirs"], TOLERANCE[dtype])


@pytest.mark.parametrize("kernel", ["fused", "torch"])
def test_distinct_rows_give_what_the_rows_laid_out_give(make_pair, kernel):
    ours, _ = make_pair(4, 3)
    ours.kernel = kernel
    ragged = RaggedOrder([3, 1, 4])
    rows = torch.tensor([2, 0, 2, 2, 1, 0, 3, 2])
    distinct = torch.randn(5, 4, requires_grad=True)  # one of them is not used
    results = [
        (ours(distinct, ragged, rows), ours.final_states(distinct, ragged, rows)),
        (ours(distinct[rows], ragged), ours.final_states(distinct[rows], ragged)),
    ]
    assert_all_close(*results, 1e-6)
    outside = [torch.randn_like(states) for states in results[0]]
    sources = [distinct, *ours.parameters()]
    assert_all_close(*(torch.autograd.grad(r, sources, outside) for r in results), 1e-5)


def test_order_of_sequences_does_not_matter(make_pair):
    ours, _ = make_pair(4, 3)
    lengths = [5, 2, 7, 1, 2, 6]
    items = torch.randn(sum(lengths), 4).split(lengths)
    shuffled = [4, 0, 3, 5, 1, 2]
    ragged = RaggedOrder([lengths[s] for s in shuffled])
    there = ours(torch.cat([items[s] for s in shuffled]), ragged)
    states = ours(torch.cat(items), RaggedOrder(lengths)).split(lengths)
    expected = torch.cat([states[s] for s in shuffled])
    torch.testing.assert_close(there, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("lengths", [[5, 2, 3], [10]], ids=str)
@pytest.mark.parametrize("kernel", ["fused", "torch"])
def test_without_gradients_the_states_are_the_same(make_pair, lengths, kernel):
    ours, _ = make_pair(5, 4)
    ours.kernel = kernel
    ragged, inputs = RaggedOrder(lengths), torch.randn(6, 5)
    rows = torch.tensor([0, 5, 3, 3, 2, 5, 1, 0, 4, 4])
    training = ours(inputs, ragged, rows)
    with torch.inference_mode():
        plain = ours(inputs, ragged, rows)
        projected = ours.states_of(ours.project(inputs), rows, lengths)
    assert not inputs.requires_grad
    assert_all_close([plain, projected], [training, training], 1e-6)


@pytest.mark.parametrize("change", ["in place", "loaded", "cast", "made for inference"])
def test_tagging_sees_every_change_of_the_weights(make_pair, change):
    ours, _ = make_pair(4, 3)
    ragged, inputs = RaggedOrder([5, 2, 3]), torch.randn(10, 4)
    with torch.no_grad():
        ours(inputs, ragged)
        if change == "in place":
            ours.weight_hh_l0_reverse.mul_(2)
        elif change == "loaded":
            ours.load_state_dict(BiLstm(4, 3).state_dict())
        elif change == "cast":
            ours.half().float()
    if change == "made for inference":
        with torch.inference_mode():
            ours = BiLstm(4, 3)
            ours(inputs, ragged)
            ours.weight_ih_l0.mul_(2)
    with torch.inference_mode():
        seen = ours(inputs, ragged)
        ours.kernel = "torch"
        torch.testing.assert_close(seen, ours(inputs, ragged), atol=1e-6, rtol=1e-6)


@pytest.mark.skipif(not multiplies_bfloat16(), reason="this processor has no AVX512-BF16")
@pytest.mark.parametrize("width", [5, 16, 72, 101])
def test_bfloat16_is_near(make_pair, width):
    ours, _ = make_pair(50, width)
    ragged = RaggedOrder([9] * 30 + [4] * 10)
    inputs = torch.randn(ragged.n_items, 50, requires_grad=True)
    outside = torch.randn(ragged.n_items, 2 * width)
    sources = [inputs, *ours.parameters()]
    results = {}
    for is_rough in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=is_rough):
            states = ours(inputs, ragged)
        results[is_rough] = [states, *torch.autograd.grad(states, sources, outside)]
    for near, exact in zip(results[True], results[False], strict=True):
        assert near.dtype is torch.float32
        assert 1e-5 < (near - exact).norm() / exact.norm() < 0.01


def test_autocast_changes_nothing_where_bfloat16_is_not_multiplied(make_pair, monkeypatch):
    ours, _ = make_pair(6, 5)
    monkeypatch.setattr("kakehashi.model.lstm.multiplies_bfloat16", lambda: False)
    ragged, inputs = RaggedOrder([4, 2]), torch.randn(6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        states = ours(inputs, ragged)
    torch.testing.assert_close(states, ours(inputs, ragged), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1e-8, -1e-4, 0.3, -2.0, 9.0, 40.0, -90.0, 1e30, -1e30]
)
def test_states_and_gradients_of_large_gates_are_those_of_torch(make_pair, value):
    ours, theirs = make_pair(1, 5)
    for lstm in (ours, theirs):
        for name, weight in lstm.named_parameters():
            torch.nn.init.constant_(weight, value if name.startswith("bias_ih") else 0.1)
    inputs = torch.full((7, 1), 0.5, requires_grad=True)
    states = ours(inputs, RaggedOrder([4, 3])), run_reference(theirs, inputs, [4, 3])[0]
    assert_all_close(states[:1], states[1:], 1e-6)
    outside = torch.ones_like(states[0])
    gradients = [
        torch.autograd.grad(found, [inputs, *lstm.parameters()], outside)
        for lstm, found in zip((ours, theirs), states, strict=True)
    ]
    assert_all_close(*gradients, 1e-5)


def test_weights_go_to_torch_and_back():
    torch.manual_seed(3)
    ours = BiLstm(4, 3)
    torch.manual_seed(3)
    theirs = nn.LSTM(4, 3, bidirectional=True)
    assert {k: v.tolist() for k, v in ours.state_dict().items()} == {
        k: v.tolist() for k, v in theirs.state_dict().items()
    }
    again = BiLstm(4, 3)
    again.load_state_dict(theirs.state_dict())
    assert torch.equal(again.weight_ih_l0_reverse, ours.weight_ih_l0_reverse)


def test_a_second_backward_and_an_array_of_lengths_give_the_same(make_pair):
    ours, _ = make_pair(4, 3)
    total = ours(torch.randn(6, 4), RaggedOrder([4, 2])).sum()
    first = torch.autograd.grad(total, list(ours.parameters()), retain_graph=True)
    again = torch.autograd.grad(total, list(ours.parameters()))
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    ours, _ = make_pair(4, 3)
    inputs = torch.randn(3, 4)
    assert torch.equal(
        ours(inputs, RaggedOrder(np.array([1, 2], dtype=np.int32))),
        ours(inputs, RaggedOrder([1, 2])),
    )


def test_tagging_after_a_fused_optimizer_sees_the_new_weights():
    """Fused Adam does not count versions of what it changes; changing the mode must do."""
    torch.manual_seed(0)
    lstm, ragged, inputs = BiLstm(3, 4), RaggedOrder([2, 1]), torch.randn(3, 3)
    optimizer = torch.optim.Adam(lstm.parameters(), lr=0.5, fused=True)
    with torch.no_grad():
        before = lstm.eval()(inputs, ragged)
    lstm.train()(inputs, ragged).sum().backward()
    optimizer.step()
    with torch.no_grad():
        after = lstm.eval()(inputs, ragged)
    assert not torch.allclose(before, after)
    assert torch.allclose(after, lstm(inputs, ragged))


def test_each_gradient_has_its_own_memory():
    """Or who scales them in place would scale those of the biases twice."""
    lstm = BiLstm(5, 20)
    lstm(torch.randn(5, 5), RaggedOrder([3, 2])).sum().backward()
    gradients = [weight.grad for weight in lstm.parameters()]
    assert len({each.data_ptr() for each in gradients}) == len(gradients) == 8
