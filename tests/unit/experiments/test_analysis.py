from dataclasses import replace

import pytest

from kakehashi.experiments.analysis import analyse
from kakehashi.experiments.store import Results


@pytest.fixture
def analysis(layer_results):
    return analyse(layer_results, trials=1000)


def test_a_gain_is_absolute_and_relative(analysis):
    (gain,) = analysis.gains
    assert gain.group.axes["recognizer"] == "char"
    assert gain.against.axes["recognizer"] == "none"
    assert gain.absolute == 20.0
    assert gain.relative == pytest.approx(100 * 20 / 45)


def test_both_tests_are_exact_where_they_can_be(analysis):
    (gain,) = analysis.gains
    # Six sentences differ between runs: only the observed of 64 swaps and its mirror are as large.
    assert (gain.models.p, gain.models.trials) == (2 / 64, 64)
    # One of the 35 splits of seven runs into four and three is as large.
    assert (gain.method.p, gain.method.trials) == (1 / 35, 35)
    assert gain.marked


def test_a_rival_is_no_gain_but_everything_is_compared_with_it(analysis):
    assert [gain.group.axes["recognizer"] for gain in analysis.contests] == ["none", "char"]
    assert [gain.absolute for gain in analysis.contests] == [-30.0, -10.0]
    assert not any(gain.marked for gain in analysis.contests)


def test_each_family_is_corrected_for_itself(analysis):
    (gain,) = analysis.gains
    assert (gain.p_models, gain.p_method) == (gain.models.p, gain.method.p)
    none, char = analysis.contests
    assert none.p_models == pytest.approx(2 * none.models.p)
    assert none.p_method == pytest.approx(2 * none.method.p)
    assert char.p_models == char.models.p


def test_a_gain_that_passes_only_one_test_is_not_marked(analysis):
    (gain,) = analysis.gains
    assert not replace(gain, p_method=0.051).marked
    assert not replace(gain, p_models=0.051).marked
    assert not replace(gain, p_models=None).marked


def test_other_test_sentences_are_not_compared_sentence_by_sentence(layer_results):
    cells = list(layer_results.cells)
    for index, cell in enumerate(cells[:4]):
        cells[index] = replace(cell, counts=cell.counts[:-1])
    analysis = analyse(Results(layer_results.grid, tuple(cells)), trials=100)
    (gain,) = analysis.gains
    assert gain.models is None
    assert gain.method is not None
    assert not gain.marked


def test_nothing_is_compared_with_what_is_not_there(layer_results):
    unfinished = tuple(replace(cell, result=None, counts=None) for cell in layer_results.cells)
    analysis = analyse(Results(layer_results.grid, unfinished), trials=10)
    assert (analysis.gains, analysis.contests) == ((), ())
    assert analysis.groups[0].found == "0/4"
    assert analysis.groups[0].mean is None


def test_the_signature_says_what_the_numbers_rest_on(analysis):
    facts = dict(part.split(":", 1) for part in analysis.signature.split("|")[2:])
    assert facts["grid"] == "layers"
    assert facts["seeds"] == "1,2,3,4"
    assert facts["select"] == "dev"
    assert (facts["trials"], facts["sampling-seed"]) == ("1000", "0")
    assert facts["corpora"].startswith("small@")


def test_another_test_corpus_has_another_signature(layer_results, analysis):
    cells = list(layer_results.cells)
    changed = cells[0].counts.copy()
    changed[0, 0] = 2
    cells[0] = replace(cells[0], counts=changed)
    other = analyse(Results(layer_results.grid, tuple(cells)), trials=1000)
    assert other.signature != analysis.signature
    assert other.groups[0].interval is None  # its runs are of two test sets now


def test_the_seed_of_the_sampling_counts(layer_results, analysis):
    assert analyse(layer_results, trials=1000).groups == analysis.groups
    other = analyse(layer_results, trials=1000, seed=7)
    assert other.groups[0].interval != analysis.groups[0].interval
