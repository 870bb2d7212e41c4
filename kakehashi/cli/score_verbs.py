"""The verbs that score files: evaluate predictions, compare two systems."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from kakehashi.cli import options
from kakehashi.cli.options import Reading, arg, opt, reads_files, refuse
from kakehashi.errors import ConfigError

if TYPE_CHECKING:
    from kakehashi.corpora.corpus import Corpus
    from kakehashi.scoring.score import Score

Scheme = Literal["bio", "iobes"]
Variant = Literal["conlleval", "strict"]
_PREDICTED = "a file, a run folder, or what predict --out has written"
_DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " "}
# Options that need not exist in every format, since the files of a comparison may differ.
_OPTIONAL = ("columns", "separator", "encoding", "spaces", "types")


@reads_files
def evaluate(
    gold: Annotated[Path, arg("True entities; alone, the file's last two columns are scored.")],
    reading: Reading,
    predicted: Annotated[
        Path | None, arg(f"Predicted entities of the same sentences: {_PREDICTED}.")
    ] = None,
    variant: Annotated[
        Variant, opt("conlleval repairs broken tag sequences, strict does not.")
    ] = "conlleval",
    scheme: Annotated[Scheme | None, opt("Scheme of --variant strict. Default: bio.")] = None,
    delimiter: Annotated[
        str | None, opt("Column separator of a single file. Default: space.", "-d", "--delimiter")
    ] = None,
    raw: Annotated[
        bool, opt("Tags of a single file are bare entity types.", "-r", "--raw")
    ] = False,
    outside: Annotated[
        str | None, opt("With -r: the tag outside entities. Default: O.", "-o", "--outside")
    ] = None,
    predicted_columns: options.LikeColumns = None,
    train: Annotated[
        Path | None, opt("Training file: score mentions that it contains apart from others.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Evaluate predictions as conlleval does.

    A single file has the true and the predicted tag in its last two columns, as conlleval expects,
    whose options -d, -r and -o mean the same here. Two files are compared by their mentions,
    whatever their formats.

    Examples:
      kakehashi evaluate output.conll
      kakehashi evaluate output.tsv -d tab
      kakehashi evaluate test.jsonl runs/crf-knbc-ja-seed1/predictions.jsonl --json
      kakehashi evaluate test.jsonl predictions.jsonl --train train.jsonl
    """
    from kakehashi.cli.console import print_report
    from kakehashi.cli.show import score_table
    from kakehashi.scoring.compare import known_values, score_by_overlap
    from kakehashi.scoring.conlleval import report, score_columns
    from kakehashi.scoring.score import score_sentences

    for_one = {"-d": delimiter, "-r": raw, "-o": outside, "--scheme": scheme}
    for_one["--variant strict"] = variant == "strict"
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
    if predicted is None:
        refuse(for_two, "has no meaning for a single file, whose last two columns are scored")
        if scheme is not None and variant != "strict":
            raise ConfigError("--scheme", "needs --variant strict; conlleval reads any scheme")
        result = score_columns(
            gold,
            delimiter=" " if delimiter is None else _DELIMITERS.get(delimiter, delimiter),
            raw=raw,
            outside=outside or "O",
            variant=variant,
            scheme=scheme or "bio",
            encoding=reading.encoding or "utf-8",
        )
    else:
        refuse(for_one, "has no meaning for two files; it is for a single file")
        predicted_reading = replace(reading, columns=predicted_columns or reading.columns)
        true = _corpus(gold, reading)
        found = _corpus(predicted, predicted_reading, predicted=True)
        result = score_sentences(true, found, names=(gold, predicted))
        if train is not None:
            known = known_values(_corpus(train, reading))
            result = replace(result, values=score_by_overlap(true, found, known))
    values = {name: count.to_dict() for name, count in result.values.items()}
    tables = [score_table("Values in training", values)] if values else []
    if not as_json:
        sys.stdout.write(report(result))
    print_report(result.to_dict(), tables, as_json=as_json)


@reads_files
def compare(
    gold: Annotated[Path, arg("Test sentences with the true entities.")],
    a: Annotated[Path, arg(f"Predictions of system A: {_PREDICTED}, or a quoted pattern.")],
    reading: Reading,
    b: Annotated[Path, arg("Predictions of system B.")],
    trials: options.Trials = options.TRIALS,
    seed: options.TestSeed = 0,
    a_columns: options.LikeColumns = None,
    b_columns: options.LikeColumns = None,
    as_json: options.Json = False,
) -> None:
    """Compare two systems on one test set: the difference, and whether it is significant.

    The files may be of any tool and format. A quoted pattern names several runs of one system, one
    per seed; only they can show whether the method is better, and not just these models.

    Examples:
      kakehashi compare test.jsonl ours.jsonl theirs.conll --b-columns token,_,_,tag
      kakehashi compare test.jsonl 'runs/ja-seed*' 'runs/ja-char+dense-seed*' --json
    """
    from kakehashi.cli.console import print_report
    from kakehashi.cli.show import comparison_tables
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

    found = compare_systems(scores(a, a_columns), scores(b, b_columns), trials=trials, seed=seed)
    tables, after = comparison_tables(found, str(a), str(b))
    print_report(found.to_dict(), tables, after, as_json=as_json)


def _corpus(file: Path, reading: Reading, *, predicted: bool = False) -> Corpus:
    """Read a file, or the files of a folder of predictions."""
    from kakehashi.corpora.corpus import Corpus
    from kakehashi.corpora.writing import prediction_files

    if predicted and file.is_dir():
        reading = replace(reading, format=None)  # we wrote its files, whatever the others are
    files = prediction_files(file) if predicted else [file]
    return Corpus.from_sources(reading.source(each, optional=_OPTIONAL) for each in files)


VERBS = (evaluate, compare)
