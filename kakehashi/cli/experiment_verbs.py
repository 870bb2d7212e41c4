"""The verbs about grids of runs: experiment plan, run, status, table, figure, page, diff."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from kakehashi.cli import options
from kakehashi.cli.options import arg, opt
from kakehashi.errors import ConfigError, RunError

if TYPE_CHECKING:
    from kakehashi.experiments.analysis import Analysis
    from kakehashi.experiments.learning_curve import EquivalentSize
    from kakehashi.experiments.plan import Plan

_OLD_PARTS = {"contests": "comparisons", "savings": "learning-curve"}  # of version 0.1
ROOT = Path("runs/cells")
GridFile = Annotated[Path, arg("Grid file (TOML).", metavar="FILE")]
Root = Annotated[Path, opt("Folder of the runs of all grids.")]
Only = Annotated[
    list[str] | None,
    opt("Only these runs; repeat the option for more.", metavar="AXIS=LABEL"),
]
Workers = Annotated[
    int | None, opt("Runs at a time, one thread each. Default: 1; on Ray all.", min=1)
]
Changed = Annotated[
    Literal["run", "keep"] | None,
    opt("If a corpus has changed: repeat its runs, or keep the old results."),
]


def plan(
    file: GridFile,
    root: Root = ROOT,
    only: Only = None,
    changed: Changed = None,
    workers: Workers = None,
    probe: Annotated[bool, opt("Estimate the time; may train for a moment.")] = True,
    as_json: options.Json = False,
) -> None:
    """Show what a grid would run, and how long that takes.

    Example:
      kakehashi experiment plan experiments/layers.toml
    """
    from kakehashi.cli.console import ProgressBars, print_report
    from kakehashi.cli.show import plan_tables
    from kakehashi.experiments.plan import forecast

    found = _plan(file, root, only, changed)
    tables, after = plan_tables(found)
    seconds = None
    if probe:
        seconds = forecast(found, ProgressBars()) / (workers or 1)
        after += f"\nExpected: {_duration(seconds)} with --workers {workers or 1}"
    print_report({**_counts(found), "seconds": seconds}, tables, after, as_json=as_json)


def run(
    file: GridFile,
    root: Root = ROOT,
    only: Only = None,
    changed: Changed = None,
    workers: Workers = None,
    executor: options.ExecutorChoice = "local",
    address: options.Address = None,
    track: options.Track = None,
) -> None:
    """Execute the runs of a grid that are not finished.

    May be interrupted at any time: the same command resumes. Finished runs are never repeated.

    Example:
      kakehashi experiment run experiments/layers.toml --workers 2
    """
    from kakehashi.cli.console import print_line
    from kakehashi.cli.grid_bars import GridBars
    from kakehashi.experiments.execute import LocalExecutor, RayExecutor, run_plan
    from kakehashi.tracking import check_trackers

    found = _plan(file, root, only, changed)
    check_trackers(track or (), root / "cell")
    on_ray = executor == "ray"
    runner = RayExecutor(workers, address) if on_ray else LocalExecutor(workers or 1)
    with GridBars(root, len(found.missing)) as watch:
        failures = run_plan(found, runner, watch, track or ())
    if failures:
        for line in failures:
            print_line(f"failed: {line}")
        problem = f"{len(failures)} of {len(found.missing)} runs failed; the same command tries"
        raise RunError(root, f"{problem} them again (see failure.txt in the folder of each)")
    if found.store.parquet.exists():
        print_line(str(found.store.parquet))


def status(
    file: GridFile, root: Root = ROOT, only: Only = None, as_json: options.Json = False
) -> None:
    """Show which runs of a grid are finished.

    Example:
      kakehashi experiment status experiments/layers.toml
    """
    from kakehashi.cli.console import print_report
    from kakehashi.cli.show import plan_tables
    from kakehashi.experiments.grid import read_grid
    from kakehashi.experiments.plan import make_plan

    found = make_plan(read_grid(file), root, only or ())
    print_report(_counts(found), *plan_tables(found), as_json=as_json)


def table(
    file: GridFile,
    root: Root = ROOT,
    only: Only = None,
    part: Annotated[
        str | None,
        opt(
            "One table: scores, gains, comparisons, seeds, learning-curve, unseen, ceilings,"
            " frequencies, types. Default: all; with CSV seeds."
        ),
    ] = None,
    layout: options.AsOrFormat = None,
    out: options.Out = None,
    trials: options.Trials = options.TRIALS,
    seed: options.TestSeed = 0,
) -> None:
    """Print the tables of a grid, with both significance tests; unfinished runs are counted.

    Examples:
      kakehashi experiment table experiments/layers.toml
      kakehashi experiment table experiments/layers.toml --only corpus=CRF-KNBC
      kakehashi experiment table experiments/layers.toml --part scores --out layers.tex
    """
    from kakehashi.cli.console import table_format, write_tables
    from kakehashi.reports.grid_tables import grid_tables
    from kakehashi.reports.page import summarize

    layout = table_format(layout, out)
    analysis, savings = _analysis(file, root, only, trials, seed)
    tables = grid_tables(analysis, savings)
    part = _OLD_PARTS.get(part or "", part) or ("seeds" if layout == "csv" else None)
    if part is not None and part not in tables:
        raise ConfigError("--part", f"this grid has no table {part!r}; it has {', '.join(tables)}")
    chosen = tables.values() if part is None else [tables[part]]
    write_tables(chosen, layout, out, before=summarize(analysis, savings), after=analysis.signature)


def figure(
    file: GridFile,
    names: Annotated[
        list[str] | None,
        arg("size, types, gains, frequencies, distribution. Default: those the grid names."),
    ] = None,
    root: Root = ROOT,
    only: Only = None,
    out: Annotated[Path, opt("Folder for the figures.")] = Path(),
    trials: options.Trials = options.TRIALS,
    seed: options.TestSeed = 0,
) -> None:
    """Draw the figures of a grid, as SVG and PNG.

    Example:
      kakehashi experiment figure experiments/size.toml size --out docs/results
    """
    from kakehashi.cli.console import print_line, save
    from kakehashi.reports.figures import FIGURES

    for name in names or ():
        if name not in FIGURES:
            raise ConfigError(name, f"is not a figure; known: {', '.join(FIGURES)}")
    analysis, _ = _analysis(file, root, only, trials, seed, savings=False)
    chosen = names or analysis.grid.report.figures
    if not chosen:
        raise ConfigError(
            "report.figures", f"{file} names none; name one here: {', '.join(FIGURES)}"
        )
    for name in chosen:
        drawing = FIGURES[name](analysis)
        for kind in ("svg", "png"):
            path = out / f"{analysis.grid.name}-{name}.{kind}"
            save(path, drawing.render(kind))
            print_line(str(path))


def page(
    file: GridFile,
    root: Root = ROOT,
    only: Only = None,
    out: Annotated[Path | None, opt("File to write: .html or .md. Default: GRID.html.")] = None,
    trials: options.Trials = options.TRIALS,
    seed: options.TestSeed = 0,
) -> None:
    """Write a page about a grid: summary, tables, figures, and the commands that reproduce it.

    HTML is a single file. Markdown, if the name of --out ends in .md, has its figures in files
    beside it.

    Example:
      kakehashi experiment page experiments/size.toml --out docs/results/size.html
    """
    import shlex

    from kakehashi.cli.console import print_line, save, table_format
    from kakehashi.reports.page import drawings_of, html_page, markdown_page

    analysis, savings = _analysis(file, root, only, trials, seed)
    out = out or Path(f"{analysis.grid.name}.html")
    at = "" if root == ROOT else f" --root {root}"
    at += "".join(f" --only {shlex.quote(choice)}" for choice in only or ())
    chance = "" if (trials, seed) == (options.TRIALS, 0) else f" --trials {trials} --seed {seed}"
    commands = [
        f"kakehashi experiment run {file}{at}",
        f"kakehashi experiment page {file}{at} --out {out}{chance}",
    ]
    if table_format(None, out) == "markdown":
        figures = {}
        for drawing in drawings_of(analysis)[0]:
            name = figures[drawing.title] = f"{out.stem}-{drawing.name}.svg"
            save(out.with_name(name), drawing.render("svg"))
        save(out, markdown_page(analysis, savings, commands, figures))
    else:
        save(out, html_page(analysis, savings, commands))
    print_line(str(out))


def diff(
    names: Annotated[
        list[str],
        arg(
            "Two run folders; or a grid file and two of its runs: labels with commas.",
            metavar="[FILE] A B",
        ),
    ],
    root: Root = ROOT,
    most: Annotated[int, opt("Sentences to list, each way.", min=0)] = 20,
    layout: options.AsOrFormat = None,
    out: options.Out = None,
) -> None:
    """Show what changed from run A to run B: sentences, entity types, what was transferred.

    Examples:
      kakehashi experiment diff runs/ja-seed1 runs/ja-char+dense-seed1
      kakehashi experiment diff experiments/types.toml "no transfer" "char+dense, seed=2"
    """
    from kakehashi.cli.console import table_format, write_tables
    from kakehashi.experiments.diff import diff_runs, run_in_folder, run_with_labels
    from kakehashi.experiments.grid import read_grid
    from kakehashi.experiments.store import load_results
    from kakehashi.reports.diff_tables import run_diff_tables

    if len(names) == 2:
        runs = [run_in_folder(Path(name)) for name in names]
    elif len(names) == 3:
        results = load_results(read_grid(names[0]), root)
        runs = [run_with_labels(results, name) for name in names[1:]]
    else:
        raise ConfigError("diff", "expected two run folders, or a grid file and two of its runs")
    tables = run_diff_tables(diff_runs(*runs), most)
    layout = table_format(layout, out)
    chosen = [tables["types"]] if layout == "csv" else list(tables.values())
    write_tables(chosen, layout, out)


def _analysis(
    file: Path,
    root: Path,
    only: Sequence[str] | None,
    trials: int,
    seed: int,
    *,
    savings: bool = True,
) -> tuple[Analysis, Sequence[EquivalentSize]]:
    from kakehashi.experiments.analysis import analyse
    from kakehashi.experiments.grid import read_grid
    from kakehashi.experiments.learning_curve import find_equivalent_sizes
    from kakehashi.experiments.store import load_results

    results = load_results(read_grid(file).only(only or ()), root)
    analysis = analyse(results, trials=trials, seed=seed)
    return analysis, find_equivalent_sizes(analysis) if savings else ()


def _plan(file: Path, root: Path, only: Sequence[str] | None, changed: str | None) -> Plan:
    """Plan a grid; refuse one with changed corpora unless ``changed`` says what to do."""
    from kakehashi.experiments.grid import read_grid
    from kakehashi.experiments.plan import make_plan

    grid = read_grid(file)
    found = make_plan(grid, root, only or ())
    if found.changed and changed is None:
        names = ", ".join(found.changes())
        problem = f"changed after {len(found.changed)} runs: {names}"
        raise RunError(
            root, f"{problem}; choose --changed run, or --changed keep for the old results"
        )
    if found.changed and changed == "keep":
        found.store.keep(found.changed)
        found = make_plan(grid, root, only or ())
    return found


def _counts(found: Plan) -> dict[str, object]:
    return {
        "grid": found.grid.name,
        "cells": len(found.wanted),
        "runs": found.n_runs,
        "finished": found.n_finished,
        "missing": [cell.label for cell in found.missing],
        "changed": found.changes(),
    }


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes or 1} min"


VERBS = (plan, run, status, table, figure, page, diff)
