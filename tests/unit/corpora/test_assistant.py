"""What the built-in grammars generate."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from functools import cache
from itertools import pairwise
from math import log
from statistics import linear_regression

import pytest

from kakehashi.config.sources import Partition
from kakehashi.corpora.assistant import generate
from kakehashi.corpora.stats import Overlap, measure_overlap
from kakehashi.errors import ConfigError
from kakehashi.sentence import Sentence

LANGUAGES = ("de", "en", "ja")
languages = pytest.mark.parametrize("language", LANGUAGES)


@cache
def corpus(language: str, partition: Partition = "train") -> list[Sentence]:
    return list(generate(language, 20_000 if partition == "train" else 3_000, partition=partition))


def values(sentences: list[Sentence]) -> list[tuple[str, str]]:
    return [(mention.type, mention.text) for one in sentences for mention in one.mentions]


@cache
def overlap(language: str) -> Overlap:
    """What repeats in a hundred thousand utterances, and what those of a test set add."""
    return measure_overlap(generate(language, 100_000), corpus(language, "test"))


@languages
def test_ranges_equal_the_whole(language: str) -> None:
    whole = list(generate(language, 60, seed=7, partition="dev"))
    parts = [generate(language, 20, seed=7, partition="dev", start=start) for start in (0, 20, 40)]
    assert [sentence for part in parts for sentence in part] == whole


def test_another_process_generates_the_same() -> None:
    code = (
        "from kakehashi.corpora.assistant import generate\n"
        "for s in generate('ja', 30, seed=3): print(ascii(s))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "123"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines() == [ascii(s) for s in generate("ja", 30, seed=3)]


def test_seed_partition_and_language_matter() -> None:
    def texts(language: str, seed: int, partition: Partition) -> list[str]:
        return [s.text for s in generate(language, 50, seed=seed, partition=partition)]

    base = texts("de", 0, "train")
    assert base != texts("de", 1, "train")
    assert base != texts("de", 0, "dev")
    assert base != texts("en", 0, "train")


def test_ids_and_groups() -> None:
    [sentence] = generate("ja", 1, start=17)
    assert sentence.id == "assistant-ja-train-000017"
    assert sentence.tokens is None
    assert len({sentence.group for sentence in corpus("ja")}) >= 9


@pytest.mark.parametrize("partition", ["train", "dev", "test"])
@languages
def test_mentions_are_exact(language: str, partition: Partition) -> None:
    for sentence in corpus(language, partition):
        for mention in sentence.mentions:
            assert sentence.text[mention.start : mention.end] == mention.text
            assert mention.text == mention.text.strip() != ""
        for before, after in pairwise(sentence.mentions):
            assert before.end <= after.start


@languages
def test_spaces_stand_where_the_language_wants_them(language: str) -> None:
    for sentence in corpus(language):
        expected = "" if language == "ja" else " "
        assert expected.join(sentence.text.split()) == sentence.text


@pytest.mark.parametrize("language", ["de", "en"])
def test_mentions_are_whole_words(language: str) -> None:
    """A mention that ends inside a word could be found by no tagger."""
    for sentence in corpus(language):
        around = f" {sentence.text} "
        for mention in sentence.mentions:
            assert not around[mention.start].isalnum(), sentence.text
            assert not around[mention.end + 1].isalnum(), sentence.text


@languages
def test_text_is_composed_unicode(language: str) -> None:
    for sentence in corpus(language):
        assert unicodedata.normalize("NFC", sentence.text) == sentence.text


@pytest.mark.slow
def test_all_languages_have_the_same_types_and_domains() -> None:
    types = [set(overlap(language).types) for language in LANGUAGES]
    groups = [{sentence.group for sentence in corpus(language)} for language in LANGUAGES]
    assert types[0] == types[1] == types[2]
    assert groups[0] == groups[1] == groups[2]
    assert len(types[0]) >= 200
    assert len(groups[0]) >= 15


@pytest.mark.slow
@languages
def test_types_follow_zipf_with_a_long_tail(language: str) -> None:
    """As the paper's figure 2: a straight line in log-log scale, from tens of thousands to ten."""
    counts = sorted(overlap(language).types.values(), reverse=True)
    slope, _ = linear_regression(
        [log(rank) for rank in range(1, len(counts) + 1)], [log(count) for count in counts]
    )
    assert -1.6 < slope < -1.2
    assert 3 <= min(counts) <= 30
    assert max(counts) < 0.15 * sum(counts)


@pytest.mark.slow
@languages
def test_utterances_hardly_repeat(language: str) -> None:
    found = overlap(language)
    assert found.distinct > 90
    assert found.seen_sentences < 6
    assert 30 < found.unseen_values < 40


@pytest.mark.parametrize("partition", ["dev", "test"])
@languages
def test_values_and_utterances_are_held_out(language: str, partition: Partition) -> None:
    seen = set(values(corpus(language)))
    mentions = values(corpus(language, partition))
    unseen = sum(mention not in seen for mention in mentions) / len(mentions)
    assert 0.35 < unseen < 0.45
    texts = {sentence.text for sentence in corpus(language)}
    held_out = corpus(language, partition)
    assert sum(one.text in texts for one in held_out) < 0.04 * len(held_out)


def test_values_are_kept_from_train_whatever_the_seed() -> None:
    other = list(generate("en", 20_000, seed=99))
    colors = {
        part: {v for t, v in values(corpus("en", part)) if t == "color"} for part in ("dev", "test")
    }
    trained = {v for t, v in values([*corpus("en"), *other]) if t == "color"}
    assert colors["dev"] - trained
    assert colors["test"] - trained
    assert not (colors["dev"] - trained) & (colors["test"] - trained)


@pytest.mark.parametrize(
    ("language", "partition", "key"),
    [("fr", "train", "language"), ("en", "validation", "partition")],
)
def test_refuses_what_there_is_not(language: str, partition: Partition, key: str) -> None:
    with pytest.raises(ConfigError, match="expected one of") as caught:
        generate(language, 1, partition=partition)
    assert caught.value.key == key
