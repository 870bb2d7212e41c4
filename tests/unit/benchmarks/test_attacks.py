"""A sample of the damaged corpora and hostile models that `benchmarks.attacks` reads."""

import pytest

from benchmarks.attacks import corpora
from benchmarks.attacks.corpora import Attack, attacks, damaged, read_damaged
from benchmarks.attacks.hostile_folders import ATTACKS
from benchmarks.attacks.models import MOST_MEMORY, Outcome, report, run


def test_corpora_are_read_or_refused_if_damaged_and_else_read(monkeypatch):
    report = read_damaged(range(300), seed=7)
    assert report.broken == []
    outcomes = {outcome for _, outcome in report.counts}
    assert outcomes == {"read", "refused"}
    assert report.counts.total() == 300
    monkeypatch.setattr(corpora, "damaged", lambda content, rng: content)
    report = read_damaged(range(len(attacks())), seed=0)
    assert set(report.counts) == {(attack.name, "read") for attack in attacks()}


def test_a_corpus_of_a_number_is_always_the_same():
    import random

    content = attacks()[0].content
    first, again = (damaged(content, random.Random("0 5")) for _ in range(2))
    assert first == again != content


def test_a_broken_promise_is_kept_for_looking_at(monkeypatch, tmp_path):
    monkeypatch.setattr(corpora, "attacks", lambda: [Attack("a.jsonl", b"{}")])
    monkeypatch.setattr(corpora, "_read", lambda path: {}["no such key"])
    report = read_damaged([4], seed=0, keep=tmp_path)
    assert report.broken == ["4 (a.jsonl): KeyError: 'no such key'"]
    assert [path.name for path in tmp_path.iterdir()] == ["4-a.jsonl"]


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
