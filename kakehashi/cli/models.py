"""Verbs that make and use models: demo, predict, and train, which has a file of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.options import Encoding, Json
from kakehashi.cli.training import train
from kakehashi.errors import KakehashiError

if TYPE_CHECKING:
    from kakehashi.corpora.inputs import LineFormat
    from kakehashi.inference.predicting import Answer
    from kakehashi.progress import Progress

MinProbability = Annotated[
    float, typer.Option(min=0, max=1, help="Leave out mentions that are less probable.")
]
NoTokens = Annotated[bool, typer.Option("--no-tokens", help="Leave the tokens out.")]
NAMED = 10
"""Bad lines that are named; others are counted."""


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


class InputFormat(StrEnum):
    """How a line of input is read."""

    text = "text"
    jsonl = "jsonl"


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
        list[Path] | None,
        typer.Argument(help="A sentence per line; - or nothing for standard input."),
    ] = None,
    layout: Annotated[
        Layout, typer.Option("--format", help="JSON lines, token and tag columns, or inline tags.")
    ] = Layout.jsonl,
    input_format: Annotated[
        InputFormat | None,
        typer.Option(help="Format of the input: text or jsonl. Default: by the file's name."),
    ] = None,
    encoding: Encoding = None,
    min_probability: MinProbability = 0.0,
    no_tokens: NoTokens = False,
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
    """Find the entities of text, a sentence per line, or of JSON lines (files named .jsonl).

    Each line is answered as it comes. A line that cannot be read (another encoding, NUL, longer
    than 1 MiB, no such JSON object) is named on stderr; its answer is {"error": …}, or an empty
    sentence in columns and inline tags. All others are answered, and the exit status is then 2.

    Examples:

    echo 昨日ジョンは東京に着いた | kakehashi predict runs/crf-knbc-ja-seed1

    kakehashi predict runs/conll2003-en-seed1 news.txt --format columns > news.conll

    kakehashi predict runs/massive-ja-seed1 log.jsonl --no-tokens --min-probability 0.9

    kakehashi predict runs/massive-ja-seed1 log.txt --workers 2 --precision int8 > log.jsonl
    """
    from kakehashi.cli.console import ProgressBars
    from kakehashi.corpora.inputs import LineInput
    from kakehashi.inference.predicting import Kept, Predictor
    from kakehashi.inference.predicting import predict as predict_task

    kept = Kept(min_probability, not no_tokens)
    predictor = Predictor(model, layout.value, precision.value, device, kept)
    read_as: LineFormat | None = None if input_format is None else input_format.value
    inputs = [LineInput(file, read_as, encoding or "utf-8") for file in files or [Path("-")]]
    progress = ProgressBars()
    for each in inputs:
        if each.read_as == "jsonl":
            progress.say(f"{each.name}: reading JSON lines")
    _print_answers(predict_task(predictor, inputs, processes=workers), progress)


def _print_answers(batches: Iterable[Sequence[Answer]], progress: Progress) -> None:
    """Print answers at once, and the first of what is wrong with their lines.

    Raises:
        KakehashiError: At the end, if there were bad lines.
    """
    n_lines = n_bad = 0
    for batch in batches:
        n_lines += len(batch)
        sys.stdout.writelines(answer.output for answer in batch)
        sys.stdout.flush()
        for problem in (answer.problem for answer in batch if answer.problem):
            n_bad += 1
            if n_bad <= NAMED:
                progress.warn(problem)
    if n_bad:
        raise KakehashiError(f"{n_bad:,} of {n_lines:,} lines could not be read; see above")


def settings() -> None:
    """Print every setting of a config, with its meaning and its default.

    Example: kakehashi settings > my-corpus.toml
    """
    from kakehashi.config.reference import reference

    sys.stdout.write(reference())
