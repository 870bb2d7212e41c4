"""Verbs that make and use models: demo, train, predict."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kakehashi.cli.options import Json, Track


def register(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    app.command()(demo)
    app.command()(train)
    app.command()(predict)
    app.command()(settings)


class Select(StrEnum):
    """What the best epoch is chosen by."""

    dev = "dev"
    best_test = "best-test"


class Layout(StrEnum):
    """How predictions are printed."""

    jsonl = "jsonl"
    columns = "columns"
    inline = "inline"


class Precision(StrEnum):
    """What products are computed in."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    int8 = "int8"


def demo(
    out: Annotated[Path, typer.Option(help="Where the three runs go.")] = Path("runs/demo"),
    seed: Annotated[int, typer.Option(help="Seed of all three trainings.")] = 1,
    as_json: Json = False,
) -> None:
    """Show it all on generated utterances: English lifts Japanese. No data, no network.

    Trains an English recognizer, then a Japanese one from scratch and one with the character and
    dense layers of the English one. Takes a few minutes.

    Example: kakehashi demo
    """
    from kakehashi.cli.console import ProgressBars, print_json
    from kakehashi.cli.reports import print_demo
    from kakehashi.demo import run_demo

    report = run_demo(out, seed, ProgressBars())
    if as_json:
        print_json(report.to_dict())
    else:
        print_demo(report)


def train(
    config: Annotated[
        Path, typer.Argument(help="TOML file, config.json of a run, or demo-en, demo-ja.")
    ],
    source: Annotated[
        str | None, typer.Option(help="Run or model folder to transfer from.")
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(help="Layer groups to transfer: char, word, dense, crf. Default char,dense."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same as --set training.seed=N.")] = None,
    select: Annotated[
        Select | None, typer.Option(help="Keep the epoch best on dev, or, as the paper, on test.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder. Default runs/NAME[-GROUPS]-seedN.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            envvar="KAKEHASHI_CACHE",
            help="Folder for encoded corpora, which runs then share. Default none.",
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change any setting.")
    ] = None,
    track: Track = None,
    as_json: Json = False,
) -> None:
    """Train a recognizer, from scratch or from a source model.

    The same command goes on with an unfinished run. The last line printed is the run folder.

    Examples:

    kakehashi train configs/conll2003-en.toml

    kakehashi train configs/crf-knbc-ja.toml --source runs/conll2003-en-seed1 --groups char,dense

    kakehashi train configs/massive-ja.toml --seed 2 --set corpus.train_size=2000
    """
    from kakehashi.cli.console import ProgressBars, print_json, print_line
    from kakehashi.cli.reports import print_run, print_transfer
    from kakehashi.config.reading import read_settings
    from kakehashi.errors import ConfigError
    from kakehashi.tasks import load_result, run_folder
    from kakehashi.tasks import train as train_task
    from kakehashi.tracking.catalogue import check_trackers

    if groups is not None and source is None:
        raise ConfigError("--groups", "says what to transfer, but not from where; add --source")
    changes = list(overrides or ())
    if source is not None:
        changes.append(f"transfer.source='{source}'")
    if groups is not None:
        changes.append(f"transfer.groups={[group.strip() for group in groups.split(',')]}")
    if seed is not None:
        changes.append(f"training.seed={seed}")
    if select is not None:
        changes.append(f"training.select='{select}'")
    settings = read_settings(config, changes)
    folder = out or run_folder(settings)
    check_trackers(track or (), folder)
    train_task(settings, folder, ProgressBars(), cache=cache, track=track or ())
    result = load_result(folder)
    if as_json:
        print_json(result)
    else:
        print_transfer(result["transfer"])
        print_run(result)
    print_line(str(folder))


def predict(
    model: Annotated[Path, typer.Argument(help="Run or model folder.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="One sentence per line; default standard input.")
    ] = None,
    layout: Annotated[
        Layout, typer.Option("--format", help="JSON lines, token and tag columns, or inline tags.")
    ] = Layout.jsonl,
    precision: Annotated[
        Precision, typer.Option(help="float32 is exact; the others are faster on many sentences.")
    ] = Precision.float32,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that share the work, one thread each.")
    ] = 1,
    device: Annotated[
        str, typer.Option(help="cpu, cuda or cuda:N; a GPU pays for many sentences.")
    ] = "cpu",
) -> None:
    """Find the entities of text, one sentence per line.

    Examples:

    echo 昨日ジョンは東京に着いた | kakehashi predict runs/crf-knbc-ja-seed1

    kakehashi predict runs/conll2003-en-seed1 news.txt --format columns > news.conll

    kakehashi predict runs/massive-ja-seed1 log.txt --workers 2 --precision int8 > log.jsonl
    """
    from kakehashi.tasks import predict_lines

    lines = predict_lines(
        model,
        _lines(files or []),
        layout.value,
        at_once=not files and sys.stdin.isatty(),
        precision=precision.value,
        processes=workers,
        device=device,
    )
    for line in lines:
        sys.stdout.write(line)


def settings() -> None:
    """Print every setting of a config, with its meaning and its default.

    Example: kakehashi settings > my-corpus.toml
    """
    from kakehashi.config.reference import reference

    sys.stdout.write(reference())


def _lines(files: list[Path]) -> Iterator[str]:
    """Read the lines of files, or of standard input, as UTF-8."""
    from kakehashi.corpora.lines import numbered_lines, read_lines

    if not files:
        yield from (line for _, line in numbered_lines(sys.stdin.buffer, "standard input", "utf-8"))
    for file in files:
        yield from (line for _, line in read_lines(str(file.absolute())))
