"""The verbs that score files: evaluate predictions, compare two systems."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kakehashi.cli import console, options, show
from kakehashi.cli.options import Reading, arg, flag, opt, refuse
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


def evaluate(
    reading: Reading,
    gold: Path = arg("True entities; alone, the file's last two columns are scored."),
    predicted: Path | None = arg(f"Predictions for these sentences: {_PREDICTED}.", default=None),
    variant: Variant = opt("conlleval repairs invalid tags, strict does not.", default="conlleval"),
    scheme: Scheme | None = opt("Scheme of --variant strict. Default: bio."),
    delimiter: str | None = opt("Column separator of a file. Default: space.", "-d", "--delimiter"),
    raw: bool = flag("Tags of a single file are bare entity types.", "-r", "--raw"),
    outside: str | None = opt("With -r: the tag outside entities. Default: O.", "-o", "--outside"),
    predicted_columns: str | None = options.LIKE_COLUMNS,
    train: Path | None = opt("Training file: score mentions that it contains apart from others."),
    as_json: bool = options.JSON,
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
    from kakehashi.scoring.compare import known_values, score_by_overlap
    from kakehashi.scoring.conlleval import report, score_columns
    from kakehashi.scoring.score import score_sentences

    for_one = {"-d": delimiter, "-r": raw, "-o": outside, "--scheme": scheme}
    for_one["--variant strict"] = variant == "strict"
    for_two = {"--train": train, "--predicted-columns": predicted_columns}
    for_two |= {f"--{name.replace('_', '-')}": value for name, value in vars(reading).items()}
    del for_two["--encoding"]
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
        true = _corpus([gold], reading)
        found = _predictions(predicted, reading, predicted_columns)
        result = score_sentences(true, found, names=(gold, predicted))
        if train is not None:
            known = known_values(_corpus([train], reading))
            result = replace(result, values=score_by_overlap(true, found, known))
    values = {name: count.to_dict() for name, count in result.values.items()}
    tables = [show.score_table("Values in training", values)] if values else []
    if not as_json:
        sys.stdout.write(report(result))
    console.print_report(result.to_dict(), tables, as_json=as_json)


def compare(
    reading: Reading,
    gold: Path = arg("Test sentences with the true entities."),
    a: Path = arg(f"Predictions of system A: {_PREDICTED}, or a quoted pattern."),
    b: Path = arg("Predictions of system B."),
    trials: int = options.TRIALS,
    seed: int = options.TEST_SEED,
    a_columns: str | None = options.LIKE_COLUMNS,
    b_columns: str | None = options.LIKE_COLUMNS,
    as_json: bool = options.JSON,
) -> None:
    """Compare two systems on one test set: the difference, and whether it is significant.

    The files may be of any tool and format. A quoted pattern names several runs of one system, one
    per seed; only they can show whether the method is better, and not just these models.

    Examples:
      kakehashi compare test.jsonl ours.jsonl theirs.conll --b-columns token,_,_,tag
      kakehashi compare test.jsonl 'runs/ja-seed*' 'runs/ja-char+dense-seed*' --json
    """
    from kakehashi.corpora.formats import runs_of
    from kakehashi.scoring.compare import compare_systems
    from kakehashi.scoring.score import score_sentences

    true = _corpus([gold], reading)

    def scores(system: Path, columns: str | None) -> list[Score]:
        runs = ((run, _predictions(run, reading, columns)) for run in runs_of(system))
        return [score_sentences(true, found, names=(gold, run)) for run, found in runs]

    found = compare_systems(scores(a, a_columns), scores(b, b_columns), trials=trials, seed=seed)
    tables, after = show.comparison_tables(found, str(a), str(b))
    console.print_report(found.to_dict(), tables, after, as_json=as_json)


def _corpus(files: Sequence[Path], reading: Reading) -> Corpus:
    from kakehashi.corpora.corpus import Corpus

    return Corpus.from_sources(reading.source(file, optional=_OPTIONAL) for file in files)


def _predictions(place: Path, reading: Reading, columns: str | None) -> Corpus:
    """Read a file, or the files of a folder, which we wrote, whatever the format of others is."""
    from kakehashi.corpora.formats import prediction_files

    reading = replace(reading, columns=columns or reading.columns)
    if place.is_dir():
        reading = replace(reading, format=None)
    return _corpus(prediction_files(place), reading)


VERBS = (evaluate, compare)
