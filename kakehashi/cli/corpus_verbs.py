"""Verbs that survey corpora as the paper does: distribution, corpora.

The verb that looks at what romanization costs: homophones.

Verbs that read and write corpora: inspect, convert, generate.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.options import Force, Json, Mapping, Reading, Segmenter, reads_files
from kakehashi.cli.report_verbs import As, Layout, Out, layout_of, save, write_tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kakehashi.config.sources import AssistantSource, Source
    from kakehashi.corpora.stats import CorpusStats, Homophones
    from kakehashi.corpora.writing import Written
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
    from kakehashi.reports.corpus_tables import distribution_table

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
    from kakehashi.corpora.corpus import read_mapped

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
    from kakehashi.corpora.corpus import read_parts
    from kakehashi.corpora.stats import describe
    from kakehashi.reports.corpus_tables import corpora_table

    progress = ProgressBars()
    found = {}
    for settings in map(read_settings, configs):
        found[settings.name] = {
            part: describe(progress.track(sentences, f"{settings.name} {part}"))
            for part, sentences in read_parts(settings).items()
        }
    write_tables([corpora_table(found)], layout_of(layout, out), out)


def register_homophones(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command()(homophones)


@reads_files
def homophones(
    inputs: Annotated[list[Path], typer.Argument(help="Corpus files, or configs (.toml).")],
    reading: Reading,
    examples: Annotated[int, typer.Option(min=0, help="How many to show of each corpus.")] = 20,
    mapping: Mapping = None,
    segmenter: Segmenter = None,
    as_json: Json = False,
) -> None:
    """Find words that are written differently and romanized alike, and mentions that hold one.

    Of a config, training, development and test set are taken together. The examples are those with
    most tokens beside the most frequent word; --json gives all.

    Examples:

      kakehashi homophones configs/crf-knbc-ja.toml

      kakehashi homophones news.jsonl --segmenter unidic-lite --examples 100
    """
    from kakehashi.cli.console import ProgressBars, print_json
    from kakehashi.config.reading import read_settings
    from kakehashi.corpora.corpus import read_mapped, read_parts
    from kakehashi.corpora.stats import find_homophones

    progress = ProgressBars()
    found: dict[str, Homophones] = {}
    for path in inputs:
        if path.suffix == ".toml":
            settings = read_settings(path)
            name = settings.name
            sentences = chain.from_iterable(read_parts(settings).values())
        else:
            source = reading.source(path)
            name = path.name
            sentences = chain(read_mapped(source, mapping, segmenter))
        found[name] = find_homophones(progress.track(sentences, name))
    if as_json:
        print_json({name: each.to_dict() for name, each in found.items()})
    else:
        _print_homophones(found, examples)


def _print_homophones(found: dict[str, Homophones], examples: int) -> None:
    from kakehashi.cli.console import print_table

    counts: dict[str, list[object]] = {
        "distinct words": [f"{each.words.total:,}" for each in found.values()],
        "distinct once romanized": [f"{each.romanized:,}" for each in found.values()],
        "words romanized as another": [each.words for each in found.values()],
        "tokens of such words": [each.tokens for each in found.values()],
        "of them not the most frequent": [f"{each.rarer:,}" for each in found.values()],
        "mentions with such a word": [each.mentions for each in found.values()],
    }
    for entity_type in dict.fromkeys(name for each in found.values() for name in each.types):
        counts[entity_type] = [each.types.get(entity_type, "-") for each in found.values()]
    rows: list[list[object]] = [[name, *values] for name, values in counts.items()]
    print_table("Written differently, romanized alike", ["", *found], rows)
    for name, each in found.items():
        shown = [
            [romaji, " ".join(f"{word} {count}" for word, count in words.items()), mentions]
            for romaji, words, mentions in each.collapses[:examples]
        ]
        if shown:
            print_table(f"{name}: words and tokens", ["romaji", "words", "mentions"], shown)


_TESTED = 100_000


def register_corpora(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    for verb in (inspect, convert, generate):
        app.command()(verb)


class Partition(StrEnum):
    """Parts of the generated corpus."""

    train = "train"
    dev = "dev"
    test = "test"


class Language(StrEnum):
    """Languages of the built-in grammars."""

    en = "en"
    ja = "ja"
    de = "de"


@reads_files
def inspect(
    inputs: Annotated[list[Path], typer.Argument(help="Corpus files, or configs (.toml).")],
    reading: Reading,
    mapping: Mapping = None,
    segmenter: Segmenter = None,
    as_json: Json = False,
) -> None:
    """Count sentences, tokens and entities per type, and list mentions that no tokens can express.

    Of a config, each part is counted as training sees it.

    Examples:

      kakehashi inspect configs/crf-knbc-ja.toml

      kakehashi inspect eng.train --format columns --columns token,pos,_,tag

      kakehashi inspect iob2.conll --no-spaces --segmenter unidic-lite
    """
    from kakehashi.cli.console import ProgressBars, print_json
    from kakehashi.cli.show import print_stats
    from kakehashi.config.reading import read_settings
    from kakehashi.corpora.corpus import read_mapped, read_parts
    from kakehashi.corpora.stats import describe

    progress = ProgressBars()
    found: dict[str, CorpusStats] = {}
    for path in inputs:
        if path.suffix == ".toml":
            config = read_settings(path)
            parts = {f"{config.name} {part}": read for part, read in read_parts(config).items()}
        else:
            parts = {path.name: read_mapped(reading.source(path), mapping, segmenter)}
        found |= {name: describe(progress.track(read, name)) for name, read in parts.items()}
    if as_json:
        print_json({name: stats.to_dict() for name, stats in found.items()})
    else:
        print_stats(found)


@reads_files
def convert(
    input: Annotated[Path, typer.Argument(help="Corpus file, archive or folder.")],
    output: Annotated[Path, typer.Argument(help="File to write: .jsonl, .conll, .xml, …")],
    reading: Reading,
    mapping: Mapping = None,
    segmenter: Segmenter = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Format of the output; default: by its name.")
    ] = None,
    to_columns: Annotated[str | None, typer.Option(help="As --columns, for the output.")] = None,
    to_separator: Annotated[
        str | None, typer.Option(help="As --separator, for the output.")
    ] = None,
    to_set: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="As --set, for the output, e.g. docstart=keep."),
    ] = None,
    scheme: Annotated[str | None, typer.Option(help="Tags to write: bio, iob1, iobes.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Convert a corpus: read any format, write columns, JSON lines or inline tags.

    Examples:

      kakehashi convert KNBC_v1.0.tar.gz knbc.jsonl --encoding euc-jp

      kakehashi convert ner.json.gz ner.conll --segmenter unidic-lite --to-columns token,reading,tag

      kakehashi convert ner.csv ner.jsonl --format columns --separator , --set header_lines=1
    """
    from kakehashi.cli.console import ProgressBars
    from kakehashi.corpora.corpus import read_mapped
    from kakehashi.corpora.writing import write_corpus

    _check_free(output, force)
    settings = [*(to_set or ()), *([f"scheme={scheme}"] if scheme else ())]
    writing = Reading(to, to_columns, to_separator, types=reading.types, settings=settings)
    target = writing.source(output, optional=("types",))
    # What names the elements to write need not be said of the input.
    optional = ("types",) if target.format == "inline" else ()
    sentences = read_mapped(reading.source(input, optional=optional), mapping, segmenter)
    progress = ProgressBars()
    written = write_corpus(progress.track(sentences, f"converting {input.name}"), target)
    _print_written(output, written, as_json)


