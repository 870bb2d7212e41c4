"""The verbs as a whole: their help, their old names, what they share with the library."""

import re
from typing import get_args

import pytest
import typer
from typer.testing import CliRunner

from kakehashi.cli import corpus_verbs, main, model_verbs, options, score_verbs
from kakehashi.config import settings, sources
from kakehashi.errors import ConfigError
from kakehashi.runtime.recognizer import Precision
from kakehashi.scoring import score, significance


def verbs(command, path=()):
    """Every verb, as words."""
    for name, each in command.commands.items():
        if hasattr(each, "commands"):
            yield from verbs(each, (*path, name))
        else:
            yield (*path, name)


VERBS = list(verbs(typer.main.get_command(main.app)))


def invoke(*arguments):
    return CliRunner().invoke(main.app, arguments, catch_exceptions=False)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example(verb):
    text = " ".join(invoke(*verb, "--help").stdout.split())
    assert f"kakehashi {' '.join(verb)}" in text
    command = typer.main.get_command(main.app)
    for name in verb:
        command = command.commands[name]
    for parameter in command.params:
        if not parameter.hidden and parameter.name != "help":
            assert parameter.help[0].isupper() or parameter.help.split()[0].rstrip(",").islower()


@pytest.mark.parametrize("old", main._RENAMED)
def test_old_names_are_hidden_and_say_the_new_one(old):
    done = invoke(*old.split(), "--help")
    new = main._RENAMED[old].removesuffix(" --annotate")
    assert done.stderr == (
        f"note: `kakehashi {old}` is now `kakehashi {new}`; the old name will be removed in"
        " version 0.2\n"
    )
    assert f"Usage: kakehashi {new} " in done.stdout
    *family, name = old.split()
    listing = invoke(*family, "--help").stdout
    assert not re.search(rf"^(│|\w*) +{name}  ", listing, re.MULTILINE)


def test_help_lists_every_verb_by_job_on_one_screen():
    listing = invoke("--help").stdout
    lines = listing.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    jobs = [line.split()[0] for line in lines if re.match("[a-z]", line)]
    assert jobs == ["data", "train", "use", "improve", "study"]
    verbs = typer.main.get_command(main.app).commands
    for name in (name for name, verb in verbs.items() if not verb.hidden):
        assert len(re.findall(rf"^\w* +{name}  ", listing, re.MULTILINE)) == 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("trian x.toml", "^trian: there is no such verb; did you mean 'train'"),
        ("experiment tabel", "^experiment tabel: there is no such verb; did you mean 'table'"),
        ("stats a.jsonl", "^stats: .* did you mean 'corpus stats'"),
        ("xyzzy", "^xyzzy: .* known: fetch, align, train"),
    ],
)
def test_a_mistyped_verb_is_refused_with_the_nearest(words, problem):
    with pytest.raises(ConfigError, match=problem):
        invoke(*words.split())


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("train", "^Missing argument 'config'; see `kakehashi train --help`$"),
        ("predict model --foo", "^No such option: --foo .*; see `kakehashi predict --help`$"),
        ("experiment plan a b", "extra argument.*; see `kakehashi experiment plan --help`$"),
        ("train x.toml --seed y", "^Invalid value for '--seed': .*valid integer"),
        ("train x.toml --set", "^Option '--set' requires an argument; see `kakehashi --help`$"),
    ],
)
def test_a_mistake_in_the_command_line_is_one_line(words, problem):
    with pytest.raises(ConfigError, match=problem):
        invoke(*words.split())


def test_choices_and_defaults_are_those_of_the_library():
    assert options.N_TRIALS == significance.TRIALS
    for ours, theirs in {
        corpus_verbs.Language: sources.Language,
        corpus_verbs.Partition: sources.Partition,
        model_verbs.Precision: Precision,
        model_verbs.Select: settings.Select,
        score_verbs.Variant: score.Variant,
    }.items():
        assert get_args(ours) == get_args(theirs)
