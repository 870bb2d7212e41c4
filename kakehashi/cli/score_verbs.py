"""The verbs that compare files: predictions with the truth, and two systems: score, compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.options import Json, Reading, reads_files

if TYPE_CHECKING:
    from kakehashi.corpora.corpus import Corpus
    from kakehashi.scoring.compare import Comparison, Delta
    from kakehashi.scoring.score import Score


_TRIALS = 10_000  # kakehashi.scoring.significance.TRIALS, which loads numpy
_DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " "}
# What does not matter for a file of another format, as the files of a comparison may differ.
_OPTIONAL = ("columns", "separator", "encoding", "spaces", "types")


def register(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    for verb in (score, compare):
        app.command()(verb)


class Variant(StrEnum):
    """How broken tag sequences are read."""

    conlleval = "conlleval"
    strict = "strict"


class Scheme(StrEnum):
    """The tags of the variant strict."""

    bio = "bio"
    iobes = "iobes"


@reads_files
def score(
    gold: Annotated[Path, typer.Argument(help="Gold file; alone, its last two columns count.")],
    reading: Reading,
    predicted: Annotated[
        Path | None,
        typer.Argument(help="The same sentences as predicted: file, run folder, annotations."),
    ] = None,
    variant: Annotated[
        Variant, typer.Option(help="conlleval repairs broken tag sequences, strict does not.")
    ] = Variant.conlleval,
    scheme: Annotated[
        Scheme | None, typer.Option(help="Tags of the variant strict; default bio.")
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            "-d", "--delimiter", help="What parts columns of a single file; default space."
        ),
    ] = None,
    raw: Annotated[
        bool, typer.Option("-r", "--raw", help="Tags of a single file are bare entity types.")
    ] = False,
    outside: Annotated[
        str | None,
        typer.Option("-o", "--outside", help="With -r: the tag of no entity; default O."),
    ] = None,
    predicted_columns: Annotated[
        str | None, typer.Option(help="As --columns, for the predicted file; default the same.")
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(help="What was trained on: score what it shows apart from what it does not."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score predictions as conlleval does.

    One file has gold and predicted tag in its last two columns, as conlleval wants it, whose
    options -d, -r and -o mean the same here. Two files are compared by their mentions, whatever
    their formats.

    Examples:

      kakehashi score output.conll

      kakehashi score output.tsv -d tab

      kakehashi score test.jsonl runs/crf-knbc-ja-seed1/predictions.jsonl --json

      kakehashi score test.jsonl predictions.jsonl --train train.jsonl
    """
    import sys

    from kakehashi.cli.console import print_json
    from kakehashi.cli.show import print_by_overlap
    from kakehashi.scoring.compare import score_by_overlap
    from kakehashi.scoring.conlleval import report, score_columns
    from kakehashi.scoring.score import score_sentences

    for_one = {"-d": delimiter, "-r": raw, "-o": outside, "--scheme": scheme}
    if variant is Variant.strict:
        for_one["--variant strict"] = variant
    for_two = {
        "--train": train,
        "--predicted-columns": predicted_columns,
        "--columns": reading.columns,
        "--separator": reading.separator,
        "--format": reading.format,
        "--no-spaces": reading.no_spaces,
        "--types": reading.types,
        "--set": reading.settings,
    }
    _check(for_two if predicted is None else for_one, n_files=1 if predicted is None else 2)
    parts = None
    if predicted is None:
        _check_scheme(variant, scheme)
        delimiter = " " if delimiter is None else _DELIMITERS.get(delimiter, delimiter)
        result = score_columns(
            gold,
            delimiter=delimiter,
            raw=raw,
            outside=outside or "O",
            variant=variant.value,
            scheme="bio" if scheme is None else scheme.value,
            encoding=reading.encoding or "utf-8",
        )
    else:
        found_columns = replace(reading, columns=predicted_columns or reading.columns)
        true, found = _corpus(gold, reading), _corpus(predicted, found_columns, predicted=True)
        result = score_sentences(true, found, names=(gold, predicted))
        if train is not None:
            parts = score_by_overlap(true, found, _corpus(train, reading))
    if as_json:
        print_json(
            result.to_dict()
            | (
                {"values": {name: count.to_dict() for name, count in parts.items()}}
                if parts
                else {}
            )
        )
    else:
        sys.stdout.write(report(result))
        if parts is not None:
            print_by_overlap(parts)


