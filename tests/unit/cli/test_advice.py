"""What an error advises, the command that failed accepts."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kakehashi.cli.main import app
from kakehashi.config.reference import reference
from kakehashi.errors import KakehashiError

GROUP = typer.main.get_command(app)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
SETTING = re.compile(r"\b(?:corpus|text|vectors|model|training|transfer)\.[a-z][a-z_.]*[a-z]")


def options_of(verb):
    """Every option of a command."""
    command = GROUP
    for name in verb:
        command = command.commands[name]
    return {name for parameter in command.params for name in parameter.opts}


def settings_of():
    """Every setting by its dotted name, as `kakehashi settings` prints it."""
    lines = [
        re.sub(r"^# (\w+ =|\[[\w.]+\]$)", r"\1", line)
        for line in reference().split("\n# Token per line")[0].splitlines()
    ]
    names, table = set(), ""
    for line in lines:
        if match := re.match(r"\[+([\w.]+)\]+$", line):
            table = match[1]
            names.add(table)
        elif match := re.match(r"(\w+) =", line):
            names.add(f"{table}.{match[1]}" if table else match[1])
    return names | {"corpus.train", "corpus.dev", "corpus.test", "corpus.all"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with all kinds of files that are not right."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)
    text = '{"text": "Ada saw Oslo", "mentions": [{"start": 0, "end": 3, "type": "PER"}]}\n'
    files = {
        "good.jsonl": text,
        "empty.jsonl": "",
        "latin.jsonl": b'{"text": "caf\xe9"}\n',
        "latin.conll": b"caf\xe9 O\n",
        "latin.txt": b"caf\xe9\n",
        "few.conll": "Ada B-PER\nOslo\n",
        "many.conll": "Ada\tx\tB-PER\ty\n",
        "tagless.conll": "Ada PER\n",
        "own.xml": "<a>Ada</a> saw <b>Oslo\n",
        "a.unknown": "Ada\n",
        "good.toml": 'name = "x"\n[[corpus.train]]\nformat = "jsonl"\npath = "good.jsonl"\n',
        "grid.toml": 'name = "g"\nconfig = "good.toml"\n[axes.a.b]\n[report]\nrows = "a"\n',
    }
    for name, content in files.items():
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    config = tomllib.loads(files["good.toml"])
    source = config["corpus"]["train"]
    for name, change in {
        "nodev.json": {},
        "emptydev.json": {"dev": source, "mapping": "irex"},
        "vectors.json": {"dev": source},
    }.items():
        tree = {"name": "x", "corpus": {"train": source, **change}}
        if name == "vectors.json":
            tree["vectors"] = {"path": "few.conll"}
        Path(name).write_text(json.dumps(tree))
    return tmp_path


FAILING = [
    "train none.toml",
    "train nodev.json",
    "train emptydev.json",
    "train vectors.json",
    "train vectors.json --groups char",
    "train vectors.json --source none",
    "train vectors.json --workers 2",
    "train vectors.json --set training",
    "train vectors.json --set training.epoch=3",
    "train vectors.json --set training.device='cuda'",
    "train vectors.json --set text.segmenter='unidic'",
    "train vectors.json --set corpus.mapping='irex-to-connl'",
    "train vectors.json --set vectors.path='latin.txt'",
    "train vectors.json --out .",
    "corpus stats empty.jsonl",
    "corpus stats latin.jsonl",
    "corpus stats latin.conll",
    "corpus stats few.conll",
    "corpus stats many.conll",
    "corpus stats tagless.conll",
    "corpus stats own.xml",
    "corpus stats a.unknown",
    "corpus stats good.jsonl --segmenter unidic",
    "corpus stats good.jsonl --language jp",
    "corpus stats good.toml --language ja",
    "corpus stats good.jsonl --columns token,tag",
    "corpus convert good.jsonl out.conll",
    "corpus convert good.jsonl good.jsonl",
    "corpus convert good.jsonl out.jsonl --view latin",
    "corpus convert good.jsonl out.jsonl --language en --view latn",
    "corpus convert good.jsonl out.unknown",
    "corpus convert latin.conll out.jsonl",
    "corpus homophones good.jsonl",
    "corpus romanization good.jsonl",
    "corpus romanization good.jsonl --view latin",
    "corpus check good.jsonl",
    "corpus homophones many.conll --segmenter unidic-lite",
    "corpus types a.unknown",
    "corpus types latin.conll",
    "corpus types good.jsonl --out a.gif",
    "corpus stats none.toml",
    "corpus generate out.jsonl",
    "evaluate few.conll",
    "evaluate good.jsonl --train good.jsonl",
    "evaluate good.jsonl latin.jsonl",
    "evaluate good.jsonl many.conll",
    "evaluate good.jsonl good.jsonl --variant strict",
    "compare good.jsonl none.jsonl none.jsonl",
    "compare good.jsonl many.conll good.jsonl",
    "compare good.jsonl latin.conll good.jsonl",
    "predict none good.jsonl",
    "predict none a.conll",
    "predict none good.jsonl --block 9",
    "predict none good.jsonl --format parquet",
    "predict none good.jsonl --input-format columns",
    "predict none good.jsonl --columns token",
    "predict none good.jsonl --out out",
    "predict none good.jsonl --out out --format columns",
    "predict none good.jsonl --out out --device cuda",
    "predict none good.jsonl good.jsonl --out out",
    "model info none",
    "corpus overlap good.jsonl",
    "corpus overlap good.jsonl good.toml",
    "experiment diff grid.toml",
    "experiment run grid.toml",
    "label model text.xyz --out out.jsonl",
    "distill model --unlabeled text.xyz --out out",
    "experiment plan none.toml",
    "experiment table grid.toml --only a=c",
    "experiment figure grid.toml --out x",
]


@pytest.mark.parametrize("line", FAILING)
def test_advice_can_be_followed(place, line):
    arguments = [word.strip("'") if "=" not in word else word for word in line.split()]
    verb = arguments[: 2 if arguments[0] in ("corpus", "experiment", "model") else 1]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, KakehashiError | OSError), result.exception
    message = str(result.exception)
    assert "No such option" not in message
    assert "\n" not in message
    assert set(OPTION.findall(message)) - options_of(verb) <= {*OPTION.findall(line), "--help"}
    if "--set" in options_of(verb) and verb == ["train"]:
        named = {name.rstrip(".") for name in SETTING.findall(message)}
        assert {name for name in named if name not in settings_of()} <= set(SETTING.findall(line))
    else:
        assert "setting '" not in message
