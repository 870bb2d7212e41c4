"""The verb that trains: train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.experiment_verbs import Where
from kakehashi.cli.options import Json, Track
from kakehashi.errors import ConfigError, KakehashiError

if TYPE_CHECKING:
    from kakehashi.config.settings import RunSettings
    from kakehashi.training.distributed import ProcessGroup


class Select(StrEnum):
    """What the best epoch is chosen by."""

    dev = "dev"
    last = "last"
    best_test = "best-test"


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
        Select | None,
        typer.Option(help="Keep the epoch best on dev, the last, or, as the paper, best on test."),
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
    save_every: Annotated[
        float, typer.Option(min=0, metavar="MINUTES", help="Time between checkpoints.")
    ] = 5.0,
    executor: Annotated[
        Where, typer.Option(help="This process (or those that torchrun starts), or Ray.")
    ] = Where.local,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes on Ray. Default: one per processor or GPU.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster, HOST:PORT or auto; default: one of its own.")
    ] = None,
    track: Track = None,
    as_json: Json = False,
) -> None:
    """Train a recognizer, from scratch or from a source model.

    The same command goes on with an unfinished run, and shows a finished one again. Ctrl-C and
    SIGTERM keep the best model so far. The last line printed is the run folder. Several processes
    share every batch, and give what one would.

    Examples:

    kakehashi train configs/conll2003-en.toml

    kakehashi train configs/crf-knbc-ja.toml --source runs/conll2003-en-seed1 --groups char,dense

    kakehashi train configs/massive-ja.toml --seed 2 --set corpus.train_size=2000

    torchrun --standalone --nproc-per-node 2 -m kakehashi train demo-en --cache cache

    kakehashi train demo-en --cache cache --executor ray --workers 2
    """
    from kakehashi.cli.console import ProgressBars
    from kakehashi.tracking import check_trackers
    from kakehashi.training.distributed import train_on_ray
    from kakehashi.training.train import run_folder
    from kakehashi.training.train import train as train_task

    changes = _changes(overrides, source, groups, seed, select)
    _check_ray(executor, workers, address)
    with _joined_group() as group:
        with group.run_on_all():
            settings = _settings(config, changes)
        folder = out or run_folder(settings)
        if group.rank == 0:
            check_trackers(track or (), folder)
        train_here = partial(
            train_task, settings, folder, cache=cache, track=track or (), save_every=60 * save_every
        )
        if executor is Where.ray:
            cuda = settings.training.device != "cpu"
            progress = ProgressBars()
            train_on_ray(train_here, workers, address, cuda=cuda, progress=progress)
        else:
            train_here(progress=ProgressBars(), group=group)
        if group.rank == 0:
            _print(folder, as_json=as_json)


def _settings(config: Path, changes: list[str | tuple[str, object]]) -> RunSettings:
    from kakehashi.config.reading import check_files, read_settings

    settings = read_settings(config, changes)
    check_files(settings, config)
    return settings


def _changes(
    overrides: list[str] | None,
    source: str | None,
    groups: str | None,
    seed: int | None,
    select: Select | None,
) -> list[str | tuple[str, object]]:
    """Return as settings what options say."""
    if groups is not None and source is None:
        raise ConfigError("--groups", "says what to transfer, but not from where; add --source")
    changes: list[str | tuple[str, object]] = list(overrides or ())
    if source is not None:
        changes.append(("transfer.source", source))
    if groups is not None:
        changes.append(("transfer.groups", [group.strip() for group in groups.split(",")]))
    if seed is not None:
        changes.append(("training.seed", seed))
    if select is not None:
        changes.append(("training.select", select.value))
    return changes


def _check_ray(executor: Where, workers: int | None, address: str | None) -> None:
    for option, value in (("--workers", workers), ("--address", address)):
        if value is not None and executor is not Where.ray:
            raise ConfigError(
                option, "is for --executor ray; without Ray start processes with torchrun"
            )


@contextmanager
def _joined_group() -> Iterator[ProcessGroup]:
    """Join the other processes, if there are any; only rank 0 reports an error."""
    from kakehashi.training.distributed import process_group

    with process_group() as group:
        try:
            yield group
        except KakehashiError:
            if group.rank:
                raise SystemExit(2) from None
            raise


def _print(folder: Path, *, as_json: bool) -> None:
    from kakehashi.cli.console import print_json, print_line
    from kakehashi.cli.show import print_run, print_transfer
    from kakehashi.training.run import load_result

    result = load_result(folder)
    if as_json:
        print_json(result)
    else:
        print_transfer(result["transfer"])
        print_run(result)
    print_line(str(folder))
