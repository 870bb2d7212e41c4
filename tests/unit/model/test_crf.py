"""The CRF against all tag sequences written out, for few tags and short sentences."""

from itertools import pairwise, product

import pytest
import torch

from kakehashi.model.crf import Crf
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


def test_forbidden_transitions_get_no_gradient(case):
    crf, emissions = case
    crf.loss(emissions, flat(choose(score_sentences(crf, emissions), 5)), RAGGED).backward()
    assert crf.transitions.grad.isfinite().all()
    assert not crf.transitions.grad[~crf.allowed].any()
    assert crf.transitions.grad[crf.allowed].any()


def test_decoder_finds_the_best_legal_sequence(case):
    crf, emissions = case
    for _ in range(5):
        expected = [max(every, key=every.get) for every in score_sentences(crf, emissions)]
        assert crf.decode(emissions, RAGGED).tolist() == flat(expected).tolist()
        emissions = torch.randn_like(emissions) * 3


@pytest.mark.parametrize("strength", [1.0, 30.0, 1e30])
def test_decoder_never_takes_a_forbidden_step(case, strength):
    crf, emissions = case
    n_tags = emissions.shape[1]
    crf.transitions.data = torch.where(crf.allowed, -strength, strength)
    for seed in range(20):
        torch.manual_seed(seed)
        tags = crf.decode(strength * torch.randn(sum(LENGTHS), n_tags), RAGGED)
        for tokens in SENTENCES:
            steps = pairwise([n_tags, *tags[tokens].tolist(), n_tags])
            assert all(crf.allowed[step] for step in steps)


def test_probability_of_a_stretch_is_the_share_of_the_sequences_that_have_it(case):
    crf, emissions = case
    scores = score_sentences(crf, emissions)
    for place in (0, 3, 20):
        chosen = choose(scores, place)
        edges, expected = [], []
        for tokens, every, tags in zip(SENTENCES, scores, chosen, strict=True):
            total = torch.stack(list(every.values())).logsumexp(0)
            for start, end in product(range(len(tags)), range(1, len(tags) + 1)):
                if start < end:
                    edges.append((tokens[0] + start, tokens[0] + end))
                    having = [v for t, v in every.items() if t[start:end] == tags[start:end]]
                    expected.append((torch.stack(having).logsumexp(0) - total).exp().item())
        found = crf.probabilities(emissions, flat(chosen), torch.tensor(edges), RAGGED)
        assert found.tolist() == pytest.approx(expected, rel=1e-9)


def test_probabilities_of_no_stretch(case):
    crf, emissions = case
    edges = torch.zeros(0, 2, dtype=torch.int64)
    tags = crf.decode(emissions, RAGGED)
    assert crf.probabilities(emissions, tags, edges, RAGGED).tolist() == []


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


def test_the_decoder_finds_the_same_a_few_sentences_at_a_time(case, monkeypatch):
    crf, emissions = case
    whole = crf.decode(emissions, RAGGED)
    monkeypatch.setattr("kakehashi.model.crf._PAIRS_AT_ONCE", 2 * (len(crf.allowed) - 1) ** 2)
    assert torch.equal(crf.decode(emissions, RAGGED), whole)
