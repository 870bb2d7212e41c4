"""The errors of a recognizer as tables, and as a page to click through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from kakehashi.reports.tables import NOTHING, Table, render
from kakehashi.scoring.error_analysis import KINDS, Error, ErrorAnalysis, Kind
from kakehashi.scoring.score import Score
from kakehashi.sentence import Mention

_AROUND = 60  # characters shown of the text on each side of an error
_MOST_CONFUSED = 20  # pairs of types that a table lists


def error_tables(found: ErrorAnalysis, most: int) -> list[Table]:
    """Make the tables of counts, and one of the first ``most`` errors."""
    rows = [
        (
            error.number,
            error.finding.kind,
            _written(error.finding.gold),
            _written(error.finding.predicted),
            "".join(piece.text for piece in _pieces(error)),
        )
        for error in found.errors[:most]
    ]
    headings = ["no.", "error", "gold", "predicted", "sentence"]
    notes = [f"{len(found.errors):,} in all; --json and --out have every one."]
    listed = [Table("Errors", headings, rows, notes)] if rows else []
    return [*count_tables(found), *listed]


def count_tables(found: ErrorAnalysis) -> list[Table]:
    """Make the tables of counts."""
    by_value = {"all": found.kinds}
    for name in ("seen", "unseen"):
        by_value |= {f"{name} in training": found.values[name]} if name in found.values else {}
    notes = [
        "Right is a true mention that is found with its boundaries and its type; a false one counts"
        " under the type and value predicted.",
    ]
    if found.lost:
        notes.append(
            f"{found.lost:,} true mentions begin or end inside a token, so that no tagger of these"
            " tokens finds them."
        )
    frequent = sorted(found.types.items(), key=lambda item: (-item[1].total(), item[0]))
    confused = Counter({pair: n for pair, n in found.confusion.items() if pair[0] != pair[1]})
    rows = [(*pair, count) for pair, count in confused.most_common(_MOST_CONFUSED)]
    note = f"{confused.total():,} mentions in all, of {len(confused):,} pairs of types."
    tables = [
        _count_table("Mentions by kind of error", by_value, notes),
        _count_table("By entity type", dict(frequent)),
        Table("Types confused", ["gold", "predicted", "mentions"], rows, [note], n_labels=2),
    ]
    return [table for table in tables if table.rows]


def _count_table(
    title: str, counts: Mapping[str, Counter[Kind]], notes: list[str] | None = None
) -> Table:
    headings = ["", "right", *KINDS[1:]]
    rows = ([name, *(count[kind] for kind in KINDS)] for name, count in counts.items())
    return Table(title, headings, rows, notes or [])


def error_page(title: str, found: ErrorAnalysis, score: Score) -> str:
    """Write a page, which needs no other file: tables, and all errors, to be filtered."""
    rows: list[dict[str, object]] = [
        {
            "number": error.number,
            "id": error.sentence.id,
            "kind": error.finding.kind,
            "types": _types(error),
            "gold": _written(error.finding.gold),
            "predicted": _written(error.finding.predicted),
            "value": {None: "", True: "seen", False: "unseen"}[error.seen],
            "lost": error.lost,
            "pieces": _pieces(error),
        }
        for error in found.errors
    ]
    errors = Counter({kind: found.kinds[kind] for kind in KINDS[1:]})
    summary = (
        f"F1 {score.f1:.2f}, precision {score.precision:.2f}, recall {score.recall:.2f}:"
        f" {found.kinds['correct']:,} mentions are right, {len(found.errors):,} errors."
    )
    return render(
        "errors.html", title=title, summary=summary, tables=count_tables(found), errors=rows,
        kinds=errors, types=sorted({name for error in found.errors for name in _types(error)}),
        values=[name for name in ("seen", "unseen") if name in found.values],
        signature=str(score.signature),
    )  # fmt: skip


class _Piece(NamedTuple):
    """A piece of a text, and whether it is in the gold and in the predicted mention."""

    text: str
    marks: str


def _pieces(error: Error) -> list[_Piece]:
    """Cut the text around an error at the ends of its mentions."""
    text = error.sentence.text
    sides = {"gold": error.finding.gold, "predicted": error.finding.predicted}
    mentions = {name: mention for name, mention in sides.items() if mention is not None}
    edges = {edge for mention in mentions.values() for edge in mention[:2]}
    begin, end = max(0, min(edges) - _AROUND), min(len(text), max(edges) + _AROUND)
    pieces = []
    for start, stop in pairwise(sorted({begin, end, *edges})):
        marks = [name for name, m in mentions.items() if m.start <= start and stop <= m.end]
        pieces.append(_Piece(text[start:stop], " ".join(marks)))
    cut = [_Piece("…", "")]
    return [*(cut if begin else ()), *pieces, *(cut if end < len(text) else ())]


def _types(error: Error) -> list[str]:
    return sorted({m.type for m in (error.finding.gold, error.finding.predicted) if m is not None})


def _written(mention: Mention | None) -> str:
    return NOTHING if mention is None else f"{mention.text} ({mention.type})"
