"""Verbs that make and use models: demo, predict, and train, which has a file of its own.

The verb that tags large corpora: annotate.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.experiment_verbs import Where
from kakehashi.cli.options import Columns, Encoding, Json, NoSpaces, Separator
from kakehashi.cli.train_verbs import train
from kakehashi.errors import KakehashiError

if TYPE_CHECKING:
    from kakehashi.corpora.inputs import LineFormat
    from kakehashi.progress import Progress
    from kakehashi.runtime.stream import Answer


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
    from kakehashi.cli.show import print_demo
    from kakehashi.training.run import load_result
    from kakehashi.training.train import train_demo

    folders = train_demo(out, seed, ProgressBars())
    results = [load_result(folder) for folder in folders]
    if as_json:
        f1 = [result["test"]["f1"] for result in results]
        names = ("english", "scratch", "transfer")
        runs = {
            name: {"folder": str(folder), "f1": score}
            for name, folder, score in zip(names, folders, f1, strict=True)
        }
        print_json({**runs, "gain": f1[2] - f1[1], "transferred": results[2]["transfer"]})
    else:
        print_demo(folders, results)


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
    from kakehashi.runtime.stream import Kept, Predictor, predict_lines

    kept = Kept(min_probability, not no_tokens)
    predictor = Predictor(model, layout.value, precision.value, device, kept)
    read_as: LineFormat | None = None if input_format is None else input_format.value
    inputs = [LineInput(file, read_as, encoding or "utf-8") for file in files or [Path("-")]]
    progress = ProgressBars()
    for each in inputs:
        if each.read_as == "jsonl":
            progress.say(f"{each.name}: reading JSON lines")
    _print_answers(predict_lines(predictor, inputs, processes=workers), progress)


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


class PartFormat(StrEnum):
    """How parts are written."""

    jsonl = "jsonl"
    parquet = "parquet"


def register_annotating(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command()(annotate)


def annotate(
    model: Annotated[Path, typer.Argument(help="Run or model folder.")],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN",
            help="File or folder: .txt (a sentence per line), .jsonl, .parquet, .conll, …;"
            " - for standard input.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the parts.")],
    format: Annotated[PartFormat, typer.Option(help="Of the parts.")] = PartFormat.jsonl,
    input_format: Annotated[
        str | None,
        typer.Option(
            help="Format of the input: text, jsonl, parquet, columns, … Default: by its name."
        ),
    ] = None,
    encoding: Encoding = None,
    columns: Columns = None,
    separator: Separator = None,
    no_spaces: NoSpaces = False,
    min_probability: MinProbability = 0.0,
    no_tokens: NoTokens = False,
    precision: Annotated[
        Precision, typer.Option(help="float32 is exact; the others are faster.")
    ] = Precision.float32,
    block: Annotated[int, typer.Option(min=1, help="Sentences in a part.")] = 20_000,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Parts at once, one thread each. Default: one per processor."),
    ] = None,
    executor: Annotated[Where, typer.Option(help="Processes of this machine, or Ray.")] = (
        Where.local
    ),
    address: Annotated[
        str | None, typer.Option(help="Ray cluster, HOST:PORT or auto; default: one of its own.")
    ] = None,
) -> None:
    """Find the entities of a large corpus: one output per input, in parts, in order.

    May be killed at any time: the same command goes on. The last line printed is the folder. A line
    or row that cannot be read is left out and named on stderr, and the exit status is then 2.

    Examples:

    kakehashi annotate runs/massive-ja-seed1 utterances.jsonl annotated --precision bfloat16

    kakehashi annotate runs/massive-ja-seed1 logs annotated --executor ray --address auto

    zcat log.gz | kakehashi annotate runs/massive-ja-seed1 - annotated --no-tokens
    """
    from kakehashi.cli.console import ProgressBars, print_line
    from kakehashi.parallel import open_map
    from kakehashi.runtime.blocks import Reading
    from kakehashi.runtime.bulk import annotate_corpus
    from kakehashi.runtime.stream import Kept

    settings: dict[str, object] = {"spaces": False} if no_spaces else {}
    if columns is not None:
        settings["columns"] = columns.split(",")
    if separator is not None:
        settings["separator"] = separator
    progress = ProgressBars()
    with open_map(workers, ray=executor is Where.ray, address=address) as map_jobs:
        count = annotate_corpus(
            model,
            source,
            out,
            reading=Reading(input_format, encoding or "utf-8", settings),
            kept=Kept(min_probability, not no_tokens),
            format=format.value,
            precision=precision.value,
            block=block,
            map_jobs=map_jobs,
            progress=progress,
        )
    print_line(str(out))
    if count.refused:
        for problem in count.problems[:NAMED]:
            progress.warn(problem)
        raise KakehashiError(
            f"{count.refused:,} lines or rows could not be read and are left out;"
            f" {out}/annotation.json names the first of them"
        )
