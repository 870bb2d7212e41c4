"""What is chosen of sentences with made-up scores."""

import random
from collections import Counter

import pytest

from kakehashi.selection.near_duplicates import text_key
from kakehashi.selection.suggest import suggest
from kakehashi.selection.uncertainty import Scored
from kakehashi.sentence import Mention, Sentence

GENERATOR = random.Random(0)
TEXTS = ["".join(GENERATOR.choices("abcdefghijklmnopqrstuvwxyz", k=12)) for _ in range(500)]


def scored(text, score=0.0, kind=None):
    mentions = () if kind is None else (Mention(0, 3, kind, text[:3], 0.5),)
    return Scored(Sentence(text, mentions), score, 1 - score)


STREAM = [scored(text, number / 500, "LOC") for number, text in enumerate(TEXTS)]


def texts_of(found, *strategies):
    return {c.sentence.text for c in found.batch if not strategies or c.strategy in strategies}


@pytest.mark.parametrize(("strategy", "chosen"), [("mnlp", TEXTS[-20:]), ("span", TEXTS[:20])])
def test_the_most_uncertain_are_chosen(strategy, chosen):
    found = suggest(iter(STREAM), 20, strategy=strategy)
    assert texts_of(found) == set(chosen)
    assert {c.strategy for c in found.batch} == {strategy}
    assert (found.read, found.excluded, found.types) == (500, 0, {"LOC": 500})


def test_a_mix_is_one_fifth_random_and_the_rest_uncertain():
    found = suggest(iter(STREAM), 50, strategy="mix")
    assert Counter(c.strategy for c in found.batch) == {"random": 10, "mnlp": 40}
    drawn = texts_of(found, "random")
    others = [text for text in reversed(TEXTS) if text not in drawn]
    assert texts_of(found, "mnlp") == set(others[:40])
    assert {len(texts_of(suggest(iter(STREAM), n, strategy="mix"))) for n in (1, 2, 7, 200)} == {
        1,
        2,
        7,
        200,
    }


def test_the_random_part_depends_on_the_seed_alone():
    drawn = texts_of(suggest(iter(STREAM), 50, seed=3, strategy="mix"), "random")
    other_scores = (scored(text, 1 - number / 500) for number, text in enumerate(TEXTS))
    assert texts_of(suggest(other_scores, 50, seed=3, strategy="mix"), "random") == drawn
    assert texts_of(suggest(iter(STREAM), 50, seed=4, strategy="mix"), "random") != drawn
    assert drawn < texts_of(suggest(iter(STREAM), 100, strategy="random", seed=3))


def test_the_order_of_distinct_sentences_does_not_matter():
    shuffled = random.Random(1).sample(STREAM, len(STREAM))
    twice = [*STREAM, *shuffled]
    expected = suggest(iter(STREAM), 40, strategy="mix").batch
    assert suggest(iter(shuffled), 40, strategy="mix").batch == expected
    assert suggest(iter(twice), 40, strategy="mix").batch == expected


def test_random_sentences_are_drawn_evenly():
    drawn = Counter(
        text
        for seed in range(300)
        for text in texts_of(suggest(STREAM, 50, strategy="random", seed=seed))
    )
    assert len(drawn) == 500
    assert 10 < min(drawn.values()) < max(drawn.values()) < 60  # 30 on average, deviation 5.2


def test_near_duplicates_are_chosen_once_by_uncertainty():
    base = "please tell me what the weather in berlin will be like on saturday"
    alike = [scored(f"{base}{end}", 2 + place) for place, end in enumerate((".", "", "!", "?"))]
    for stream in (alike + STREAM, STREAM + alike[::-1]):
        found = texts_of(suggest(iter(stream), 20, strategy="mnlp"))
        assert found == {f"{base}?", *TEXTS[-19:]}


def test_rare_types_are_made_up_for():
    rare = [scored(text[::-1], -1, "RARE") for text in TEXTS[:5]]
    found = suggest(iter(STREAM + rare), 40, per_type=3, strategy="mix")
    assert sum(c.strategy == "type" for c in found.batch) == 3
    assert texts_of(found, "type") <= {each.sentence.text for each in rare}
    assert {c.why for c in found.batch if c.strategy == "type"} == {"RARE is found 5 times in all"}
    assert len(found.batch) == 40
    kinds = [scored(text[::-1], -1, f"T{n}") for n, text in enumerate(TEXTS[:50])]
    chosen = Counter(c.strategy for c in suggest(iter(STREAM + kinds), 40, strategy="mix").batch)
    assert chosen == {"random": 8, "mnlp": 24, "type": 8}  # a quarter of 32 at most


def test_what_is_annotated_is_passed_over():
    first = suggest(iter(STREAM), 50, strategy="mix")
    known = {text_key(text.upper()) for text in texts_of(first)}
    second = suggest(iter(STREAM), 50, exclude=known, strategy="mix")
    assert second.excluded == 50
    assert texts_of(second).isdisjoint(texts_of(first))
    assert len(suggest(iter(STREAM), 600, exclude=known, strategy="mix").batch) == 450
    assert suggest([], 10).batch == []
