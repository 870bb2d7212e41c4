"""The verbs about corpora: stats, types, overlap, homophones, convert, generate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from kakehashi.cli import options
from kakehashi.cli.options import Reading, arg, opt, reads_files
from kakehashi.errors import ConfigError

if TYPE_CHECKING:
    from kakehashi.corpora.formats import Written
    from kakehashi.corpora.stats import CorpusStats, Overlap
    from kakehashi.sentence import Sentence

_MOST_TESTED = 100_000
Language = Literal["en", "ja", "de"]
Partition = Literal["train", "dev", "test"]
Inputs = Annotated[list[Path], arg("Corpus files, or configs (.toml).")]


@reads_files
def stats(
    inputs: Inputs,
    reading: Reading,
    mapping: options.MappingFile = None,
    segmenter: options.Segmenter = None,
    layout: options.As = None,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """Count sentences, tokens and mentions, and list the mentions that no tokens can express.

    The parts of a config's corpus are counted as training sees them (the paper's tables 2 and 3).

    Examples:
      kakehashi corpus stats configs/crf-knbc-ja.toml
      kakehashi corpus stats configs/massive-en.toml configs/massive-ja.toml --out corpora.md
      kakehashi corpus stats eng.train --format columns --columns token,pos,_,tag
      kakehashi corpus stats iob2.conll --no-spaces --segmenter unidic-lite
    """
    from kakehashi.cli.console import ProgressBars, print_report, table_format, write_tables
    from kakehashi.cli.show import stats_tables
    from kakehashi.corpora.stats import describe
    from kakehashi.reports.tables import corpora_table

    progress = ProgressBars()
    found: dict[str, dict[str, CorpusStats]] = {}
    for name, parts in _read_all(inputs, reading, mapping, segmenter):
        found[name] = {
            part: describe(progress.track(sentences, f"{name} {part}".strip()))
            for part, sentences in parts.items()
        }
    if as_json or (table_format(layout, out) == "terminal" and out is None):
        flat = {f"{name} {part}".strip(): s for name in found for part, s in found[name].items()}
        report = {name: each.to_dict() for name, each in flat.items()}
        print_report(report, stats_tables(flat, corpora_table(found, full=True)), as_json=as_json)
    else:
        write_tables([corpora_table(found)], layout, out)


@reads_files
def types(
    inputs: Annotated[list[Path], arg("Corpus files, or configs (.toml): their training sets.")],
    reading: Reading,
    mapping: options.MappingFile = None,
    layout: options.As = "terminal",
    out: Annotated[Path | None, opt("File for a figure of the ranks: .svg or .png.")] = None,
) -> None:
    """Rank the entity types of corpora by how often they occur (the paper's figure 2).

    Example:
      kakehashi corpus types configs/massive-en.toml configs/massive-ja.toml --out types.svg
    """
    from kakehashi.cli.console import ProgressBars, save, write_tables
    from kakehashi.corpora.stats import describe
    from kakehashi.reports.tables import distribution_table

    if out is not None and out.suffix not in (".svg", ".png"):
        raise ConfigError("--out", f"expected a name that ends in .svg or .png, got {str(out)!r}")
    found: dict[str, dict[str, int]] = {}
    for name, parts in _read_all(inputs, reading, mapping, tokens=False):
        found[name] = describe(ProgressBars().track(next(iter(parts.values())), name)).types
    if out is not None:
        from kakehashi.reports.figures import distribution_figure

        save(out, distribution_figure(found).render("svg" if out.suffix == ".svg" else "png"))
    write_tables([distribution_table(*entry) for entry in found.items()], layout)


@reads_files
def overlap(
    inputs: Annotated[list[Path], arg("Configs (.toml), or two files: training and test set.")],
    reading: Reading,
    mapping: options.MappingFile = None,
    as_json: options.Json = False,
) -> None:
    """Measure how much of a test set training has already seen, and what repeats in training.

    Examples:
      kakehashi corpus overlap configs/massive-en.toml configs/massive-ja.toml
      kakehashi corpus overlap train.jsonl test.jsonl
    """
    from kakehashi.cli.console import print_report
    from kakehashi.cli.show import overlap_tables

    read = list(_read_all(inputs, reading, mapping, tokens=False))
    n_configs = sum("train" in parts for _, parts in read)
    if n_configs == len(read):
        pairs = {name: (parts["train"], parts["test"]) for name, parts in read}
    elif len(read) == 2 and not n_configs:
        (_, train), (name, test) = read
        pairs = {name: (train[""], test[""])}
    else:
        raise ConfigError("INPUTS", "expected configs, or two files: training and test set")
    found = {name: _overlap(name, *pair) for name, pair in pairs.items()}
    tables = chain.from_iterable(overlap_tables(*entry) for entry in found.items())
    print_report({name: s.to_dict() for name, s in found.items()}, tables, as_json=as_json)


@reads_files
def homophones(
    inputs: Inputs,
    reading: Reading,
    examples: Annotated[int, opt("Number of examples to print for each corpus.", min=0)] = 20,
    mapping: options.MappingFile = None,
    segmenter: options.Segmenter = None,
    as_json: options.Json = False,
) -> None:
    """Find words that are written differently and romanized alike, and mentions that contain one.

    The training, development and test set of a config are taken together. The examples are those
    with most tokens beside the most frequent word; --json prints all.

    Examples:
      kakehashi corpus homophones configs/crf-knbc-ja.toml
      kakehashi corpus homophones news.jsonl --segmenter unidic-lite --examples 100
    """
    from kakehashi.cli.console import ProgressBars, print_report
    from kakehashi.cli.show import homophone_tables
    from kakehashi.corpora.stats import find_homophones

    found = {}
    for name, parts in _read_all(inputs, reading, mapping, segmenter):
        sentences = chain.from_iterable(parts.values())
        found[name] = find_homophones(ProgressBars().track(sentences, name))
    report = {name: asdict(each) for name, each in found.items()}
    print_report(report, homophone_tables(found, examples), as_json=as_json)


@reads_files
def convert(
    input: Annotated[Path, arg("Corpus file, archive or folder.")],
    output: Annotated[Path, arg("File to write: .jsonl, .conll, .xml, …")],
    reading: Reading,
    mapping: options.MappingFile = None,
    segmenter: options.Segmenter = None,
    to: Annotated[str | None, opt("Format of the output. Default: by its name.", "--to")] = None,
    to_columns: Annotated[str | None, opt("As --columns, for the output.")] = None,
    to_separator: Annotated[str | None, opt("As --separator, for the output.")] = None,
    to_set: Annotated[
        list[str] | None,
        opt("As --set, for the output, e.g. docstart=keep.", metavar="KEY=VALUE"),
    ] = None,
    scheme: Annotated[str | None, opt("Tags of the output: bio, iob1 or iobes.")] = None,
    force: options.Force = False,
    as_json: options.Json = False,
) -> None:
    """Convert a corpus: read any format, write columns, JSON lines or inline tags.

    Examples:
      kakehashi corpus convert KNBC_v1.0.tar.gz knbc.jsonl --encoding euc-jp
      kakehashi corpus convert a.jsonl a.conll --segmenter ipadic --to-columns token,reading,tag
      kakehashi corpus convert a.csv a.jsonl --format columns --separator , --set header_lines=1
    """
    from kakehashi.cli.console import ProgressBars
    from kakehashi.corpora.corpus import read_mapped
    from kakehashi.corpora.formats import write_corpus

    _check_free(output, force)
    settings = [*(to_set or ()), *([f"scheme={scheme}"] if scheme else ())]
    writing = Reading(to, to_columns, to_separator, types=reading.types, settings=settings)
    target = writing.source(output, optional=("types",))
    # Elements that are named for inline output need not exist in the format of the input.
    optional = ("types",) if target.format == "inline" else ()
    sentences = read_mapped(reading.source(input, optional=optional), mapping, segmenter)
    tracked = ProgressBars().track(sentences, f"converting {input.name}")
    _print_written(output, write_corpus(tracked, target), as_json)


def generate(
    language: Annotated[Language, opt("Language of the utterances.")],
    output: Annotated[Path | None, arg("File to write: .parquet, or else JSON lines.")] = None,
    utterances: Annotated[int, opt("Number of utterances.", min=1)] = 10_000,
    seed: Annotated[int, opt("Random seed: the same seed gives the same utterances.")] = 0,
    partition: Annotated[
        Partition, opt("Part of the corpus: dev and test have values and phrases of their own.")
    ] = "train",
    processes: Annotated[
        int, opt("Number of processes; the file is the same for any number.", min=1)
    ] = 1,
    report: Annotated[
        bool, opt("Write no file; print what repeats and what a test set adds.", "--report")
    ] = False,
    force: options.Force = False,
    as_json: options.Json = False,
) -> None:
    """Generate voice-assistant utterances from the built-in grammars.

    Examples:
      kakehashi corpus generate ja.jsonl --language ja --utterances 20000 --seed 7
      kakehashi corpus generate en.parquet --language en --utterances 5000000 --processes 4
      kakehashi corpus generate --report --language de --utterances 1000000
    """
    from kakehashi.cli.console import ProgressBars, print_report
    from kakehashi.cli.show import overlap_tables
    from kakehashi.config.sources import AssistantSource
    from kakehashi.corpora.formats import read_source, write_generated

    source = AssistantSource(
        language=language, utterances=utterances, seed=seed, partition=partition
    )
    if report == (output is not None):
        raise ConfigError("OUTPUT", "expected a file to write, or --report, and not both")
    if output is not None:
        _check_free(output, force)
        _print_written(output, write_generated(output, source, processes, ProgressBars()), as_json)
        return
    n_tests = min(utterances, _MOST_TESTED)
    tests = source.model_copy(update={"partition": "test", "utterances": n_tests})
    found = _overlap(language, read_source(source), read_source(tests), utterances)
    facts = {"language": language} | found.to_dict()
    print_report(facts, overlap_tables(language, found), as_json=as_json)


def _read_all(
    paths: Sequence[Path],
    reading: Reading,
    mapping: str | None,
    segmenter: str | None = None,
    *,
    tokens: bool = True,
) -> Iterator[tuple[str, Mapping[str, Iterable[Sentence]]]]:
    """Yield names and parts of the corpora of configs, and of files, which are one part each.

    Where two have one name, their paths are their names.
    """
    from kakehashi.config.reading import find_config, read_settings
    from kakehashi.corpora.corpus import load_corpora, read_mapped, read_parts

    found: list[tuple[str, Mapping[str, Iterable[Sentence]]]] = []
    for path in paths:
        if find_config(path).suffix != ".toml":
            source = reading.source(path)
            found.append((path.name, {"": read_mapped(source, mapping, segmenter)}))
            continue
        settings = read_settings(path)
        parts = read_parts(settings) if tokens else load_corpora(settings.corpus)._asdict()
        found.append((settings.name, parts))
    names = [name for name, _ in found]
    for path, (name, its_parts) in zip(paths, found, strict=True):
        yield (name if names.count(name) == 1 else str(path)), its_parts


def _overlap(
    name: str, train: Iterable[Sentence], test: Iterable[Sentence], total: int | None = None
) -> Overlap:
    from kakehashi.cli.console import ProgressBars
    from kakehashi.corpora.stats import measure_overlap

    return measure_overlap(ProgressBars().track(train, f"reading {name}", total), test)


def _print_written(output: Path, written: Written, as_json: bool) -> None:
    from kakehashi.cli.console import ProgressBars, print_report
    from kakehashi.cli.show import lost_tables
    from kakehashi.reports.tables import terminal

    line = f"{output}: {written.sentences:,} sentences, {written.mentions:,} mentions"
    print_report({"file": str(output), **asdict(written)}, (), line, as_json=as_json)
    for table in () if as_json else lost_tables(output.name, written.lost):
        ProgressBars().say(terminal(table))


def _check_free(output: Path, force: bool) -> None:
    if output.exists() and not force:
        raise ConfigError(str(output), "exists already; choose another name, or add --force")


VERBS = (stats, types, overlap, homophones, convert, generate)
