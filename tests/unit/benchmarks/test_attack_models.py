"""A sample of the attacks on model folders, and what their report calls broken."""

import pytest

from benchmarks.attacks.models import ATTACKS, MOST_MEMORY, Outcome, report, run


def test_every_kind_of_hostile_model_is_refused_or_loads_within_bounds():
    outcomes = run(2 * len(ATTACKS), seed=1)
    assert {outcome.attack for outcome in outcomes} == set(ATTACKS)
    assert [outcome for outcome in outcomes if outcome.is_broken] == []
    assert {"loaded", "refused"} == {outcome.verdict for outcome in outcomes}
    assert "BROKEN" not in report(outcomes)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("sizes", "IndexError", 0.1, 0, "list index"),
        Outcome("sizes", "hangs", 40.0, 0),
        Outcome("sizes", "refused", 0.1, MOST_MEMORY + 1, "too large"),
        Outcome("sizes", "refused", 0.1, 0, "two\nlines"),
    ],
    ids=["exception", "hangs", "memory", "lines"],
)
def test_a_broken_promise_is_reported(outcome):
    assert outcome.is_broken
    assert "BROKEN" in report([outcome])
