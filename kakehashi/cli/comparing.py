"""The verbs that compare files: predictions with the truth, and two systems: score, compare."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.options import Columns, Encoding, Json, Separator, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kakehashi.config.sources import Source
    from kakehashi.scoring.contest import Contest, Gain
    from kakehashi.scoring.score import Score

_TRIALS = 10_000  # kakehashi.scoring.significance.TRIALS, which loads numpy


def register(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    for verb in (score, compare):
        app.command()(verb)


class Variant(StrEnum):
    """How broken tag sequences are read."""

    conlleval = "conlleval"
    strict = "strict"


def score(
    gold: Annotated[Path, typer.Argument(help="Gold file; alone, its last two columns count.")],
    predicted: Annotated[
        Path | None, typer.Argument(help="The same sentences as predicted.")
    ] = None,
    variant: Annotated[
        Variant, typer.Option(help="conlleval repairs broken tag sequences, strict does not.")
    ] = Variant.conlleval,
    delimiter: Annotated[
        str, typer.Option("-d", "--delimiter", help="Of the columns of a single file.")
    ] = " ",
    columns: Columns = None,
    predicted_columns: Annotated[
        str | None, typer.Option(help="As --columns, for the predicted file; default the same.")
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(help="What was trained on: score what it shows apart from what it does not."),
    ] = None,
    separator: Separator = None,
    encoding: Encoding = None,
    as_json: Json = False,
) -> None:
    """Score predictions as conlleval does.

    One file has gold and predicted tag in its last two columns, as conlleval wants it. Two files
    are compared by their mentions, whatever their formats.

    Examples:

      kakehashi score output.conll

      kakehashi score test.jsonl runs/crf-knbc-ja-seed1/predictions.jsonl --json

      kakehashi score test.jsonl predictions.jsonl --train train.jsonl
    """
    import sys

    from kakehashi.cli.console import print_json
    from kakehashi.cli.reports import print_by_novelty
    from kakehashi.corpora.corpus import Corpus
    from kakehashi.errors import ConfigError
    from kakehashi.scoring.columns import score_columns
    from kakehashi.scoring.comparison import score_sentences
    from kakehashi.scoring.conlleval import report
    from kakehashi.scoring.novelty import score_by_novelty

    parts = None
    if predicted is None and train is not None:
        raise ConfigError("--train", "needs two files, the gold one and the predicted")
    if predicted is None:
        result = score_columns(gold, delimiter=delimiter, variant=variant.value)
    elif variant is Variant.strict:
        raise ConfigError(
            "--variant", "strict needs the tags: one file with both tags in its last two columns"
        )
    else:

        def read(file: Path, of_file: str | None) -> Corpus:
            return Corpus.from_sources([source_of(file, None, of_file, separator, encoding)])

        true, found = read(gold, columns), read(predicted, predicted_columns or columns)
        result = score_sentences(true, found, names=(gold, predicted))
        if train is not None:
            parts = score_by_novelty(true, found, read(train, columns))
    if as_json:
        print_json(result.to_dict() | ({"values": parts.to_dict()} if parts else {}))
    else:
        sys.stdout.write(report(result))
        if parts is not None:
            print_by_novelty(parts)


def compare(
    gold: Annotated[Path, typer.Argument(help="The test sentences with their true entities.")],
    a: Annotated[
        Path, typer.Argument(help="What one system found: file, run folder, or pattern of several.")
    ],
    b: Annotated[Path, typer.Argument(help="The same of the other system.")],
    trials: Annotated[int, typer.Option(min=1, help="Shuffles of each test.")] = _TRIALS,
    seed: Annotated[int, typer.Option(min=0, help="Of the shuffles.")] = 0,
    columns: Columns = None,
    a_columns: Annotated[
        str | None, typer.Option(help="As --columns, for the files of A; default the same.")
    ] = None,
    b_columns: Annotated[
        str | None, typer.Option(help="As --columns, for the files of B; default the same.")
    ] = None,
    no_spaces: Annotated[
        bool, typer.Option("--no-spaces", help="Tokens in columns stand without spaces: Japanese.")
    ] = False,
    separator: Separator = None,
    encoding: Encoding = None,
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
    from kakehashi.corpora.corpus import Corpus
    from kakehashi.corpora.formats import read_source
    from kakehashi.scoring.comparison import score_sentences
    from kakehashi.scoring.contest import hold_contest

    settings = {"separator": separator, "encoding": encoding, "spaces": not no_spaces}
    true = Corpus.from_sources([_source(gold, columns, settings)])

    def score_file(file: Path, columns: str | None) -> Score:
        predicted = read_source(_source(file, columns, settings))
        return score_sentences(true, predicted, names=(gold, file))

    found = [(_runs(a), a_columns or columns), (_runs(b), b_columns or columns)]
    sides = [[score_file(file, its_columns) for file in files] for files, its_columns in found]
    contest = hold_contest(*sides, trials=trials, seed=seed)
    if as_json:
        print_json(contest.to_dict())
    else:
        _print_contest(contest, str(a), str(b))


def _runs(place: Path) -> list[Path]:
    """Find the files of predictions: one, that of a run folder, or all that fit a pattern."""
    from kakehashi.errors import CorpusError

    fitting = [place] if place.exists() else sorted(_fitting(place))
    if not fitting:
        raise CorpusError(place, "there is no such file or run folder, nor does one fit it")
    return [path / "predictions.jsonl" if path.is_dir() else path for path in fitting]


def _fitting(pattern: Path) -> Iterator[Path]:
    return Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))


def _source(file: Path, columns: str | None, settings: Mapping[str, object]) -> Source:
    """Make a source of one of three files, whose formats may differ: each takes what it has."""
    from kakehashi.corpora.formats import guess_source

    named = {"columns": columns and tuple(columns.split(",")), **settings}
    known = type(guess_source(file)).model_fields
    given = {key: value for key, value in named.items() if value is not None and key in known}
    return guess_source(file, None, **given)


def _print_contest(contest: Contest, a: str, b: str) -> None:
    from kakehashi.cli.console import print_line, print_table

    sides = {f"A: {a}": contest.first, f"B: {b}": contest.second}
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
    gains = {"all": contest.total, **contest.types}
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
        ["test", "p", "shuffles", "a small p speaks for"],
        [
            [name, f"{found.p:.4f}", found.shuffles, found.claim]
            for name, found in (
                ("approximate randomization", contest.models),
                ("permutation of run labels", contest.method),
            )
            if found is not None
        ],
    )
    if contest.method is None:
        print_line("Only several runs a side can tell whether the method differs, with any seed.")
    print_line(str(contest.signature))


def _percent(gain: Gain) -> str:
    return "-" if gain.relative is None else f"{gain.relative:+.1f} %"
