"""Verbs that make and use models: demo, predict, and train, which has a file of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kakehashi.cli.options import Json
from kakehashi.cli.training import train


def register(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    app.command()(demo)
    app.command()(train)
    app.command()(predict)
    app.command()(settings)


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