def _check(said: Mapping[str, object], n_files: int) -> None:
    """Refuse options that do not matter for so many files."""
    from kakehashi.errors import ConfigError

    for option, value in said.items():
        if value:
            rest = "of one file the last two columns count" if n_files == 1 else "it needs one file"
            raise ConfigError(option, f"says nothing about {n_files} files; {rest}")


def _check_scheme(variant: Variant, scheme: Scheme | None) -> None:
    from kakehashi.errors import ConfigError

    if scheme is not None and variant is not Variant.strict:
        raise ConfigError("--scheme", "is for --variant strict; conlleval reads all schemes alike")


def _corpus(file: Path, reading: Reading, *, predicted: bool = False) -> Corpus:
    """Read a file, or the files of a folder of predictions."""
    from kakehashi.corpora.corpus import Corpus
    from kakehashi.corpora.writing import prediction_files

    if predicted and file.is_dir():
        reading = replace(reading, format=None)  # its files are ours, whatever the others are
    files = prediction_files(file) if predicted else [file]
    return Corpus.from_sources(reading.source(each, optional=_OPTIONAL) for each in files)


@reads_files
def compare(
    gold: Annotated[Path, typer.Argument(help="The test sentences with their true entities.")],
    a: Annotated[
        Path,
        typer.Argument(
            help="What one system found: file, run folder, annotations, or pattern of several."
        ),
    ],
    reading: Reading,
    b: Annotated[Path, typer.Argument(help="The same of the other system.")],
    trials: Annotated[int, typer.Option(min=1, help="Shuffles of each test.")] = _TRIALS,
    seed: Annotated[int, typer.Option(min=0, help="Of the shuffles.")] = 0,
    a_columns: Annotated[
        str | None, typer.Option(help="As --columns, for the files of A; default the same.")
    ] = None,
    b_columns: Annotated[
        str | None, typer.Option(help="As --columns, for the files of B; default the same.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two systems on one test set: what B gains over A, and whether by chance.

    The files may be of any tool and format. A quoted pattern names several runs of one system, one
    per seed; only they can tell whether the method is better, and not just these models.

    Examples:

      kakehashi compare test.jsonl ours.jsonl theirs.conll --b-columns token,_,_,tag

      kakehashi compare test.jsonl 'runs/ja-seed*' 'runs/ja-char+dense-seed*' --json
    """
    from kakehashi.cli.console import print_json
    from kakehashi.corpora.writing import runs_of
    from kakehashi.scoring.compare import compare_systems
    from kakehashi.scoring.score import score_sentences

    true = _corpus(gold, reading)

    def scores(system: Path, columns: str | None) -> list[Score]:
        its_reading = replace(reading, columns=columns or reading.columns)
        return [
            score_sentences(true, _corpus(run, its_reading, predicted=True), names=(gold, run))
            for run in runs_of(system)
        ]

    sides = scores(a, a_columns), scores(b, b_columns)
    comparison = compare_systems(*sides, trials=trials, seed=seed)
    if as_json:
        print_json(comparison.to_dict())
    else:
        _print_comparison(comparison, str(a), str(b))


def _print_comparison(comparison: Comparison, a: str, b: str) -> None:
    from kakehashi.cli.console import print_line, print_table

    sides = {f"A: {a}": comparison.first, f"B: {b}": comparison.second}
    print_table(
        "F1",
        ["", "mean", "95 % interval", "deviation", "runs"],
        [
            [
                name,
                side.mean,
                f"{side.interval.low:.2f} to {side.interval.high:.2f}",
                "-" if side.deviation is None else side.deviation,
                " ".join(f"{f1:.2f}" for f1 in side.f1s),
            ]
            for name, side in sides.items()
        ],
    )
    gains = {"all": comparison.total, **comparison.types}
    print_table(
        "What B gains over A",
        ["", "gold", "A", "B", "points", "relative"],
        [
            [name, gain.gold, gain.first, gain.second, f"{gain.points:+.2f}", _percent(gain)]
            for name, gain in gains.items()
        ],
    )
    print_table(
        "Is it chance?",
        ["test", "p", "shuffles", "claim"],
        [
            [name, f"{found.p:.4f}", found.shuffles, found.claim]
            for name, found in (
                ("approximate randomization", comparison.models),
                ("permutation of run labels", comparison.method),
            )
            if found is not None
        ],
    )
    if comparison.method is None:
        print_line("Only several runs a side can tell whether the method differs, with any seed.")
    print_line(str(comparison.signature))


def _percent(gain: Delta) -> str:
    return "-" if gain.relative is None else f"{gain.relative:+.1f} %"
