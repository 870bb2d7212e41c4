"""The CRF against all tag sequences written out, for few tags and short sentences."""

from itertools import pairwise, product

import pytest
import torch

from kakehashi.model.crf import Crf, SoftTags
from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.tags import Tagset

LENGTHS = [3, 1, 4, 2, 4, 1]
RAGGED = RaggedOrder(LENGTHS)
SENTENCES = torch.arange(sum(LENGTHS)).split(LENGTHS)
TAGSETS = [Tagset(("A", "B")), Tagset(("A",), "iobes")]


@pytest.fixture(params=TAGSETS, ids=lambda tagset: tagset.scheme)
def case(request):
    """A CRF with random transitions, and emissions of some sentences."""
    torch.manual_seed(0)
    crf = Crf(request.param.transitions())
    torch.nn.init.normal_(crf.transitions)
    return crf, torch.randn(sum(LENGTHS), len(request.param))


def score_all(crf, emissions):
    """Score every legal tag sequence of one sentence, one term at a time, in float64."""
    n_tags = len(crf.allowed) - 1
    transitions, allowed = crf.transitions.double(), crf.allowed
    scores = {}
    for tags in product(range(n_tags), repeat=len(emissions)):
        steps = list(pairwise([n_tags, *tags, n_tags]))
        if all(allowed[step] for step in steps):
            terms = [transitions[step] for step in steps]
            terms += [row[tag] for row, tag in zip(emissions.double(), tags, strict=True)]
            scores[tags] = torch.stack(terms).sum()
    return scores


def score_sentences(crf, emissions):
    return [score_all(crf, emissions[tokens]) for tokens in SENTENCES]


def choose(scores, place):
    """Take some legal sequence of each sentence, not the best in general."""
    return [sorted(every)[place % len(every)] for every in scores]


def flat(sequences):
    return torch.tensor([tag for tags in sequences for tag in tags])


def test_loss_is_the_negative_log_likelihood_per_token(case):
    crf, emissions = case
    scores = score_sentences(crf, emissions)
    for place in (0, 1, 7, 50):
        gold = choose(scores, place)
        expected = sum(
            torch.stack(list(every.values())).logsumexp(0) - every[tags]
            for every, tags in zip(scores, gold, strict=True)
        ) / sum(LENGTHS)
        loss = crf.loss(emissions, flat(gold), RAGGED)
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_gradients_are_those_of_small_steps(case):
    crf, emissions = case
    crf.double()
    gold = flat(choose(score_sentences(crf, emissions), 5))
    emissions = emissions.double().requires_grad_()

    def run(emissions, transitions):  # gradcheck changes the transitions where they are
        return crf.loss(emissions, gold, RAGGED)

    assert torch.autograd.gradcheck(run, [emissions, crf.transitions])


def soft_tags(n_tags, kept):
    """Some tags of each token but those of the second sentence, with shares that add up to 1."""
    shares, ids = torch.rand(sum(LENGTHS), n_tags).topk(kept)
    shares /= shares.sum(1, keepdim=True)
    shares[SENTENCES[1]] = 0
    return SoftTags(ids, shares.double())


def test_marginal_loss_is_the_cross_entropy_to_the_probability_of_each_tag(case):
    crf, emissions = case
    soft = soft_tags(len(crf.allowed) - 1, 3)
    marginals = torch.zeros(emissions.shape, dtype=torch.float64)
    for tokens, scores in zip(SENTENCES, score_sentences(crf, emissions), strict=True):
        total = torch.stack(list(scores.values())).logsumexp(0)
        for tags, score in scores.items():
            marginals[tokens, list(tags)] += (score - total).detach().exp()
    expected = -(soft.weights * marginals.log().clamp(min=-50).gather(1, soft.ids)).sum()
    loss = crf.marginal_loss(emissions, RAGGED, soft)
    assert loss.item() == pytest.approx(expected.item() / sum(LENGTHS), rel=1e-6)


def test_gradients_of_the_marginal_loss_are_those_of_small_steps(case):
    crf, emissions = case
    crf.double()
    soft = soft_tags(len(crf.allowed) - 1, 2)
    emissions = emissions.double().requires_grad_()

    def run(emissions, transitions):
        return crf.marginal_loss(emissions, RAGGED, soft)

    assert torch.autograd.gradcheck(run, [emissions, crf.transitions])


def test_extreme_emissions_leave_no_nan_in_the_marginal_loss(case):
    crf, emissions = case
    emissions = (1e6 * emissions).requires_grad_()
    crf.marginal_loss(emissions, RAGGED, soft_tags(len(crf.allowed) - 1, 3)).backward()
    assert emissions.grad.isfinite().all()
    assert crf.transitions.grad.isfinite().all()


def test_forbidden_transitions_get_no_gradient(case):
    crf, emissions = case
    crf.loss(emissions, flat(choose(score_sentences(crf, emissions), 5)), RAGGED).backward()
    assert crf.transitions.grad.isfinite().all()
    assert not crf.transitions.grad[~crf.allowed].any()
    assert crf.transitions.grad[crf.allowed].any()


def test_large_and_extreme_emissions_stay_finite_and_right(case):
    crf, emissions = case
    emissions = 50 * emissions
    scores = score_sentences(crf, emissions)
    gold = choose(scores, 5)
    expected = sum(
        torch.stack(list(every.values())).logsumexp(0) - every[tags]
        for every, tags in zip(scores, gold, strict=True)
    ) / sum(LENGTHS)
    emissions.requires_grad_()
    loss = crf.loss(emissions, flat(gold), RAGGED)
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert emissions.grad.isfinite().all()


def test_extreme_emissions_leave_no_nan(case):
    crf, emissions = case
    gold = flat(choose(score_sentences(crf, emissions), 5))
    emissions = (1e6 * emissions).requires_grad_()
    crf.loss(emissions, gold, RAGGED).backward()
    assert emissions.grad.isfinite().all()
    assert crf.transitions.grad.isfinite().all()


def test_only_the_transitions_are_stored():
    crf = Crf(TAGSETS[0].transitions())
    assert list(crf.state_dict()) == ["transitions"]
    assert crf.transitions.shape == (6, 6)
    assert not crf.transitions.any()


def loss_and_gradients(crf, emissions, weights):
    gold = flat(choose(score_sentences(crf, torch.zeros_like(emissions)), 5))
    emissions = emissions.clone().requires_grad_()
    loss = crf.loss(emissions, gold, RAGGED, weights)
    return loss, *torch.autograd.grad(loss, [emissions, crf.transitions])


@pytest.mark.parametrize("size", [1, 1e6])
@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 0.5, 2, 0, 1, 3])])
def test_machine_code_gives_the_loss_and_the_gradients_of_torch(case, size, weights, monkeypatch):
    """Also of emissions so large that sums of powers vanish, of which torch takes logarithms."""
    crf, emissions = case
    found = loss_and_gradients(crf, size * emissions, weights)
    monkeypatch.setattr("kakehashi.model.crf.is_compiled", lambda: False)
    for one, other in zip(found, loss_and_gradients(crf, size * emissions, weights), strict=True):
        assert other.isfinite().all()
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
