import pytest
import torch

from kakehashi.config.architecture import ModelSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.model.tagger import Tagger
from kakehashi.tags import Tagset
from kakehashi.training.optimizer import Optimizer, RowAdam


def make_tagger():
    torch.manual_seed(0)
    widths = {"word_width": 3, "word_lstm_width": 3, "char_width": 2, "char_lstm_width": 2}
    vocabulary = Vocabulary(["a", "b", "c"])
    return Tagger(ModelSettings(**widths), vocabulary, vocabulary, Tagset(("X",)))


def loss_of(tagger, rows):
    rows = torch.tensor(rows)
    dense = sum(p.square().sum() for n, p in tagger.named_parameters() if "embedding" not in n)
    return dense + tagger.word.embedding(rows).square().sum()


def step(optimizer, loss, norm=5.0):
    optimizer.zero_grad()
    loss.backward()
    optimizer.clip(norm)
    optimizer.step()


def test_only_touched_rows_change():
    tagger = make_tagger()
    before = tagger.word.embedding.weight.detach().clone()
    optimizer = Optimizer(tagger, 0.1)
    for _ in range(3):
        step(optimizer, loss_of(tagger, [1, 3]))
    changed = (tagger.word.embedding.weight != before).any(1)
    assert changed.tolist() == [False, True, False, True]


def test_where_every_row_is_touched_it_is_adam():
    ours, reference = make_tagger(), make_tagger()
    optimizer = Optimizer(ours, 0.05)
    adam = torch.optim.Adam(reference.parameters(), lr=0.05)
    for _ in range(5):
        step(optimizer, loss_of(ours, [0, 1, 2, 3]), 1.0)
        adam.zero_grad()
        loss_of(reference, [0, 1, 2, 3]).backward()
        for parameter in reference.parameters():
            if parameter.grad is not None and parameter.grad.is_sparse:
                parameter.grad = parameter.grad.to_dense()
        torch.nn.utils.clip_grad_norm_(reference.parameters(), 1.0)
        adam.step()
    for name, parameter in reference.named_parameters():
        assert torch.allclose(ours.get_parameter(name), parameter, atol=1e-4), name


@pytest.mark.parametrize("clip_norm", [0.01, 1e9])
def test_long_gradients_are_scaled_down_and_short_ones_are_not(clip_norm):
    tagger = make_tagger()
    optimizer = Optimizer(tagger, 0.1)
    loss = loss_of(tagger, [0, 1])
    step(optimizer, loss, clip_norm)
    parts = [p.grad for p in tagger.parameters() if p.grad is not None]
    values = [part.coalesce().values() if part.is_sparse else part for part in parts]
    length = torch.nn.utils.get_total_norm(values)
    if clip_norm < 1:
        assert length == pytest.approx(clip_norm, rel=1e-3)
    else:
        # The gradient of a sum of squares is twice the parameters.
        assert length == pytest.approx(2 * loss.detach().sqrt().item(), rel=1e-4)


def test_it_goes_on_with_its_moments_to_the_bit():
    whole, parted = make_tagger(), make_tagger()
    optimizer = Optimizer(whole, 0.1)
    for _ in range(5):
        step(optimizer, loss_of(whole, [1, 2]))
    first = Optimizer(parted, 0.1)
    for _ in range(3):
        step(first, loss_of(parted, [1, 2]))
    second = Optimizer(parted, 0.1)
    second.load_state_dict({name: value.clone() for name, value in first.state_dict().items()})
    for _ in range(2):
        step(second, loss_of(parted, [1, 2]))
    for name, parameter in whole.named_parameters():
        assert torch.equal(parted.get_parameter(name), parameter), name


def gradient(rows, width):
    values = torch.randn(len(rows), width)
    return torch.sparse_coo_tensor([rows], values, (6, width), check_invariants=True).coalesce()


def test_rows_have_sparse_adam_to_the_bit_and_it_continues_where_it_stopped():
    torch.manual_seed(0)
    ours = [torch.randn(6, width, requires_grad=True) for width in (5, 3)]
    reference = [weight.detach().clone().requires_grad_() for weight in ours]
    row_adam, adam = RowAdam(ours, 0.1), torch.optim.SparseAdam(reference, lr=0.1)
    for touched in ([0, 2, 5], None), ([2], [1]), ([1, 2, 3], [1, 4]), (None, [0]):
        for one, other, rows in zip(ours, reference, touched, strict=True):
            one.grad = other.grad = None if rows is None else gradient(rows, one.shape[1])
        row_adam.step()
        adam.step()
        again = RowAdam(ours, 0.1)
        again.load_state_dict(row_adam.state_dict())
        row_adam = again
    for one, other in zip(ours, reference, strict=True):
        assert torch.equal(one, other)
