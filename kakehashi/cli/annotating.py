"""The verb that tags large corpora: annotate."""

from __future__ import annotations

from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.experiments import Where
from kakehashi.cli.models import NAMED, MinProbability, NoTokens, Precision
from kakehashi.cli.options import Columns, Encoding, NoSpaces, Separator
from kakehashi.errors import KakehashiError

if TYPE_CHECKING:  # they load torch
    from contextlib import AbstractContextManager

    from kakehashi.annotation.engines import Engine


class PartFormat(StrEnum):
    """How parts are written."""

    jsonl = "jsonl"
    parquet = "parquet"


def register(app: typer.Typer) -> None:
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
    from kakehashi.annotation.annotating import annotate as annotate_task
    from kakehashi.annotation.inputs import Reading
    from kakehashi.cli.console import ProgressBars, print_line
    from kakehashi.inference.predicting import Kept

    settings: dict[str, object] = {"spaces": False} if no_spaces else {}
    if columns is not None:
        settings["columns"] = columns.split(",")
    if separator is not None:
        settings["separator"] = separator
    progress = ProgressBars()
    with _engine(executor, workers, address) as engine:
        count = annotate_task(
            model,
            source,
            out,
            reading=Reading(input_format, encoding or "utf-8", settings),
            kept=Kept(min_probability, not no_tokens),
            format=format.value,
            precision=precision.value,
            block=block,
            engine=engine,
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


def _engine(
    where: Where, workers: int | None, address: str | None
) -> AbstractContextManager[Engine]:
    from kakehashi.annotation.engines import Processes, ray_engine

    if where is Where.ray:
        return ray_engine(workers, address)
    return nullcontext(Processes(workers))
