"""The grammar files: the shipped ones hold, and broken ones are refused with one clear line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from kakehashi.corpora.assistant import Sampler
from kakehashi.corpora.assistant.grammar import read_grammar
from kakehashi.errors import ConfigError

SCHEMA = 'types = ["artist"]\nintents = ["music.play"]\n'
GOOD = """
[values]
artist = ["Oasis", "Blur"]
[rules]
frame = ["<phrase>"]
[intents.music]
play = ["play {artist}"]
"""
Write = Callable[[str], Path]


@pytest.fixture
def write_grammar(tmp_path: Path) -> Write:
    def write(grammar: str, schema: str = SCHEMA) -> Path:
        (tmp_path / "schema.toml").write_text(schema, encoding="utf-8")
        (tmp_path / "xx").mkdir()
        (tmp_path / "xx" / "all.toml").write_text(grammar, encoding="utf-8")
        return tmp_path

    return write


def draw(folder: Path, n: int = 200) -> Counter[str]:
    sampler = Sampler(read_grammar("xx", folder), "train")
    random = Random(0).random
    return Counter(sampler.draw(random)[1] for _ in range(n))


@pytest.mark.parametrize("language", ["de", "en", "ja"])
def test_shipped_grammars_are_sound(language: str) -> None:
    grammar = read_grammar(language)
    assert list(grammar.intents) == list(read_grammar("en").intents)
    assert all(len(intent.alternatives) >= 6 for intent in grammar.intents.values())


@pytest.mark.parametrize("language", ["de", "en", "ja"])
def test_every_open_list_has_members_for_dev_and_test(language: str) -> None:
    small = [
        name
        for name, rule in read_grammar(language).rules.items()
        if rule.open and len(rule.alternatives) < 6
    ]
    assert not small


def test_templates_expand(write_grammar: Write) -> None:
    folder = write_grammar(GOOD.replace("play {artist}", "[please ](play|put on) {artist}"))
    texts = draw(folder, 2000)
    expected = {
        f"{please}{verb} {artist}"
        for please in ("", "please ")
        for verb in ("play", "put on")
        for artist in ("Oasis", "Blur")
    }
    assert set(texts) == expected
    please = sum(n for text, n in texts.items() if text.startswith("please"))
    assert 900 < please < 1100


def test_first_members_are_the_most_frequent(write_grammar: Write) -> None:
    texts = draw(write_grammar(GOOD), 2000)
    assert texts["play Oasis"] > 1.3 * texts["play Blur"]


def test_open_lists_are_divided_and_closed_ones_are_not(write_grammar: Write) -> None:
    artists = [f"Artist {i}" for i in range(12)]
    grammar = GOOD.replace('["Oasis", "Blur"]', str(artists).replace("'", '"'))
    grammar = grammar.replace(
        '["<phrase>"]', '["<phrase>", "<a> <phrase>"]\na = ["0", "1", "2", "3", "4", "5"]'
    )
    read = read_grammar("xx", write_grammar(grammar))
    seen = {}
    for partition in ("train", "dev", "test"):
        random = Random(1).random
        sampler = Sampler(read, partition)
        draws = [sampler.draw(random) for _ in range(2000)]
        seen[partition] = {mentions[0].text for _, _, mentions in draws}
        assert {text[0] for _, text, _ in draws} == set("p012345")
    shared = seen["train"]
    assert len(shared) == 8
    assert len(seen["dev"] - shared) == len(seen["test"] - shared) == 2
    assert seen["train"] | seen["dev"] | seen["test"] == set(artists)


def test_phrases_are_divided_as_values_are(write_grammar: Write) -> None:
    phrases = [f"play{number} {{artist}}" for number in range(12)]
    read = read_grammar(
        "xx", write_grammar(GOOD.replace('["play {artist}"]', str(phrases).replace("'", '"')))
    )
    seen = {}
    for partition in ("train", "dev", "test"):
        random = Random(1).random
        sampler = Sampler(read, partition)
        seen[partition] = {sampler.draw(random)[1].split()[0] for _ in range(2000)}
    assert len(seen["train"]) == 8
    assert len(seen["dev"] - seen["train"]) == len(seen["test"] - seen["train"]) == 2
    assert not (seen["dev"] & seen["test"]) - seen["train"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("{artist}", "{artst}", "unknown rule 'artst'; did you mean 'artist'"),
        ("{artist}", "{song:artist}", "unknown entity type 'song'"),
        ("{artist}", "<artist>", "entity type 'artist' is missing"),
        ("{artist}", "{artist", "stray '{'"),
        ("{artist}", "{artist})", "stray '\\)'"),
        ("{artist}", "[{artist}", "lacks a closing ']'"),
        ("{artist}", "[{artist})", "stray '\\)'"),
        ('"play {artist}"', "", "at least one string"),
        ('"play {artist}"', '"play {artist}", ""', "is empty"),
        ('"play {artist}"', '"play {artist}", "play {artist}"', "stands there twice"),
        ('"Blur"', "1994", "expected a string, got 1994"),
        ('["Oasis", "Blur"]', '"Oasis"', "expected a list"),
        ("play = ", "ply = ", "unknown intent 'music.ply'; did you mean 'music.play'"),
        ('play = ["play {artist}"]', "", "intent 'music.play' is missing"),
        ("[rules]", "[rule]", "unknown table 'rule'; did you mean 'rules'"),
        ("[intents.music]", "[intents]", "expected a table of lists"),
        ("frame = ", "farme = ", "rule 'frame' is missing"),
        ("<phrase>", "hey", "expected <phrase> in it"),
        ('"Blur"', '"<artist>"', "a list contains itself: music.play > artist > artist"),
        ('"Blur"', '"{artist}"', "inside one of 'artist'"),
        ("[rules]", '[rules]\nspare = ["a"]', "nothing uses this list"),
        ("[rules]", '[rules]\nartist = ["a"]', "the name is taken"),
        ("[rules]", "[rules", "is not well-formed"),
    ],
)
def test_refuses_a_broken_grammar(write_grammar: Write, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=problem) as caught:
        read_grammar("xx", write_grammar(GOOD.replace(old, new)))
    assert "\n" not in str(caught.value)
