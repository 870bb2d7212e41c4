"""The grammar files: the shipped ones hold, and broken ones are refused with one clear line."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from kakehashi.corpora import assistant
from kakehashi.corpora.assistant import (
    FRAME,
    PHRASE,
    Grammar,
    Group,
    Reference,
    Rule,
    Sampler,
    Template,
    read_grammar,
)
from kakehashi.errors import ConfigError

DATA = Path(assistant.__file__).parent / "data"
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


def references(template: Template) -> Iterator[Reference]:
    for part in template:
        if isinstance(part, Reference):
            yield part
        elif isinstance(part, Group):
            for option in part.options:
                yield from references(option)


class Walk:
    """A walk from the frame and the intents down to every rule of a grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self.rules = grammar.rules
        self.types: set[str] = set()
        self.done: set[tuple[str, str]] = set()
        assert Reference(PHRASE, "") in [*references(grammar.rules[FRAME].templates[0])]
        for name, rule in ((FRAME, grammar.rules[FRAME]), *grammar.intents.items()):
            self.follow((name,), rule, "")

    def follow(self, path: tuple[str, ...], rule: Rule, mention: str) -> None:
        self.done.add((path[-1], mention))
        for name, kind in [each for template in rule.templates for each in references(template)]:
            assert not (kind and mention), f"{path}: a mention of {kind} inside one of {mention}"
            assert name not in path, f"{path}: contains itself"
            assert name in self.rules or (path, name) == ((FRAME,), PHRASE), f"{path}: {name}?"
            self.types.update([kind] if kind else [])
            if name in self.rules and (name, kind or mention) not in self.done:
                self.follow((*path, name), self.rules[name], kind or mention)


@pytest.mark.parametrize("language", ["de", "en", "ja"])
def test_shipped_grammars_are_sound(language: str) -> None:
    schema = tomllib.loads((DATA / "schema.toml").read_text(encoding="utf-8"))
    grammar = read_grammar(language)
    walk = Walk(grammar)
    assert list(grammar.intents) == schema["intents"]
    assert walk.types == set(schema["types"])
    assert not set(grammar.rules) - {name for name, _ in walk.done}, "nothing uses these lists"
    for rule in (*grammar.intents.values(), *grammar.rules.values()):
        assert not rule.open or len(set(rule.texts)) == len(rule.texts) >= 6
    for file in (DATA / language).iterdir():
        assert tomllib.loads(file.read_text(encoding="utf-8")).keys() <= {
            "values",
            "rules",
            "intents",
        }


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
        ("{artist}", "{artist", "stray '{'"),
        ("{artist}", "{artist})", "stray '\\)'"),
        ("{artist}", "[{artist}", "lacks a closing ']'"),
        ("{artist}", "[{artist})", "stray '\\)'"),
        ('"play {artist}"', '"play {artist}", ""', "is empty"),
        ("[rules]", '[rules]\nartist = ["a"]', "the name is taken"),
    ],
)
def test_refuses_a_broken_grammar(write_grammar: Write, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=problem) as caught:
        read_grammar("xx", write_grammar(GOOD.replace(old, new)))
    assert "\n" not in str(caught.value)
