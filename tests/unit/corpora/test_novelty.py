"""What repeats in a corpus, and what its test set adds."""

from __future__ import annotations

import pytest

from kakehashi.corpora.stats import Overlap, measure_overlap
from kakehashi.sentence import Mention, Sentence


def city(name: str, type: str = "LOC") -> Sentence:
    return Sentence(f"to {name}", (Mention(3, 3 + len(name), type, name),))


def test_counts_texts_types_and_values() -> None:
    train = [city("Oslo"), city("Oslo"), city("Rome"), city("Bern", "TEAM")]
    test = [city("Oslo"), city("Lima"), city("Bern"), Sentence("go")]
    found = measure_overlap(train, test)
    assert (found.sentences, found.test_sentences) == (4, 4)
    assert found.distinct == 75.0
    assert found.types == {"LOC": 3, "TEAM": 1}
    assert found.unseen_values == pytest.approx(100 * 2 / 3)  # Bern was a team
    assert found.seen_sentences == 50.0


def test_slope_is_that_of_zipf() -> None:
    types = {str(rank): 2**20 // rank for rank in (1, 2, 4, 8)}
    assert Overlap(1, 100.0, {"a": 100, "b": 50}, 0, 0.0, 0.0).slope == pytest.approx(-1)
    assert Overlap(1, 100.0, types, 0, 0.0, 0.0).to_dict()["slope"] < -1
