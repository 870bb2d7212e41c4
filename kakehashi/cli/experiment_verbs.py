"""The verbs about grids of runs: experiment plan, run, status, table, figure, page, diff."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kakehashi.cli import console, options, show
from kakehashi.cli.options import arg, opt
from kakehashi.errors import ConfigError, RunError

if TYPE_CHECKING:
    from kakehashi.experiments.analysis import Analysis
    from kakehashi.experiments.plan import Plan

_OLD_PARTS = {"contests": "comparisons", "savings": "learning-curve"}  # of version 0.1
ROOT = Path("runs/cells")
ROOT_OPTION = opt("Folder of the runs of all grids.", default=ROOT)


@dataclass(frozen=True)
class GridOptions:
    """A grid and which of its runs are meant: options of every verb about one."""

    file: Path = arg("Grid file (TOML).", metavar="FILE")
    root: Path = ROOT_OPTION
    only: list[str] | None = opt("Only these runs; may be repeated.", metavar="AXIS=LABEL")

    def plan(self) -> Plan:
        """Look up which runs are finished."""
        from kakehashi.experiments.grid import read_grid
        from kakehashi.experiments.plan import make_plan

        return make_plan(read_grid(self.file), self.root, self.only or ())


@dataclass(frozen=True)
class RunOptions(GridOptions):
    """How the runs of a grid that are not finished are executed."""

    changed: Literal["run", "keep"] | None = opt(
        "If a corpus has changed: repeat its runs, or keep the old results."
    )
    workers: int | None = opt("Runs at a time, one thread each. Default: 1; on Ray all.", min=1)

    def plan(self) -> Plan:
        """Plan the runs; refuse changed corpora unless ``changed`` says what to do."""
        found = super().plan()
        if found.changed and self.changed is None:
            names = ", ".join(found.changes())
            problem = f"changed after {len(found.changed)} runs: {names}; choose --changed run,"
            raise RunError(self.root, f"{problem} or --changed keep for the old results")
        if found.changed and self.changed == "keep":
            found.store.keep(found.changed)
            found = super().plan()
        return found


@dataclass(frozen=True)
class AnalysisOptions(GridOptions):
    """How the results of a grid are tested."""

    trials: int = options.TRIALS
    seed: int = options.TEST_SEED

    def analyse(self) -> Analysis:
        """Analyse what is finished."""
        from kakehashi.experiments.analysis import analyse
        from kakehashi.experiments.grid import read_grid
        from kakehashi.experiments.store import load_results

        results = load_results(read_grid(self.file).only(self.only or ()), self.root)
        return analyse(results, trials=self.trials, seed=self.seed)


def plan(
    grid: RunOptions,
    probe: bool = opt("Estimate the time; may train for a moment.", default=True),
    as_json: bool = options.JSON,
) -> None:
    """Show what a grid would run, and how long that takes.

    Example:
      kakehashi experiment plan experiments/layers.toml
    """
    from kakehashi.experiments.plan import forecast

    found = grid.plan()
    tables, after = show.plan_tables(found)
    seconds, workers = None, grid.workers or 1
    if probe:
        seconds = forecast(found, console.ProgressBars()) / workers
        after += f"\nExpected: {_duration(seconds)} with --workers {workers}"
    console.print_report({**_counts(found), "seconds": seconds}, tables, after, as_json=as_json)


def run(
    grid: RunOptions,
    executor: options.Executor = options.EXECUTOR,
    address: str | None = options.ADDRESS,
    track: list[options.Tracker] | None = options.TRACK,
) -> None:
    """Execute the runs of a grid that are not finished.

    May be interrupted at any time: the same command resumes. Finished runs are never repeated.

    Example:
      kakehashi experiment run experiments/layers.toml --workers 2
    """
    from kakehashi.cli.grid_bars import GridBars
    from kakehashi.experiments.execute import LocalExecutor, RayExecutor, run_plan
    from kakehashi.tracking import check_trackers

    found = grid.plan()
    check_trackers(track or (), grid.root / "cell")
    local = LocalExecutor(grid.workers or 1)
    runner = RayExecutor(grid.workers, address) if executor == "ray" else local
    with GridBars(grid.root, len(found.missing)) as watch:
        failures = run_plan(found, runner, watch, track or ())
    if failures:
        for line in failures:
            console.print_line(f"failed: {line}")
        problem = f"{len(failures)} of {len(found.missing)} runs failed; the same command tries"
        raise RunError(grid.root, f"{problem} them again (see failure.txt in the folder of each)")
    if found.store.parquet.exists():
        console.print_line(str(found.store.parquet))


def status(grid: GridOptions, as_json: bool = options.JSON) -> None:
    """Show which runs of a grid are finished.

    Example:
      kakehashi experiment status experiments/layers.toml
    """
    found = grid.plan()
    console.print_report(_counts(found), *show.plan_tables(found), as_json=as_json)


def table(
    grid: AnalysisOptions,
    part: str | None = opt(
        "One table: scores, gains, comparisons, seeds, learning-curve, unseen, ceilings,"
        " frequencies, types. Default: all; with CSV seeds."
    ),
    layout: options.TableFormat | None = options.AS_OR_FORMAT,
    out: Path | None = options.OUT,
) -> None:
    """Print the tables of a grid, with both significance tests; unfinished runs are counted.

    Examples:
      kakehashi experiment table experiments/layers.toml
      kakehashi experiment table experiments/layers.toml --only corpus=CRF-KNBC
      kakehashi experiment table experiments/layers.toml --part scores --out layers.tex
    """
    from kakehashi.reports.grid_tables import grid_tables
    from kakehashi.reports.page import summarize

    layout = console.table_format(layout, out)
    analysis = grid.analyse()
    tables = grid_tables(analysis)
    part = _OLD_PARTS.get(part or "", part) or ("seeds" if layout == "csv" else None)
    if part is not None and part not in tables:
        raise ConfigError("--part", f"this grid has no table {part!r}; it has {', '.join(tables)}")
    chosen = tables.values() if part is None else [tables[part]]
    before = summarize(analysis)
    console.write_tables(chosen, layout, out, before=before, after=analysis.signature)


def figure(
    grid: AnalysisOptions,
    names: list[str] | None = arg(
        "size, types, gains, frequencies, distribution. Default: those the grid names.",
        default=None,
    ),
    out: Path = opt("Folder for the figures.", default=Path()),
) -> None:
    """Draw the figures of a grid, as SVG and PNG.

    Example:
      kakehashi experiment figure experiments/size.toml size --out docs/results
    """
    from kakehashi.reports.figures import FIGURES

    for name in names or ():
        if name not in FIGURES:
            raise ConfigError(name, f"is not a figure; known: {', '.join(FIGURES)}")
    analysis = grid.analyse()
    chosen = names or analysis.grid.report.figures
    if not chosen:
        problem = f"{grid.file} names none; name one here: {', '.join(FIGURES)}"
        raise ConfigError("report.figures", problem)
    for name in chosen:
        drawing = FIGURES[name](analysis)
        for kind in ("svg", "png"):
            path = out / f"{analysis.grid.name}-{name}.{kind}"
            console.save(path, drawing.render(kind))
            console.print_line(str(path))


def page(
    grid: AnalysisOptions,
    out: Path | None = opt("File to write: .html or .md. Default: GRID.html."),
) -> None:
    """Write a page about a grid: summary, tables, figures, and the commands that reproduce it.

    HTML is a single file. Markdown, if the name of --out ends in .md, has its figures in files
    beside it.

    Example:
      kakehashi experiment page experiments/size.toml --out docs/results/size.html
    """
    import shlex

    from kakehashi.reports.page import drawings_of, html_page, markdown_page

    analysis = grid.analyse()
    out = out or Path(f"{analysis.grid.name}.html")
    at = "" if grid.root == ROOT else f" --root {grid.root}"
    at += "".join(f" --only {shlex.quote(choice)}" for choice in grid.only or ())
    usual = (grid.trials, grid.seed) == (options.N_TRIALS, 0)
    chance = "" if usual else f" --trials {grid.trials} --seed {grid.seed}"
    commands = [
        f"kakehashi experiment run {grid.file}{at}",
        f"kakehashi experiment page {grid.file}{at} --out {out}{chance}",
    ]
    if console.table_format(None, out) == "markdown":
        figures = {}
        for drawing in drawings_of(analysis)[0]:
            name = figures[drawing.title] = f"{out.stem}-{drawing.name}.svg"
            console.save(out.with_name(name), drawing.render("svg"))
        console.save(out, markdown_page(analysis, commands, figures))
    else:
        console.save(out, html_page(analysis, commands))
    console.print_line(str(out))


def diff(
    names: list[str] = arg(
        "Two run folders; or a grid file and two of its runs: labels with commas.",
        metavar="[FILE] A B",
    ),
    root: Path = ROOT_OPTION,
    most: int = opt("Sentences to list, each way.", default=20, min=0),
    layout: options.TableFormat | None = options.AS_OR_FORMAT,
    out: Path | None = options.OUT,
) -> None:
    """Show what changed from run A to run B: sentences, entity types, what was transferred.

    Examples:
      kakehashi experiment diff runs/ja-seed1 runs/ja-char+dense-seed1
      kakehashi experiment diff experiments/types.toml "no transfer" "char+dense, seed=2"
    """
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
    layout = console.table_format(layout, out)
    chosen = [tables["types"]] if layout == "csv" else list(tables.values())
    console.write_tables(chosen, layout, out)


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
