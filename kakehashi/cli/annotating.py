"""The verb that tags large corpora: annotate."""

from __future__ import annotations

from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.experiments import Where
from kakehashi.cli.models import Precision

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
            metavar="IN", help="File or folder: .jsonl, .txt (a sentence per line), .parquet."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the parts.")],
    format: Annotated[PartFormat, typer.Option(help="Of the parts.")] = PartFormat.jsonl,
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

    May be killed at any time: the same command goes on. The last line printed is the folder.

    Examples:

    kakehashi annotate runs/massive-ja-seed1 utterances.jsonl annotated --precision bfloat16

    kakehashi annotate runs/massive-ja-seed1 logs annotated --executor ray --address auto
    """
    from kakehashi.annotation.annotating import annotate as annotate_task
    from kakehashi.cli.console import ProgressBars, print_line

    with _engine(executor, workers, address) as engine:
        annotate_task(
            model,
            source,
            out,
            format=format.value,
            precision=precision.value,
            block=block,
            engine=engine,
            progress=ProgressBars(),
        )
    print_line(str(out))


def _engine(
    where: Where, workers: int | None, address: str | None
) -> AbstractContextManager[Engine]:
    from kakehashi.annotation.engines import Processes, ray_engine

    if where is Where.ray:
        return ray_engine(workers, address)
    return nullcontext(Processes(workers))
