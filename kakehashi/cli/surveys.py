"""Verbs that survey corpora as the paper does: distribution, corpora."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.findings import As, Layout, Out, layout_of, save, write_tables
from kakehashi.cli.options import Mapping, Reading, reads_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kakehashi.config.sources import Source
    from kakehashi.sentence import Sentence


def register(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    app.command()(distribution)
    app.command()(corpora)


@reads_files
def distribution(
    inputs: Annotated[
        list[Path], typer.Argument(help="Corpus files, or configs (.toml): their training sets.")
    ],
    reading: Reading,
    mapping: Mapping = None,
    layout: Annotated[Layout, typer.Option("--as", help="How to write the tables.")] = (
        Layout.terminal
    ),
    out: Annotated[
        Path | None, typer.Option(help="Draw the figure into this file too: .svg or .png.")
    ] = None,
) -> None:
    """Rank the entity types of corpora by how often they occur (the paper's figure 2).

    Example: kakehashi distribution configs/massive-en.toml configs/massive-ja.toml --out types.svg
    """
    from kakehashi.errors import ConfigError
    from kakehashi.reports.surveys import distribution_table

    if out is not None and out.suffix not in (".svg", ".png"):
        raise ConfigError("--out", f"expected a name that ends in .svg or .png, got {str(out)!r}")
    found: dict[str, dict[str, int]] = {}
    for path in inputs:
        if path.suffix == ".toml":
            name, sentences = _training_set(path)
        else:
            source = reading.source(path)
            name, sentences = path.name, _mapped(source, mapping)
        found[name] = _types(name, sentences)
    if out is not None:
        from kakehashi.reports.figures import distribution_figure

        save(out, distribution_figure(found).render("svg" if out.suffix == ".svg" else "png"))
    write_tables([distribution_table(*entry) for entry in found.items()], layout, None)


def _training_set(config: Path) -> tuple[str, Iterable[Sentence]]:
    """Read what a config trains on; how it is segmented does not matter here."""
    from kakehashi.config.reading import read_settings
    from kakehashi.corpora.corpus import load_corpora

    settings = read_settings(config)
    return settings.name, load_corpora(settings.corpus).train


def _mapped(source: Source, mapping: str | None) -> Iterable[Sentence]:
    from kakehashi.corpora.inspection import read_mapped

    return read_mapped(source, mapping, None)


def _types(name: str, sentences: Iterable[Sentence]) -> dict[str, int]:
    from kakehashi.cli.console import ProgressBars
    from kakehashi.corpora.stats import describe

    return describe(ProgressBars().track(sentences, name)).types


def corpora(
    configs: Annotated[list[Path], typer.Argument(help="Configs (.toml).")],
    layout: As = None,
    out: Out = None,
) -> None:
    """Count each part of the corpora of configs (the paper's tables 2 and 3).

    Example: kakehashi corpora configs/conll2003-en.toml configs/crf-knbc-ja.toml
    """
    from kakehashi.cli.console import ProgressBars
    from kakehashi.config.reading import read_settings
    from kakehashi.corpora.inspection import read_parts
    from kakehashi.corpora.stats import describe
    from kakehashi.reports.surveys import corpora_table

    progress = ProgressBars()
    found = {}
    for settings in map(read_settings, configs):
        found[settings.name] = {
            part: describe(progress.track(sentences, f"{settings.name} {part}"))
            for part, sentences in read_parts(settings).items()
        }
    write_tables([corpora_table(found)], layout_of(layout, out), out)
