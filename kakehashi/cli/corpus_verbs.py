"""The verbs about corpora: stats, types, overlap, homophones, check, convert, generate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kakehashi.cli import console, options, show
from kakehashi.cli.options import Cutting, Reading, arg, check_free, flag, opt
from kakehashi.errors import ConfigError
from kakehashi.reports.tables import corpora_table, distribution_table, terminal

if TYPE_CHECKING:
    from kakehashi.config.segmenting import TextSettings
    from kakehashi.corpora.stats import CorpusStats, Overlap
    from kakehashi.corpora.writing import Written
    from kakehashi.sentence import Sentence

_MOST_TESTED = 100_000
Language = Literal["en", "ja", "de"]
Partition = Literal["train", "dev", "test"]
INPUTS = arg("Corpus files, or configs (.toml).")


def stats(
    reading: Reading,
    cutting: Cutting,
    inputs: list[Path] = INPUTS,
    mapping: str | None = options.MAPPING,
    layout: options.TableFormat | None = options.AS,
    out: Path | None = options.OUT,
    as_json: bool = options.JSON,
) -> None:
    """Count sentences, tokens and mentions, and list the mentions that no tokens can express.

    The parts of a config's corpus are counted as training sees them (the paper's tables 2 and 3).

    Examples:
      kakehashi corpus stats train.jsonl
      kakehashi corpus stats configs/crf-knbc-ja.toml
      kakehashi corpus stats configs/massive-en.toml configs/massive-ja.toml --out corpora.md
      kakehashi corpus stats eng.train --format columns --columns token,pos,_,tag
      kakehashi corpus stats iob2.conll --no-spaces --segmenter unidic-lite
    """
    from kakehashi.corpora.stats import describe, many_lost

    progress = console.ProgressBars()
    found: dict[str, dict[str, CorpusStats]] = {}
    for name, parts in read_all(inputs, reading, mapping, cutting.text(*inputs)):
        found[name] = {
            part: describe(progress.track(sentences, f"{name} {part}".strip()))
            for part, sentences in parts.items()
        }
        for part, each in found[name].items():
            if problem := many_lost(len(each.lost), each.mentions):
                progress.warn(f"{name} {part}".strip() + f": {problem}")
    if as_json or (console.table_format(layout, out) == "terminal" and out is None):
        flat = {f"{name} {part}".strip(): s for name in found for part, s in found[name].items()}
        report = {name: each.to_dict() for name, each in flat.items()}
        tables = show.stats_tables(flat, corpora_table(found, full=True))
        console.print_report(report, tables, as_json=as_json)
    else:
        console.write_tables([corpora_table(found)], layout, out)


def types(
    reading: Reading,
    inputs: list[Path] = arg("Corpus files, or configs (.toml): their training sets."),
    mapping: str | None = options.MAPPING,
    layout: options.TableFormat | None = options.AS,
    out: Path | None = opt("File for a figure of the ranks: .svg or .png."),
) -> None:
    """Rank the entity types of corpora by how often they occur (the paper's figure 2).

    Example:
      kakehashi corpus types configs/massive-en.toml configs/massive-ja.toml --out types.svg
    """
    from kakehashi.corpora.stats import describe

    if out is not None and out.suffix not in (".svg", ".png"):
        raise ConfigError("--out", f"expected a name that ends in .svg or .png, got {str(out)!r}")
    found: dict[str, dict[str, int]] = {}
    for name, parts in read_all(inputs, reading, mapping, tokens=False):
        found[name] = describe(console.ProgressBars().track(next(iter(parts.values())), name)).types
    if out is not None:
        from kakehashi.reports.figures import distribution_figure

        image = distribution_figure(found).render("svg" if out.suffix == ".svg" else "png")
        console.save(out, image)
    tables = [distribution_table(*entry) for entry in found.items()]
    console.write_tables(tables, layout or "terminal")


def overlap(
    reading: Reading,
    inputs: list[Path] = arg("Configs (.toml), or two files: training and test set."),
    mapping: str | None = options.MAPPING,
    as_json: bool = options.JSON,
) -> None:
    """Measure how much of a test set training has already seen, and what repeats in training.

    Examples:
      kakehashi corpus overlap train.jsonl test.jsonl
      kakehashi corpus overlap configs/massive-en.toml configs/massive-ja.toml
    """
    read = list(read_all(inputs, reading, mapping, tokens=False))
    n_configs = sum("train" in parts for _, parts in read)
    if n_configs == len(read):
        pairs = {name: (parts["train"], parts["test"]) for name, parts in read}
    elif len(read) == 2 and not n_configs:
        (_, train), (name, test) = read
        pairs = {name: (train[""], test[""])}
    else:
        raise ConfigError("INPUTS", "expected configs, or two files: training and test set")
    found = {name: _overlap(name, *pair) for name, pair in pairs.items()}
    tables = chain.from_iterable(show.overlap_tables(*entry) for entry in found.items())
    console.print_report({name: s.to_dict() for name, s in found.items()}, tables, as_json=as_json)


def homophones(
    reading: Reading,
    cutting: Cutting,
    inputs: list[Path] = INPUTS,
    view: str | None = opt("A model.char_view. Default: that of --language, or romaji."),
    examples: int = opt("Number of examples to print for each corpus.", default=20, min=0),
    mapping: str | None = options.MAPPING,
    as_json: bool = options.JSON,
) -> None:
    """Find words that are written differently and romanized alike, and mentions that contain one.

    The training, development and test set of a config are taken together. The examples are those
    with most tokens beside the most frequent word; --json prints all.

    Examples:
      kakehashi corpus homophones configs/crf-knbc-ja.toml
      kakehashi corpus homophones news.jsonl --language zh --view pinyin-tones
      kakehashi corpus homophones news.jsonl --segmenter unidic-lite --examples 100
    """
    from kakehashi.corpora.stats import find_homophones

    shown, found = view or cutting.view() or "romaji", {}
    for name, parts in read_all(inputs, reading, mapping, cutting.text(*inputs)):
        sentences = chain.from_iterable(parts.values())
        found[name] = find_homophones(console.ProgressBars().track(sentences, name), shown)
    report = {name: asdict(each) for name, each in found.items()}
    console.print_report(report, show.homophone_tables(found, examples), as_json=as_json)


def check(
    reading: Reading,
    cutting: Cutting,
    inputs: list[Path] = arg("Tagged files, run folders, or configs (.toml)."),
    examples: int = opt("Number of mentions to print for each input.", default=20, min=0),
    mapping: str | None = options.MAPPING,
    as_json: bool = options.JSON,
) -> None:
    """Find mentions that no reader would mark, as a model may predict or an annotator overlook.

    Such as those that are only symbols, end in a particle, hold half a bracket, or begin with a
    word like yesterday. Parts of speech are those of the tokens: predictions of ours have them,
    other files need --segmenter or --language. --json prints all mentions.

    Examples:
      kakehashi corpus check runs/crf-knbc-ja-seed1
      kakehashi corpus check tagged.jsonl --segmenter unidic-lite
    """
    from kakehashi.corpora.formats import prediction_files
    from kakehashi.corpora.implausible import check_plausibility

    names, text = [path.name for path in inputs], cutting.text(*inputs)
    found = {}
    for path, name in zip(inputs, names, strict=True):
        files = read_all(prediction_files(path), reading, mapping, text)
        sentences = chain.from_iterable(part for _, parts in files for part in parts.values())
        found[name if names.count(name) == 1 else str(path)] = check_plausibility(
            console.ProgressBars().track(sentences, name)
        )
    report = {name: each.to_dict() for name, each in found.items()}
    console.print_report(report, show.plausibility_tables(found, examples), as_json=as_json)


def convert(
    reading: Reading,
    cutting: Cutting,
    input: Path = arg("Corpus file, archive or folder."),
    output: Path = arg("File to write: .jsonl, .conll, .xml, …; with --to another, or a folder."),
    mapping: str | None = options.MAPPING,
    to: str | None = opt("Format of the output. Default: by its name.", "--to"),
    to_columns: str | None = opt("As --columns, for the output."),
    to_separator: str | None = opt("As --separator, for the output."),
    to_set: list[str] | None = opt("As --set, for the output: docstart=keep.", metavar="KEY=VALUE"),
    scheme: str | None = opt("Tags of the output: bio, iob1 or iobes."),
    view: str | None = opt("Write tokens in this model.char_view as their readings."),
    force: bool = options.FORCE,
    as_json: bool = options.JSON,
) -> None:
    """Convert a corpus: read any format, write most, and say what the new one is without.

    Examples:
      kakehashi corpus convert exported.json train.jsonl
      kakehashi corpus convert train.jsonl for-brat --to brat
      kakehashi corpus convert train.conll train.jsonl --no-spaces
      kakehashi corpus convert KNBC_v1.0.tar.gz knbc.jsonl --encoding euc-jp
      kakehashi corpus convert a.jsonl a.conll --segmenter ipadic --to-columns token,reading,tag
      kakehashi corpus convert zh.jsonl zh.conll --language zh --to-columns token,reading,tag
      kakehashi corpus convert ru.jsonl b.jsonl --language ru --view latin
      kakehashi corpus convert a.csv a.jsonl --format columns --separator , --set header_lines=1
    """
    from kakehashi.corpora.corpus import read_mapped
    from kakehashi.corpora.romanization import written_as
    from kakehashi.corpora.writing import write_corpus

    check_free(output, force)
    settings = [*(to_set or ()), *([f"scheme={scheme}"] if scheme else ())]
    writing = replace(
        reading, format=to, columns=to_columns, separator=to_separator, encoding=None,
        no_spaces=False, set=settings,
    )  # fmt: skip
    target = writing.source(output, optional=("types",), to_write=True)
    # Elements that are named for inline output need not exist in the format of the input.
    optional = ("types",) if target.format == "inline" else ()
    sentences = read_mapped(reading.source(input, optional=optional), mapping, cutting.text(input))
    if view is not None:
        sentences = written_as(sentences, view)
    tracked = console.ProgressBars().track(sentences, f"converting {input.name}")
    _print_written(output, write_corpus(tracked, target), as_json)


def generate(
    language: Language = opt("Language of the utterances.", default=...),
    output: Path | None = arg("File to write: .parquet, or else JSON lines.", default=None),
    utterances: int = opt("Number of utterances.", default=10_000, min=1),
    seed: int = opt("Random seed: the same seed gives the same utterances.", default=0),
    partition: Partition = opt(
        "Part of the corpus: dev and test have values and phrases of their own.", default="train"
    ),
    processes: int = opt("Number of processes; any gives the same file.", default=1, min=1),
    report: bool = flag("Write no file; print what repeats and what a test set adds.", "--report"),
    force: bool = options.FORCE,
    as_json: bool = options.JSON,
) -> None:
    """Generate voice-assistant utterances from the built-in grammars.

    Examples:
      kakehashi corpus generate ja.jsonl --language ja --utterances 20000 --seed 7
      kakehashi corpus generate en.parquet --language en --utterances 5000000 --processes 4
      kakehashi corpus generate --report --language de --utterances 1000000
    """
    from kakehashi.config.sources import AssistantSource
    from kakehashi.corpora.formats import read_source
    from kakehashi.corpora.writing import write_generated

    given = {"utterances": utterances, "seed": seed, "partition": partition}
    source = AssistantSource(language=language, **given)
    if report == (output is not None):
        raise ConfigError("OUTPUT", "expected a file to write, or --report, and not both")
    if output is not None:
        check_free(output, force)
        written = write_generated(output, source, processes, console.ProgressBars())
        _print_written(output, written, as_json)
        return
    n_tests = min(utterances, _MOST_TESTED)
    tests = source.model_copy(update={"partition": "test", "utterances": n_tests})
    found = _overlap(language, read_source(source), read_source(tests), utterances)
    facts = {"language": language} | found.to_dict()
    console.print_report(facts, show.overlap_tables(language, found), as_json=as_json)


def read_all(
    paths: Sequence[Path],
    reading: Reading,
    mapping: str | None,
    text: TextSettings | None = None,
    *,
    tokens: bool = True,
) -> Iterator[tuple[str, Mapping[str, Iterable[Sentence]]]]:
    """Yield names and parts of the corpora of configs, and of files, which are one part each.

    Where two have one name, their paths are their names.
    """
    from kakehashi.config.reading import is_config, read_settings
    from kakehashi.corpora.corpus import load_corpora, read_mapped, read_parts

    found: list[tuple[str, Mapping[str, Iterable[Sentence]]]] = []
    for path in paths:
        if not is_config(path):
            source = reading.source(path)
            found.append((path.name, {"": read_mapped(source, mapping, text)}))
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
    from kakehashi.corpora.stats import measure_overlap

    return measure_overlap(console.ProgressBars().track(train, f"reading {name}", total), test)


def _print_written(output: Path, written: Written, as_json: bool) -> None:
    from kakehashi.corpora.formats import counted
    from kakehashi.corpora.romanization import UNWRITTEN

    line = f"{output}: {written.sentences:,} sentences, {written.mentions:,} mentions"
    facts = {"file": str(output), **asdict(written)}
    facts |= {"left_out": dict(written.left_out), "notes": dict(written.notes)}
    console.print_report(facts, (), line, as_json=as_json)
    if written.left_out:
        console.ProgressBars().say(f"{output}: is without {counted(written.left_out)}")
    if kept := written.notes[UNWRITTEN]:
        console.ProgressBars().say(f"{output}: {counted({UNWRITTEN: kept})} in this view")
    for table in () if as_json else show.lost_tables(output.name, written.lost):
        console.ProgressBars().say(terminal(table))


VERBS = (stats, types, overlap, homophones, check, convert, generate)
