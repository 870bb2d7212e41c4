"""Verbs that run grids: experiment plan, run, status."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.options import Json, Track
from kakehashi.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kakehashi.experiments.execute import Executor
    from kakehashi.experiments.plan import Plan


GridFile = Annotated[Path, typer.Argument(metavar="FILE", help="Grid file (TOML).")]
Root = Annotated[Path, typer.Option(help="Where the cells of all grids lie.")]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="AXIS=LABEL", help="Only these cells; give it again for more."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Cells at once, one thread each. Default: one; on Ray all."),
]

ROOT = Path("runs/cells")


class Changed(StrEnum):
    """What to do about cells whose corpora or programs have changed since they were run."""

    run = "run"
    keep = "keep"


class Where(StrEnum):
    """What runs the cells."""

    local = "local"
    ray = "ray"


ChangedChoice = Annotated[
    Changed | None,
    typer.Option(help="When a corpus has changed: run its cells again, or keep the old results."),
]


def register(app: typer.Typer) -> typer.Typer:
    """Add the group to the program; others have more verbs for it."""
    group = typer.Typer(
        name="experiment",
        no_args_is_help=True,
        help="Grids of runs: plan, run, and report them.",
    )
    group.command()(plan)
    group.command()(run)
    group.command()(status)
    app.add_typer(group)
    return group


def plan(
    file: GridFile,
    root: Root = ROOT,
    only: Only = None,
    changed: ChangedChoice = None,
    workers: Workers = None,
    probe: Annotated[bool, typer.Option(help="Estimate the time; may train for a moment.")] = True,
    as_json: Json = False,
) -> None:
    """Say what a grid would run, and how long that takes.

    Example: kakehashi experiment plan experiments/layers.toml
    """
    from kakehashi.cli.console import ProgressBars, print_json, print_line
    from kakehashi.experiments.plan import forecast

    found = _plan(file, root, only, changed)
    seconds = forecast(found, ProgressBars()) / (workers or 1) if probe else None
    report = {**_counts(found), "seconds": seconds}
    if as_json:
        print_json(report)
        return
    _print_grid(found)
    if seconds is not None:
        print_line(f"Expected: {_duration(seconds)} with --workers {workers or 1}")


def run(
    file: GridFile,
    root: Root = ROOT,
    only: Only = None,
    changed: ChangedChoice = None,
    workers: Workers = None,
    executor: Annotated[Where, typer.Option(help="Processes of this machine, or Ray.")] = (
        Where.local
    ),
    address: Annotated[
        str | None, typer.Option(help="Ray cluster, HOST:PORT or auto; default: one of its own.")
    ] = None,
    track: Track = None,
) -> None:
    """Run the cells of a grid that are not finished.

    May be interrupted at any time: the same command goes on. What is finished never runs again.

    Example: kakehashi experiment run experiments/layers.toml --workers 2
    """
    from kakehashi.cli.console import print_line
    from kakehashi.cli.grid_bars import GridBars
    from kakehashi.experiments.execute import run_plan
    from kakehashi.tracking import check_trackers

    found = _plan(file, root, only, changed)
    check_trackers(track or (), root / "cell")
    with GridBars(root) as watch:
        failures = run_plan(found, _executor(executor, workers, address), watch, track or ())
    if failures:
        for line in failures:
            print_line(f"failed: {line}")
        problem = f"{len(failures)} of {len(found.missing)} cells failed; the same command tries"
        raise RunError(
            root, f"{problem} them again (failure.txt in the folder of a cell says more)"
        )
    if found.store.parquet.exists():
        print_line(str(found.store.parquet))


def status(file: GridFile, root: Root = ROOT, only: Only = None, as_json: Json = False) -> None:
    """Say which cells of a grid are finished.

    Example: kakehashi experiment status experiments/layers.toml
    """
    from kakehashi.cli.console import print_json
    from kakehashi.experiments.grid import read_grid
    from kakehashi.experiments.plan import make_plan

    found = make_plan(read_grid(file), root, only or ())
    if as_json:
        print_json(_counts(found))
    else:
        _print_grid(found)


def _plan(file: Path, root: Path, only: Sequence[str] | None, changed: Changed | None) -> Plan:
    """Plan a grid; refuse one with changed corpora unless it is said what to do."""
    from kakehashi.experiments.grid import read_grid
    from kakehashi.experiments.plan import make_plan

    grid = read_grid(file)
    found = make_plan(grid, root, only or ())
    if found.changed and changed is None:
        names = ", ".join(found.changes())
        problem = f"changed since {len(found.changed)} cells were run: {names}"
        raise RunError(
            root, f"{problem}; choose --changed run, or --changed keep for the old results"
        )
    if found.changed and changed is Changed.keep:
        found.store.keep(found.changed)
        found = make_plan(grid, root, only or ())
    return found


def _executor(where: Where, workers: int | None, address: str | None) -> Executor:
    if where is Where.ray:
        from kakehashi.experiments.execute import RayExecutor

        return RayExecutor(workers, address)
    from kakehashi.experiments.execute import LocalExecutor

    return LocalExecutor(workers or 1)


def _counts(found: Plan) -> dict[str, object]:
    return {
        "grid": found.grid.name,
        "cells": len(found.wanted),
        "runs": found.n_runs,
        "finished": found.n_finished,
        "missing": [cell.label for cell in found.missing],
        "changed": found.changes(),
    }


def _print_grid(found: Plan) -> None:
    """Print finished cells of all, row by column, and how many runs are missing."""
    from kakehashi.cli.console import print_line, print_table

    report = found.grid.report
    columns = found.grid.labels[report.columns] if report.columns else ("finished",)
    missing = {cell.key for cell in found.missing}
    rows = []
    for label in found.grid.labels[report.rows]:
        row = [label]
        for column in columns:
            cells = [
                cell
                for cell in found.wanted
                if cell.axes[report.rows] == label
                and (not report.columns or cell.axes[report.columns] == column)
            ]
            row.append(f"{sum(cell.key not in missing for cell in cells)}/{len(cells)}")
        rows.append(row)
    print_table(found.grid.title or found.grid.name, [report.rows, *columns], rows)
    sources = sum("source" in cell.axes for cell in found.missing)
    also = f" and {sources} source models" if sources else ""
    line = f"{len(found.wanted)} cells, {found.n_runs} runs: {found.n_finished} finished"
    print_line(f"{line}, {len(found.missing) - sources}{also} to run")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes or 1} min"
