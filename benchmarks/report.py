"""A benchmark's measurements as tables, for the terminal and for a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.measuring import Spread
from benchmarks.peers.peer import TOKENS
from benchmarks.subjects import OURS
from kakehashi.errors import KakehashiError
from kakehashi.files import write_atomically

_NOTHING = "–"

Report = Mapping[str, Any]
Sample = Mapping[str, float]


class Table(NamedTuple):
    """A title, the heads of the columns, and the cells of the rows; the first column is text."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(report: Report) -> Iterator[Table]:
    """Lay the measurements out."""
    yield _training(report)
    yield _bulk(report)
    yield _latency(report)
    yield _footprint(report)
    yield _limits(report)


def conditions(report: Report) -> list[str]:
    """Say where, when, on what and how it was measured, and what is not there."""
    machine, corpus, plan = report["machine"], report["corpus"], report["plan"]
    counts = ", ".join(
        f"{part} {corpus[part]['sentences']:,} sentences and {corpus[part]['tokens']:,} tokens"
        for part in ("train", "dev", "test")
    )
    lines = [
        f"{report['date']}; {machine['processor']}, {machine['cores']} cores, "
        f"{machine['threads']} thread(s); Python {machine['python']}, torch {machine['torch']}.",
        f"Corpus {corpus['name']}: {counts}; SHA-256 {corpus['sha256'][:16]}.",
        f"Median of {plan['rounds']} rounds in turns, least and most in brackets. A round of "
        f"training goes through {plan['slice_sentences']:,} sentences.",
    ]
    if not plan["seeds"]:
        lines.append("The models were trained for one epoch only, so F1 is left out.")
    return lines + [f"{name}: {reason}" for name, reason in report["missing"].items()]


def show(report: Report, console: Console) -> None:
    """Print the report."""
    for line in conditions(report):
        console.print(line, markup=False)
    for title, heads, rows in tables(report):
        table = RichTable(title=title, title_justify="left")
        for number, head in enumerate(heads):
            table.add_column(head, justify="right" if number else "left")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def markdown(report: Report) -> str:
    """Write the report as Markdown."""
    parts = ["\n".join(f"- {line}" for line in conditions(report))]
    for table in tables(report):
        parts += [f"### {table.title}", "\n".join(table_lines(table))]
    return "\n\n".join(parts)


def table_lines(table: Table) -> list[str]:
    """Write a table as Markdown."""
    rule = ["---", *["---:"] * (len(table.heads) - 1)]
    return [f"| {' | '.join(row)} |" for row in (table.heads, rule, *table.rows)]


def insert(path: Path, mark: str, text: str) -> None:
    """Put a text between two marks of a document, in place of an older one.

    Raises:
        KakehashiError: If the document has no such marks.
    """
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->\n"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise KakehashiError(f"{path}: expected the lines {begin.strip()!r} and {end.strip()!r}")
    write_atomically(path, f"{before}{begin}\n{text}\n\n{end}{after}")


def _training(report: Report) -> Table:
    ours = report["subjects"].get(OURS, {}).get("training", {}).get("samples")
    rows = []
    for name, subject in report["subjects"].items():
        training, fits = subject.get("training"), subject.get("fits", ())
        if training is None and not fits:
            continue
        samples = training["samples"] if training is not None else None
        rows.append(
            [
                f"{name} ({subject['version']})",
                _spread(samples, _throughput),
                _ratio(ours, samples, "wall"),
                _ratio(ours, samples, "cpu"),
                _megabytes(training["memory"]) if training is not None else _NOTHING,
                *_whole(report, fits),
            ]
        )
    heads = ["training", "tokens/s", "kakehashi ×", "× by CPU", "peak MB"]
    return Table("Training", [*heads, "whole: s", "peak MB", "F1 (seeds)"], rows)


def _whole(report: Report, fits: Sequence[Sample]) -> list[str]:
    """Lay out the trainings from start to end."""
    if not report["plan"]["seeds"] or not fits:
        return [_NOTHING] * 3
    scores = [fit["f1"] for fit in fits]
    mean = sum(scores) / len(scores)
    return [
        _spread(fits, lambda fit: fit["wall"], "{:.0f}"),
        _megabytes(max(fit["memory"] for fit in fits)),
        f"{mean:.2f} ({', '.join(f'{score:.2f}' for score in scores)})",
    ]


def _bulk(report: Report) -> Table:
    rows = []
    for name, subject, way, results in _ways(report, "bulk"):
        ours = _same_way(report, way)
        tagging = subject["tagging"]
        rows.append(
            [
                f"{name}, {way}",
                _spread(results["bulk"], _throughput),
                _ratio(ours and ours["bulk"], results["bulk"], "wall"),
                _ratio(ours and ours["bulk"], results["bulk"], "cpu"),
                f"{tagging['f1']:.2f}" if report["plan"]["seeds"] else _NOTHING,
                str(tagging.get("differing_sentences", _NOTHING)),
            ]
        )
    heads = [
        "tagging in bulk",
        "tokens/s",
        "kakehashi ×",
        "× by CPU",
        "F1",
        "sentences unlike ours",
    ]
    return Table("Tagging in bulk", heads, rows)


