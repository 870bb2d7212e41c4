"""Sentences that are made of gold ones, with what stands beside names in Japanese."""

import pytest

from kakehashi.config.reading import settings_from_tree
from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence
from kakehashi.text.segment import load_segmenter
from kakehashi.text.word_classes import WordClass, words_of
from kakehashi.training.contexts import in_contexts

SEGMENT = load_segmenter("unidic-lite").segment


def sentence(text, *mentions):
    """A segmented sentence; mentions are pairs of text and type."""
    found = ((text.index(form), form, kind) for form, kind in mentions)
    placed = tuple(Mention(at, at + len(form), kind, form) for at, form, kind in found)
    return Sentence(text, placed, SEGMENT(text))


GOLD = [
    sentence("田中さんは東京に住む。", ("田中", "PER"), ("東京", "LOC")),
    sentence("昨日、鈴木と京都へ行った。", ("昨日", "DATE"), ("鈴木", "PER"), ("京都", "LOC")),
    sentence("青木建設で働く。", ("青木建設", "ORG")),
]


def made_of(gold, form):
    """What stands before and after a mention, and whether it has grown, over several seeds."""
    made = [each for seed in range(40) for each in in_contexts(gold, seed)]
    for each in made:
        assert all(m.text == each.text[m.start : m.end] for m in each.mentions)
        assert sorted(each.mentions) == list(each.mentions)
    return [
        (each.text[: m.start], m.text, each.text[m.end :], each.mentions)
        for each in made
        for m in each.mentions
        if form in m.text
    ]


def test_what_is_beside_a_name_is_no_part_of_it():
    found = made_of(GOLD, "鈴木")
    assert {name for _, name, _, _ in found} == {"鈴木"}
    afters = {after for _, _, after, _ in found}
    assert {"です。", "社長と京都へ行った。", "様と京都へ行った。"} <= afters
    times = [(before[3:], mentions) for before, *_, mentions in found if before != "昨日、"]
    assert len({time for time, _ in times}) > 5
    # Gold marks the only time word, so made ones are marked.
    for time, mentions in times:
        assert time in words_of(WordClass.TIME)
        assert (time, "DATE") in {(m.text, m.type) for m in mentions}


def test_types_and_honorifics_are_as_gold_has_them():
    assert not any("さん" in after for _, _, after, _ in made_of(GOLD, "京都"))
    assert not any(after == "です。" for _, _, after, _ in made_of(GOLD, "昨日"))
    forms = {name for _, name, _, _ in made_of(GOLD, "青木建設")}
    assert any(form.startswith("青木建設") for form in forms - {"青木建設"})
    assert any(form.endswith("青木建設") for form in forms - {"青木建設"})
    inside = [
        sentence("田中氏が来た。", ("田中氏", "PER")),
        sentence("鈴木が来た。", ("鈴木", "PER")),
    ]
    forms = {name for _, name, _, _ in made_of(inside, "鈴木")}
    assert {"鈴木", "鈴木様", "鈴木氏"} <= forms
    without = [sentence("昨日は雨だった。"), sentence("鈴木が来た。", ("鈴木", "PER"))]
    assert {each.type for *_, all_ in made_of(without, "鈴木") for each in all_} == {"PER"}


def test_the_seed_alone_decides():
    assert list(in_contexts(GOLD, 1)) == list(in_contexts(iter(GOLD), 1))
    assert list(in_contexts(GOLD, 1)) != list(in_contexts(GOLD, 2))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"text": {"segmenter": "words"}}, "are those of Japanese names, and text.segmenter is"),
        ({"system": "crfsuite"}, "is for our recognizer, and not for crfsuite"),
    ],
)
def test_where_it_makes_no_sense_it_is_refused(changes, problem):
    corpus = {part: [{"format": "jsonl", "path": "a.jsonl"}] for part in ("train", "dev")}
    tree = {"name": "x", "corpus": corpus, "text": {"segmenter": "unidic-lite"}, "contexts": {}}
    assert settings_from_tree(tree).contexts.weight == 0.5
    with pytest.raises(ConfigError, match=problem):
        settings_from_tree(tree | changes)
