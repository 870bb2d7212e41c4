"""Verbs that read and write corpora: inspect, convert, generate."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.options import Force, Json, Mapping, Reading, Segmenter, reads_files

_TESTED = 100_000

if TYPE_CHECKING:
    from kakehashi.config.sources import AssistantSource
    from kakehashi.corpora.stats import CorpusStats
    from kakehashi.corpora.writing import Written


def register(app: typer.Typer) -> None:
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
    from kakehashi.cli.reports import print_stats
    from kakehashi.config.reading import read_settings
    from kakehashi.corpora.inspection import read_mapped, read_parts
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
    from kakehashi.corpora.corpus import Corpus
    from kakehashi.corpora.mappings import load_mapping
    from kakehashi.corpora.segmentation import segmented
    from kakehashi.corpora.writing import write_corpus
    from kakehashi.text.segment import load_segmenter

    _check_free(output, force)
    settings = [*(to_set or ()), *([f"scheme={scheme}"] if scheme else ())]
    writing = Reading(to, to_columns, to_separator, types=reading.types, settings=settings)
    target = writing.source(output, optional=("types",))
    # What names the elements to write need not be said of the input.
    optional = ("types",) if target.format == "inline" else ()
    corpus = Corpus.from_sources([reading.source(input, optional=optional)])
    if mapping is not None:
        corpus = corpus.map_types(load_mapping(mapping))
    sentences = iter(corpus)
    if segmenter is not None:
        sentences = segmented(sentences, load_segmenter(segmenter))
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
    from kakehashi.data.generated import write_generated
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
    from kakehashi.cli.reports import print_novelty
    from kakehashi.corpora.formats import read_source
    from kakehashi.corpora.novelty import measure_novelty

    tests = source.model_copy(
        update={"partition": "test", "utterances": min(source.utterances, _TESTED)}
    )
    progress = ProgressBars()
    label = f"reading {source.language}"
    found = measure_novelty(
        progress.track(read_source(source), label, source.utterances), read_source(tests)
    )
    if as_json:
        print_json({"language": source.language} | found.to_dict())
    else:
        print_novelty(source.language, found)


def _print_written(output: Path, written: Written, as_json: bool) -> None:
    from kakehashi.cli.console import print_json, print_line
    from kakehashi.cli.reports import print_lost

    if as_json:
        print_json({"file": str(output), **written.to_dict()})
    else:
        print_line(f"{output}: {written.sentences:,} sentences, {written.mentions:,} mentions")
        print_lost(written.lost, output.name, stderr=True)


def _check_free(output: Path, force: bool) -> None:
    from kakehashi.errors import ConfigError

    if output.exists() and not force:
        raise ConfigError(str(output), "exists already; choose another name, or add --force")
