"""The decoder against all tag sequences written out, for few tags and short sentences."""

from itertools import pairwise, product

import numpy as np
import pytest

from kakehashi.runtime import decoder as decoder_module
from kakehashi.runtime.decoder import Decoder
from kakehashi.tags import Tagset

LENGTHS = [4, 4, 3, 2, 1, 1]  # longest first
OFFSETS = np.cumsum([0, *LENGTHS])
TAGSETS = [Tagset(("A", "B")), Tagset(("A",), "iobes")]


@pytest.fixture(params=["numpy", "machine code"], autouse=True)
def kernel(request, monkeypatch):
    kernels = None
    if request.param == "machine code":
        pytest.importorskip("numba", reason="machine code needs the extra 'fast'")
        from kakehashi.runtime import kernels
    monkeypatch.setattr(decoder_module, "machine_code", lambda n: kernels)


@pytest.fixture(params=TAGSETS, ids=lambda tagset: tagset.scheme)
def case(request):
    """A decoder with random transitions, and emissions of some sentences."""
    random = np.random.default_rng(0)
    n_tags = len(request.param)
    transitions = random.normal(size=(n_tags + 1, n_tags + 1)).astype(np.float32)
    emissions = random.normal(size=(sum(LENGTHS), n_tags)).astype(np.float32)
    return request.param, transitions, emissions


def score_all(tagset, transitions, emissions):
    """Score every legal tag sequence of one sentence."""
    allowed, n_tags = tagset.transitions(), len(tagset)
    scores = {}
    for tags in product(range(n_tags), repeat=len(emissions)):
        steps = list(pairwise([n_tags, *tags, n_tags]))
        if all(allowed[step] for step in steps):
            terms = [transitions[step] for step in steps]
            terms += [row[tag] for row, tag in zip(emissions, tags, strict=True)]
            scores[tags] = sum(map(float, terms))
    return scores


def sentences():
    return list(pairwise(OFFSETS.tolist()))


@pytest.mark.parametrize("scale", [1, 3, 50])
def test_the_best_legal_sequence_is_found(case, scale):
    tagset, transitions, emissions = case
    emissions = scale * emissions
    tags = Decoder(tagset, transitions).decode(emissions, OFFSETS).tags
    for begin, end in sentences():
        scores = score_all(tagset, transitions, emissions[begin:end])
        assert tuple(tags[begin:end].tolist()) == max(scores, key=scores.get)


@pytest.mark.parametrize("scale", [1, 50])
def test_margin_is_the_distance_of_the_second_best_legal_sequence(case, scale):
    tagset, transitions, emissions = case
    emissions = scale * emissions
    margins = Decoder(tagset, transitions).decode(emissions, OFFSETS).margins
    expected = []
    for begin, end in sentences():
        second, best = sorted(score_all(tagset, transitions, emissions[begin:end]).values())[-2:]
        expected.append(best - second)
    assert margins.tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5 * scale)


@pytest.mark.parametrize("strength", [1.0, 30.0, 1e30])
def test_no_forbidden_step_is_taken(case, strength):
    tagset, transitions, emissions = case
    allowed, n_tags = tagset.transitions(), len(tagset)
    transitions = np.where(allowed, -strength, strength).astype(np.float32)
    for seed in range(20):
        random = np.random.default_rng(seed)
        emissions = (strength * random.normal(size=emissions.shape)).astype(np.float32)
        tags = Decoder(tagset, transitions).decode(emissions, OFFSETS).tags
        for begin, end in sentences():
            steps = pairwise([n_tags, *tags[begin:end].tolist(), n_tags])
            assert all(allowed[step] for step in steps)


