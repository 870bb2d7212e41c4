import pytest
import torch

from kakehashi.config.settings import ModelSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.model.tagger import Tagger
from kakehashi.tags import Tagset
from kakehashi.training.optimizer import Optimization


def make_tagger():
    torch.manual_seed(0)
    widths = {"word_width": 3, "word_lstm_width": 3, "char_width": 2, "char_lstm_width": 2}
    vocabulary = Vocabulary(["a", "b", "c"])
    return Tagger(ModelSettings(**widths), vocabulary, vocabulary, Tagset(("X",)))


def loss_of(tagger, rows):
    rows = torch.tensor(rows)
    dense = sum(p.square().sum() for n, p in tagger.named_parameters() if "embedding" not in n)
    return dense + tagger.word.embedding(rows).square().sum()


def test_only_touched_rows_change():
    tagger = make_tagger()
    before = tagger.word.embedding.weight.detach().clone()
    optimization = Optimization(tagger, 0.1, 5.0)
    for _ in range(3):
        optimization.step(loss_of(tagger, [1, 3]))
    changed = (tagger.word.embedding.weight != before).any(1)
    assert changed.tolist() == [False, True, False, True]


def test_where_every_row_is_touched_it_is_adam():
    ours, reference = make_tagger(), make_tagger()
    optimization = Optimization(ours, 0.05, 1.0)
    adam = torch.optim.Adam(reference.parameters(), lr=0.05)
    for _ in range(5):
        optimization.step(loss_of(ours, [0, 1, 2, 3]))
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
    optimization = Optimization(tagger, 0.1, clip_norm)
    loss = loss_of(tagger, [0, 1])
    optimization.step(loss)
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
    optimization = Optimization(whole, 0.1, 5.0)
    for _ in range(5):
        optimization.step(loss_of(whole, [1, 2]))
    first = Optimization(parted, 0.1, 5.0)
    for _ in range(3):
        first.step(loss_of(parted, [1, 2]))
    second = Optimization(parted, 0.1, 5.0)
    second.restore({name: value.clone() for name, value in first.moments().items()})
    for _ in range(2):
        second.step(loss_of(parted, [1, 2]))
    for name, parameter in whole.named_parameters():
        assert torch.equal(parted.get_parameter(name), parameter), name
