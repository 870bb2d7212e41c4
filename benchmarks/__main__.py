"""``python -m benchmarks``: measure, print, and write the results where asked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.benchmark import Benchmark, Plan
from benchmarks.place import BUILT_IN, Place, corpus_settings
from benchmarks.report import insert, markdown, show
from benchmarks.subjects import SUBJECTS
from kakehashi.errors import KakehashiError
from kakehashi.files import write_json

_QUICK_SENTENCES = 60
_PAGE = 160  # characters of a line where there is no terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark; give the exit code."""
    options = _parser().parse_args(arguments)
    news = Console(stderr=True, highlight=False)
    try:
        with TemporaryDirectory(prefix="benchmark-") as folder:
            report = _measured(options, Path(folder), news)
        show(report, Console(width=None if sys.stdout.isatty() else _PAGE))
        if options.json is not None:
            write_json(options.json, report)
        if options.document is not None:
            insert(options.document, options.mark, markdown(report))
    except KakehashiError as error:
        news.print(f"error: {error}", markup=False)
        return 2
    return 0


def _measured(options: argparse.Namespace, folder: Path, news: Console) -> dict[str, object]:
    count = _QUICK_SENTENCES if options.quick else options.sentences
    settings = corpus_settings(options.corpus, count)
    place = Place.fill(folder, settings, min(options.slice, count or options.slice))
    plan = Plan(
        subjects=_chosen(options.only or list(SUBJECTS)),
        rounds=1 if options.quick else options.rounds,
        threads=options.threads,
        seeds=tuple(range(1, options.f1 + 1)),
        latency_sentences=5 if options.quick else 200,
        peak_seconds=0.01 if options.quick else 1.0,
        flair_python=options.flair_python,
    )
    return Benchmark(place, plan, lambda line: news.print(line, style="dim")).run()


def _chosen(names: list[str]) -> tuple[str, ...]:
    """Add those whose models the named subjects tag with."""
    needed = {*names, *(SUBJECTS[name].models for name in names)}
    return tuple(name for name in SUBJECTS if name in needed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--corpus", default=BUILT_IN, metavar="CONFIG", help="config of a run; default: built-in"
    )
    parser.add_argument("--sentences", type=int, metavar="N", help="train on this many")
    parser.add_argument(
        "--slice", type=int, default=1000, metavar="N", help="sentences a round of training takes"
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each; default 5")
    parser.add_argument("--threads", type=int, default=1, help="of each subject; default 1")
    parser.add_argument(
        "--only", action="append", choices=SUBJECTS, help="measure only this; may be repeated"
    )
    parser.add_argument(
        "--f1", type=int, default=0, metavar="SEEDS", help="train models to the end, this many each"
    )
    parser.add_argument("--quick", action="store_true", help="only see whether everything runs")
    parser.add_argument(
        "--flair-python", default=sys.executable, metavar="PYTHON", help="has Flair installed"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements")
    parser.add_argument(
        "--document", type=Path, metavar="FILE", help="put the tables into this Markdown file"
    )
    parser.add_argument("--mark", default="results", help="between these marks of it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