@pytest.mark.parametrize("scale", [1, 50])
def test_probability_of_a_span_is_the_share_of_the_sequences_that_have_its_tags(case, scale):
    tagset, transitions, emissions = case
    emissions = scale * emissions
    decoder = Decoder(tagset, transitions)
    tags = decoder.decode(emissions, OFFSETS).tags
    edges, expected = [], []
    for begin, end in sentences():
        scores = score_all(tagset, transitions, emissions[begin:end])
        total = np.logaddexp.reduce(list(scores.values()))
        chosen = tuple(tags[begin:end].tolist())
        for start, stop in product(range(end - begin), range(1, end - begin + 1)):
            if start < stop:
                edges.append((begin + start, begin + stop))
                inside = slice(start, stop)
                having = [v for t, v in scores.items() if t[inside] == chosen[inside]]
                expected.append(np.exp(np.logaddexp.reduce(having) - total))
    found = decoder.probabilities(emissions, OFFSETS, tags, np.array(edges))
    assert found.tolist() == pytest.approx(expected, rel=1e-6)
    assert found.max() <= 1


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_posterior_is_over_all_sequences_at_the_temperature(case, temperature):
    tagset, transitions, emissions = case
    decoder = Decoder(tagset, transitions)
    tags = decoder.decode(emissions, OFFSETS).tags
    scaled = decoder.scaled(temperature)
    assert scaled.decode(emissions, OFFSETS).tags.tolist() == tags.tolist()
    whole, outside, spans, edges = [], [], [], []
    for begin, end in sentences():
        scores = score_all(tagset, transitions / temperature, emissions[begin:end] / temperature)
        total = np.logaddexp.reduce(list(scores.values()))
        whole.append(scores[tuple(tags[begin:end].tolist())] - total)
        spans.append(np.exp(whole[-1]))
        edges.append((begin, end))
        for place in range(end - begin):
            having = [value for other, value in scores.items() if other[place] == 0]
            outside.append(np.exp(np.logaddexp.reduce(having) - total))
    found = scaled.posterior(emissions, OFFSETS)
    assert found.of_sentences(tags).tolist() == pytest.approx(whole, abs=1e-5)
    assert found.of_tags()[:, 0].tolist() == pytest.approx(outside, rel=1e-5)
    assert found.of_spans(tags, np.array(edges)).tolist() == pytest.approx(spans, rel=1e-5)


def test_posterior_of_softmax_is_of_each_token_at_the_temperature():
    emissions = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    decoder, offsets = Decoder(TAGSETS[0], temperature=2.0), np.array([0, 3, 5])
    shares = np.exp(emissions / 2) / np.exp(emissions / 2).sum(axis=1, keepdims=True)
    tags = decoder.decode(emissions, offsets).tags
    found, logs = decoder.posterior(emissions, offsets), np.log(shares.max(axis=1))
    assert found.of_tags()[:, 0].tolist() == pytest.approx(shares[:, 0].tolist(), rel=1e-6)
    expected = [logs[:3].sum(), logs[3:].sum()]
    assert found.of_sentences(tags).tolist() == pytest.approx(expected, rel=1e-6)


def test_softmax_takes_the_best_of_each_token_and_multiplies():
    emissions = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    decoder, offsets = Decoder(TAGSETS[0]), np.array([0, 3, 5])
    tags, margins = decoder.decode(emissions, offsets)
    assert tags.tolist() == emissions.argmax(axis=1).tolist()
    leads = np.diff(np.sort(emissions)[:, -2:]).ravel()
    assert margins.tolist() == [leads[:3].min(), leads[3:].min()]
    shares = np.exp(emissions) / np.exp(emissions).sum(axis=1, keepdims=True)
    found = decoder.probabilities(emissions, offsets, tags, np.array([[0, 2], [1, 2], [3, 5]]))
    best = shares.max(axis=1)
    expected = [best[0] * best[1], best[1], best[3] * best[4]]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


def test_a_few_sentences_at_a_time_give_the_same(case, monkeypatch):
    tagset, transitions, emissions = case
    whole = Decoder(tagset, transitions).decode(emissions, OFFSETS).tags
    monkeypatch.setattr(decoder_module, "_PAIRS_AT_ONCE", 2 * len(tagset) ** 2)
    assert Decoder(tagset, transitions).decode(emissions, OFFSETS).tags.tolist() == whole.tolist()


@pytest.mark.parametrize("scale", [1, 50])
def test_marginals_are_the_shares_of_the_sequences_that_have_the_tag_there(case, scale):
    tagset, transitions, emissions = case
    emissions = scale * emissions
    marginals = Decoder(tagset, transitions).marginals(emissions, OFFSETS)
    expected = np.zeros(emissions.shape)
    for begin, end in sentences():
        scores = score_all(tagset, transitions, emissions[begin:end])
        total = np.logaddexp.reduce(list(scores.values()))
        for tags, score in scores.items():
            expected[np.arange(begin, end), tags] += np.exp(score - total)
    assert marginals.dtype == np.float32
    assert marginals == pytest.approx(expected, abs=1e-6)


def test_marginals_of_softmax_are_those_of_each_token_alone(case):
    tagset, _, emissions = case
    shares = np.exp(emissions.astype(np.float64))
    expected = shares / shares.sum(axis=1, keepdims=True)
    assert Decoder(tagset).marginals(emissions, OFFSETS) == pytest.approx(expected, abs=1e-6)
