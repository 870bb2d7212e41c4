"""Reports of runs, transfers and the demo, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kakehashi.cli.console import print_line, print_table
from kakehashi.demo import DemoReport
from kakehashi.sentence import Sentence


def print_run(result: Mapping[str, Any]) -> None:
    """Print the scores of a run, overall and per entity type."""
    for part in ("dev", "test"):
        score = result[part]
        if score is None:
            continue
        rows = [_score_row("all", score)]
        rows += [_score_row(name, count) for name, count in score["types"].items()]
        selection = result["selection"]
        title = f"{result['name']}: {part}, epoch {selection['epoch']} by {selection['by']}"
        print_table(
            title, ["type", "precision", "recall", "F1", "gold", "predicted", "correct"], rows
        )
        print_line(score["signature"])


def _score_row(name: str, score: Mapping[str, Any]) -> list[object]:
    ratios = [float(score[key]) for key in ("precision", "recall", "f1")]
    return [name, *ratios, *(score[key] for key in ("gold", "predicted", "correct"))]


def print_transfer(transfer: Mapping[str, Any] | None) -> None:
    """Print what was copied from the source, parameter by parameter; nothing where nothing was."""
    if transfer is None:
        return
    rows = [
        [
            row["parameter"],
            row["action"],
            f"{row['matched']:,} of {row['rows']:,}",
            100 * row["matched"] / row["rows"],
            row["reason"],
        ]
        for row in transfer["parameters"]
    ]
    title = f"Transfer of {'+'.join(transfer['groups'])} from {transfer['source']}"
    print_table(title, ["parameter", "action", "rows", "%", "reason"], rows)


def print_demo(report: DemoReport) -> None:
    """Print the table, the examples with their readings, and where the models lie."""
    print_transfer(report.transfer.result["transfer"])
    runs = [report.english, report.scratch, report.transfer]
    rows = [
        [
            run.title,
            run.result["corpus"]["train"]["sentences"],
            run.f1,
            f"{report.gain:+.2f}" if run is report.transfer else "",
            str(run.folder / "model"),
        ]
        for run in runs
    ]
    print_table("Test F1", ["", "utterances", "F1", "gain", "model"], rows)
    for sentence in report.examples:
        print_line("")
        print_line(_bracketed(sentence))
        readings = " ".join(token.reading or token.text for token in sentence.tokens or ())
        print_line(f"  {readings}")
    print_line("")
    print_line(f"Try: echo 明日の朝七時に起こして | kakehashi predict {report.transfer.folder}")


def _bracketed(sentence: Sentence) -> str:
    """Write mentions into the text: ``[東京 place_name]``."""
    parts, position = [], 0
    for mention in sentence.mentions:
        parts += [sentence.text[position : mention.start], f"[{mention.text} {mention.type}]"]
        position = mention.end
    return "".join([*parts, sentence.text[position:]])
