"""The verbs that score: evaluate a model or predictions, list errors, compare two systems."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kakehashi.cli import console, options, show
from kakehashi.cli.options import Reading, arg, flag, opt, refuse
from kakehashi.cli.sides import (
    PREDICTED,
    Judging,
    is_model,
    read_corpus,
    read_predictions,
    read_sides,
)
from kakehashi.errors import ConfigError

if TYPE_CHECKING:
    from kakehashi.scoring.score import Score

Scheme = Literal["bio", "iobes"]
Variant = Literal["conlleval", "strict"]
_DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " "}
_FIRST = arg("Run or model folder; or a file of true entities.", metavar="MODEL|GOLD")
_SECOND = arg(
    "Of a model: a corpus file, or a config (.toml) with a test set; by default that of its run."
    f" Of gold: the predictions for its sentences, {PREDICTED}.",
    default=None,
    metavar="[CORPUS|PREDICTED]",
)


def evaluate(
    reading: Reading,
    judging: Judging,
    first: Path = _FIRST,
    second: Path | None = _SECOND,
    variant: Variant = opt("conlleval repairs invalid tags, strict does not.", default="conlleval"),
    scheme: Scheme | None = opt("Scheme of --variant strict. Default: bio."),
    delimiter: str | None = opt("Column separator of a file. Default: space.", "-d", "--delimiter"),
    raw: bool = flag("Tags of a single file are bare entity types.", "-r", "--raw"),
    outside: str | None = opt("With -r: the tag outside entities. Default: O.", "-o", "--outside"),
    predicted_columns: str | None = options.LIKE_COLUMNS,
    as_json: bool = options.JSON,
) -> None:
    """Score a model or predictions, as conlleval does.

    A model tags the corpus first. Two files are compared by their mentions, whatever their formats.
    A single file has the true and the predicted tag in its last two columns, as conlleval expects,
    whose options -d, -r and -o mean the same here.

    Examples:
      kakehashi evaluate runs/massive-ja-seed1 test.jsonl
      kakehashi evaluate runs/massive-ja-seed1
      kakehashi evaluate test.jsonl predictions.jsonl --train train.jsonl
      kakehashi evaluate output.tsv -d tab --json
    """
    from kakehashi.scoring.compare import score_by_overlap
    from kakehashi.scoring.conlleval import report, score_columns
    from kakehashi.scoring.score import score_sentences

    for_one = {"-d": delimiter, "-r": raw, "-o": outside, "--scheme": scheme}
    for_one["--variant strict"] = variant == "strict"
    if second is None and not is_model(first):
        for_others = {**vars(reading), **vars(judging), "predicted_columns": predicted_columns}
        del for_others["encoding"]
        named = {f"--{name.replace('_', '-')}": value for name, value in for_others.items()}
        refuse(named, "has no meaning for a single file, whose last two columns are scored")
        if scheme is not None and variant != "strict":
            raise ConfigError("--scheme", "needs --variant strict; conlleval reads any scheme")
        result = score_columns(
            first,
            delimiter=" " if delimiter is None else _DELIMITERS.get(delimiter, delimiter),
            raw=raw,
            outside=outside or "O",
            variant=variant,
            scheme=scheme or "bio",
            encoding=reading.encoding or "utf-8",
        )
    else:
        refuse(for_one, "is for a single file, with true and predicted tags in its last columns")
        sides = read_sides(first, second, reading, judging, predicted_columns)
        result = score_sentences(sides.gold, sides.predicted, names=sides.names)
        result = result.extended(sides.facts)
        if sides.known is not None:
            counts = score_by_overlap(sides.gold, sides.predicted, sides.known)
            result = replace(result, values=counts)
    values = {name: count.to_dict() for name, count in result.values.items()}
    tables = [show.score_table("Values in training", values)] if values else []
    if not as_json:
        sys.stdout.write(report(result))
    console.print_report(result.to_dict(), tables, as_json=as_json)


def errors(
    reading: Reading,
    judging: Judging,
    first: Path = _FIRST,
    second: Path | None = _SECOND,
    predicted_columns: str | None = options.LIKE_COLUMNS,
    examples: int = opt("Number of errors to print; --json and --out have all.", default=20, min=0),
    out: Path | None = opt("Page to write, to click through: .html."),
    as_json: bool = options.JSON,
) -> None:
    """List what a model misses, makes up, cuts or names wrongly.

    Each true mention is paired with a predicted one that overlaps it: both are the same, or differ
    in their boundaries, their type, or both. True mentions without a partner are missed, predicted
    ones false. Counted by type, and by whether training has the value of the mention.

    Examples:
      kakehashi errors runs/massive-ja-seed1 test.jsonl
      kakehashi errors runs/massive-ja-seed1 configs/massive-ja.toml --out errors.html
      kakehashi errors test.jsonl predictions.jsonl --train train.jsonl --json
    """
    from kakehashi.reports.error_tables import error_page, error_tables
    from kakehashi.scoring.error_analysis import analyse_errors
    from kakehashi.scoring.score import score_sentences

    if out is not None and out.suffix != ".html":
        raise ConfigError("--out", f"expected a name that ends in .html, got {str(out)!r}")
    sides = read_sides(first, second, reading, judging, predicted_columns)
    # Which checks, too, that the texts are the same.
    score = score_sentences(sides.gold, sides.predicted, names=sides.names).extended(sides.facts)
    found = analyse_errors(sides.gold, sides.predicted, sides.known)
    report = {"score": score.to_dict(), **found.to_dict()}
    tables = error_tables(found, examples)
    console.print_report(report, tables, str(score.signature), as_json=as_json)
    if out is not None:
        title = f"Errors of {sides.names[1].name} on {sides.names[0].name}"
        console.save(out, error_page(title, found, score))
        if not as_json:
            console.print_line(str(out))


def compare(
    reading: Reading,
    gold: Path = arg("Test sentences with the true entities."),
    a: Path = arg(f"Predictions of system A: {PREDICTED}, or a quoted pattern."),
    b: Path = arg("Predictions of system B."),
    trials: int = options.TRIALS,
    seed: int = options.TEST_SEED,
    a_columns: str | None = options.LIKE_COLUMNS,
    b_columns: str | None = options.LIKE_COLUMNS,
    as_json: bool = options.JSON,
) -> None:
    """Test whether two systems differ on one test set.

    The files may be of any tool and format. A quoted pattern names several runs of one system, one
    per seed; only they can show whether the method is better, and not just these models.

    Examples:
      kakehashi compare test.jsonl 'runs/ja-seed*' 'runs/ja-char+dense-seed*'
      kakehashi compare test.jsonl ours.jsonl theirs.conll --b-columns token,_,_,tag --json
    """
    from kakehashi.corpora.formats import runs_of
    from kakehashi.scoring.compare import compare_systems
    from kakehashi.scoring.score import score_sentences

    true = read_corpus([gold], reading)

    def scores(system: Path, columns: str | None) -> list[Score]:
        runs = ((run, read_predictions(run, reading, columns)) for run in runs_of(system))
        return [score_sentences(true, found, names=(gold, run)) for run, found in runs]

    found = compare_systems(scores(a, a_columns), scores(b, b_columns), trials=trials, seed=seed)
    tables, after = show.comparison_tables(found, str(a), str(b))
    console.print_report(found.to_dict(), tables, after, as_json=as_json)