def _latency(report: Report) -> Table:
    rows = []
    for name, _, way, results in _ways(report, "latency"):
        ours = _same_way(report, way)
        rows.append(
            [
                f"{name}, {way}",
                _spread(results["latency"], lambda each: 1e3 * each["p50"], "{:.2f}"),
                _spread(results["latency"], lambda each: 1e3 * each["p95"], "{:.2f}"),
                _faster(ours and ours["latency"], results["latency"]),
            ]
        )
    heads = ["one sentence at a time", "p50 ms", "p95 ms", "kakehashi × (p50)"]
    return Table("Latency of one sentence", heads, rows)


def _footprint(report: Report) -> Table:
    rows = [
        [
            name,
            _spread(subject["start"], lambda each: each["cpu"], "{:.2f}"),
            _spread(subject["start"], lambda each: each["wall"], "{:.2f}"),
            _spread(subject["start"], lambda each: each["load"], "{:.2f}"),
            _megabytes(subject["tagging"]["memory"]),
            _megabytes(subject["tagging"]["size"]),
        ]
        for name, subject in report["subjects"].items()
        if "tagging" in subject
    ]
    usage = report["help"]
    rows.append(
        [
            "kakehashi --help",
            _spread(usage, lambda each: each["cpu"], "{:.2f}"),
            _spread(usage, lambda each: each["wall"], "{:.2f}"),
            *[_NOTHING] * 3,
        ]
    )
    heads = ["", "start to first sentence: CPU s", "wall s", "load s", "peak MB", "model MB"]
    return Table("Start-up, memory and size in tagging", heads, rows)


def _limits(report: Report) -> Table:
    """Compare what was reached with what the machine could multiply.

    The products alone are counted, 2 for each multiplication with its addition.
    """
    peak = report["machine"]["peak"]
    best = _best(report)
    rows = []
    for what, operations in report["needs"].items():
        reached = best.get(what.partition(",")[0])
        limit = peak["float32"] / operations
        rows.append(
            [
                what,
                f"{operations / 1e6:.2f}",
                f"{limit:,.0f}",
                f"{peak['bfloat16'] / operations:,.0f}",
                f"{100 * reached / limit:.0f} %" if reached else _NOTHING,
            ]
        )
    title = (
        f"Limits: products of {peak['float32'] / 1e9:.0f} GFLOP/s in float32, "
        f"{peak['bfloat16'] / 1e9:.0f} in bfloat16"
    )
    heads = ["a token needs", "MFLOP", "limit float32, tokens/s", "bfloat16", "kakehashi reaches"]
    return Table(title, heads, rows)


def _best(report: Report) -> dict[str, float]:
    """Find our throughput in float32: training, and tagging with tokens given."""
    ours = report["subjects"].get(OURS)
    if ours is None:
        return {}
    samples = {
        "training": ours["training"]["samples"],
        "tagging": ours["tagging"]["ways"][TOKENS]["bulk"],
    }
    return {what: Spread.of(list(map(_throughput, each))).median for what, each in samples.items()}


def _ways(
    report: Report, measured: str
) -> Iterator[tuple[str, Mapping[str, Any], str, Mapping[str, Any]]]:
    for name, subject in report["subjects"].items():
        for way, results in subject.get("tagging", {"ways": {}})["ways"].items():
            if measured in results:
                yield name, subject, way, results


def _same_way(report: Report, way: str) -> Any:
    """Find our results for a way of tagging, if we have it."""
    return report["subjects"].get(OURS, {"tagging": {"ways": {}}})["tagging"]["ways"].get(way)


def _throughput(sample: Sample) -> float:
    return sample["tokens"] / sample["wall"]


def _ratio(ours: Sequence[Sample] | None, theirs: Sequence[Sample] | None, clock: str) -> str:
    """Divide medians of tokens per second."""
    if not ours or not theirs:
        return _NOTHING
    one, other = (
        Spread.of([sample["tokens"] / sample[clock] for sample in samples]).median
        for samples in (ours, theirs)
    )
    return f"{one / other:.2f}"


def _faster(ours: Sequence[Sample] | None, theirs: Sequence[Sample]) -> str:
    """Divide medians of the p50."""
    if not ours:
        return _NOTHING
    one, other = (Spread.of([each["p50"] for each in rounds]).median for rounds in (ours, theirs))
    return f"{other / one:.2f}"


def _spread(
    samples: Sequence[Sample] | None, value: Callable[[Sample], float], form: str = "{:,.0f}"
) -> str:
    if not samples:
        return _NOTHING
    median, least, most = map(form.format, Spread.of([value(sample) for sample in samples]))
    return f"{median} [{least}–{most}]"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f}" if size < 1e8 else f"{size / 1e6:,.0f}"
