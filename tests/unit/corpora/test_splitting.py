from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.config.settings import Split
from kakehashi.corpora.corpus import DEV, TEST, TRAIN, assign_parts, nearest
from kakehashi.errors import ConfigError


def sizes(parts):
    counts = Counter(parts)
    return counts[TRAIN], counts[DEV], counts[TEST]


def split(train, test, by="sentence", seed=0):
    return Split(by=by, train=train, test=test, seed=seed)


def test_by_sentence_sizes_are_exact_and_the_rest_is_dev():
    assert sizes(assign_parts([""] * 100, split(60, 25))) == (60, 15, 25)
    assert sizes(assign_parts(["same"] * 100, split(75, 25))) == (75, 0, 25)


def test_the_seed_decides():
    cuts = [assign_parts([""] * 50, split(25, 10, seed=seed)) for seed in (0, 0, 1)]

    assert cuts[0] == cuts[1] != cuts[2]


def test_every_sentence_may_go_anywhere():
    cuts = [assign_parts([""] * 9, split(3, 3, seed=seed)) for seed in range(99)]

    assert all({cut[place] for cut in cuts} == {TRAIN, DEV, TEST} for place in range(9))


GROUPS = [f"article {n}" for n in range(40) for _ in range(1 + n * 7 % 11)]


@pytest.mark.parametrize("seed", range(5))
def test_by_group_no_article_is_cut(seed):
    parts = assign_parts(GROUPS, split(120, 50, "group", seed))

    assert len(set(zip(GROUPS, parts, strict=True))) == 40
    assert sizes(parts) == (120, len(GROUPS) - 170, 50)


def test_by_group_the_seed_decides():
    cuts = [assign_parts(GROUPS, split(120, 50, "group", seed)) for seed in (0, 0, 1)]

    assert cuts[0] == cuts[1] != cuts[2]


def test_articles_may_be_scattered():
    groups = ["a", "b", "a", "c", "b", "a"]

    parts = assign_parts(groups, split(3, 2, "group"))

    assert parts[0] == parts[2] == parts[5] == TRAIN
    assert parts[1] == parts[4] == TEST
    assert parts[3] == DEV


def test_sentences_without_article_are_articles():
    assert sizes(assign_parts([""] * 15, split(7, 4, "group"))) == (7, 4, 4)


def test_too_few_sentences_or_articles_are_an_error():
    with pytest.raises(ConfigError, match=r"corpus\.split: 8 sentences .* 3 .* than the 10"):
        assign_parts([""] * 10, split(8, 3))
    with pytest.raises(ConfigError, match=r"corpus\.split\.by: 1 articles are too few"):
        assign_parts(["a"] * 10, split(8, 2, "group"))
    with pytest.raises(ConfigError, match=r"corpus\.split\.by: 2 articles are too few"):
        assign_parts(["a"] * 10 + ["b"], split(5, 5, "group"))


@given(st.lists(st.integers(1, 12), max_size=8), st.integers(0, 60))
def test_no_choice_of_articles_is_nearer(sizes, target):
    chosen = nearest(sizes, target)

    best = min(
        abs(sum(some) - target) for n in range(len(sizes) + 1) for some in combinations(sizes, n)
    )
    assert abs(sum(sizes[place] for place in chosen) - target) == best


def test_many_articles_are_filled_exactly_from_the_first():
    sizes = [1 + n % 30 for n in range(20_000)]

    chosen = nearest(sizes, 100_000)

    assert sum(sizes[place] for place in chosen) == 100_000
    assert max(chosen) < len(chosen) + 200