def generate(
    language: Annotated[Language, typer.Option(help="Of the utterances.")],
    output: Annotated[
        Path | None, typer.Argument(help="File to write: .parquet, or else JSON lines.")
    ] = None,
    utterances: Annotated[int, typer.Option(min=1, help="How many.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same utterances.")] = 0,
    partition: Annotated[
        Partition, typer.Option(help="dev and test hold values and phrases of their own.")
    ] = Partition.train,
    processes: Annotated[
        int, typer.Option(min=1, help="How many generate; the file is the same for any number.")
    ] = 1,
    report: Annotated[
        bool, typer.Option("--report", help="Write nothing; say what repeats and what test adds.")
    ] = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Generate voice-assistant utterances from the built-in grammars.

    Examples:

      kakehashi generate ja.jsonl --language ja --utterances 20000 --seed 7

      kakehashi generate en.parquet --language en --utterances 5000000 --processes 4

      kakehashi generate --report --language de --utterances 1000000
    """
    from kakehashi.cli.console import ProgressBars
    from kakehashi.config.sources import AssistantSource
    from kakehashi.corpora.writing import write_generated
    from kakehashi.errors import ConfigError

    source = AssistantSource(
        language=language.value, utterances=utterances, seed=seed, partition=partition.value
    )
    if report == (output is not None):
        raise ConfigError("OUTPUT", "expected a file to write, or --report, and not both")
    if output is None:
        _report(source, as_json)
        return
    _check_free(output, force)
    _print_written(output, write_generated(output, source, processes, ProgressBars()), as_json)


def _report(source: AssistantSource, as_json: bool) -> None:
    from kakehashi.cli.console import ProgressBars, print_json
    from kakehashi.cli.show import print_overlap
    from kakehashi.corpora.formats import read_source
    from kakehashi.corpora.stats import measure_overlap

    tests = source.model_copy(
        update={"partition": "test", "utterances": min(source.utterances, _TESTED)}
    )
    progress = ProgressBars()
    label = f"reading {source.language}"
    found = measure_overlap(
        progress.track(read_source(source), label, source.utterances), read_source(tests)
    )
    if as_json:
        print_json({"language": source.language} | found.to_dict())
    else:
        print_overlap(source.language, found)


def _print_written(output: Path, written: Written, as_json: bool) -> None:
    from kakehashi.cli.console import print_json, print_line
    from kakehashi.cli.show import print_lost

    if as_json:
        print_json({"file": str(output), **written.to_dict()})
    else:
        print_line(f"{output}: {written.sentences:,} sentences, {written.mentions:,} mentions")
        print_lost(written.lost, output.name, stderr=True)


def _check_free(output: Path, force: bool) -> None:
    from kakehashi.errors import ConfigError

    if output.exists() and not force:
        raise ConfigError(str(output), "exists already; choose another name, or add --force")
