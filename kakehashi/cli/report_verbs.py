"""Verbs that report grids: experiment table, figure, page, explain."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.experiment_verbs import ROOT, GridFile, Only, Root

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kakehashi.experiments.analysis import Analysis
    from kakehashi.experiments.learning_curve import EquivalentSize
    from kakehashi.reports.tables import Table

_OLD_PARTS = {"contests": "comparisons", "savings": "learning-curve"}  # of version 0.1
_TRIALS = 10_000  # kakehashi.scoring.significance.TRIALS, which loads numpy


class Layout(StrEnum):
    """How tables are written."""

    terminal = "terminal"
    markdown = "markdown"
    latex = "latex"
    csv = "csv"
    html = "html"


Trials = Annotated[int, typer.Option(min=1, help="Shuffles of each test.")]
SamplingSeed = Annotated[int, typer.Option("--seed", min=0, help="Of the shuffles.")]
As = Annotated[
    Layout | None,
    typer.Option(
        "--as", "--format", help="How to write tables; default: by the name of --out, or terminal."
    ),
]
Out = Annotated[Path | None, typer.Option(help="File to write; default standard output.")]

_BY_SUFFIX = {".md": "markdown", ".tex": "latex", ".csv": "csv", ".html": "html"}


def register(group: typer.Typer) -> None:
    """Add the verbs to the group ``experiment``."""
    for verb in (table, figure, page, explain):
        group.command()(verb)


def table(
    file: GridFile,
    root: Root = ROOT,
    only: Only = None,
    part: Annotated[
        str | None,
        typer.Option(
            help="One table: scores, gains, comparisons, seeds, learning-curve,"
            " ceilings, frequencies, types."
            " Default: all; of CSV, seeds."
        ),
    ] = None,
    layout: As = None,
    out: Out = None,
    trials: Trials = _TRIALS,
    seed: SamplingSeed = 0,
) -> None:
    """Print the tables of a grid, with both significance tests; unfinished cells are counted.

    Examples:

      kakehashi experiment table experiments/layers.toml

      kakehashi experiment table experiments/layers.toml --only corpus=CRF-KNBC

      kakehashi experiment table experiments/layers.toml --part scores --out layers.tex
    """
    from kakehashi.errors import ConfigError
    from kakehashi.reports.grid_tables import grid_tables
    from kakehashi.reports.summary import summarize

    layout = layout_of(layout, out)
    analysis, savings = _analysis(file, root, only, trials, seed)
    tables = grid_tables(analysis, savings)
    part = _OLD_PARTS.get(part or "", part) or ("seeds" if layout is Layout.csv else None)
    if part is not None and part not in tables:
        raise ConfigError("--part", f"{part!r} is not one of this grid's: {', '.join(tables)}")
    chosen = tables.values() if part is None else [tables[part]]
    write_tables(chosen, layout, out, before=summarize(analysis, savings), after=analysis.signature)


def figure(
    file: GridFile,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="size, types, gains, distribution; default those the grid names."),
    ] = None,
    root: Root = ROOT,
    only: Only = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
    trials: Trials = _TRIALS,
    seed: SamplingSeed = 0,
) -> None:
    """Draw the figures of a grid, as SVG and as PNG.

    Example: kakehashi experiment figure experiments/size.toml size --out docs/results
    """
    from kakehashi.cli.console import print_line
    from kakehashi.errors import ConfigError
    from kakehashi.reports.figures import FIGURES

    unknown = [name for name in names or () if name not in FIGURES]
    if unknown:
        raise ConfigError(unknown[0], f"is no figure; known: {', '.join(FIGURES)}")
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
    out: Annotated[Path | None, typer.Option(help="File; default GRID.html.")] = None,
    trials: Trials = _TRIALS,
    seed: SamplingSeed = 0,
) -> None:
    """Write one page about a grid: findings, tables, figures, how to make it again.

    HTML is one file that needs no other. Markdown, where the name of --out ends in .md, has its
    figures beside it.

    Example: kakehashi experiment page experiments/size.toml --out docs/results/size.html
    """
    import shlex

    from kakehashi.cli.console import print_line
    from kakehashi.reports.page import drawings_of, html_page, markdown_page

    analysis, savings = _analysis(file, root, only, trials, seed)
    out = out or Path(f"{analysis.grid.name}.html")
    at = "" if root == ROOT else f" --root {root}"
    at += "".join(f" --only {shlex.quote(choice)}" for choice in only or ())
    chance = "" if (trials, seed) == (_TRIALS, 0) else f" --trials {trials} --seed {seed}"
    commands = [
        f"kakehashi experiment run {file}{at}",
        f"kakehashi experiment page {file}{at} --out {out}{chance}",
    ]
    if layout_of(None, out) is Layout.markdown:
        figures = {}
        for drawing in drawings_of(analysis)[0]:
            name = figures[drawing.title] = f"{out.stem}-{drawing.name}.svg"
            save(out.with_name(name), drawing.render("svg"))
        save(out, markdown_page(analysis, savings, commands, figures))
    else:
        save(out, html_page(analysis, savings, commands))
    print_line(str(out))


def explain(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[FILE] A B",
            help="Two run folders; or a grid file and two cells, as labels with commas.",
        ),
    ],
    root: Root = ROOT,
    most: Annotated[int, typer.Option(min=0, help="Sentences to list at most, each way.")] = 20,
    layout: As = None,
    out: Out = None,
) -> None:
    """Explain what changed from run A to run B: sentences, entity types, what was transferred.

    Examples:

      kakehashi experiment explain runs/ja-seed1 runs/ja-char+dense-seed1

      kakehashi experiment explain experiments/types.toml "no transfer" "char+dense, seed=2"
    """
    from kakehashi.errors import ConfigError
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
        raise ConfigError("explain", "give two run folders, or a grid file and two cells")
    tables = run_diff_tables(diff_runs(*runs), most)
    layout = layout_of(layout, out)
    chosen = [tables["types"]] if layout is Layout.csv else list(tables.values())
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


def layout_of(layout: Layout | None, out: Path | None) -> Layout:
    """Choose how tables are written: as said, or as the file's name says."""
    suffix = "" if out is None else out.suffix
    return layout or Layout(_BY_SUFFIX.get(suffix, "terminal"))


def write_tables(
    tables: Iterable[Table], layout: Layout, out: Path | None, before: str = "", after: str = ""
) -> None:
    """Write tables, with a paragraph before and one after, to a file or to standard output."""
    import shutil
    import sys

    from kakehashi.reports.tables import written

    width = shutil.get_terminal_size((200, 24)).columns
    text = written(tables, layout.value, before=before, after=after, width=width)
    if out is None:
        sys.stdout.write(text)
    else:
        save(out, text)


def save(path: Path, data: str | bytes) -> None:
    """Write a report, making its folder.

    Raises:
        RunError: If it cannot be written.
    """
    from kakehashi.errors import RunError
    from kakehashi.files import write_atomically

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise RunError(path, f"cannot be written ({error.strerror})") from None
