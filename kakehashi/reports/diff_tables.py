"""Two runs compared, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kakehashi.experiments.diff import Flip, RunDiff
from kakehashi.experiments.store import RunResult
from kakehashi.reports.tables import Table
from kakehashi.sentence import Sentence

_MOST = 20
_NOTHING = "–"


def run_diff_tables(diff: RunDiff, most: int = _MOST) -> dict[str, Table]:
    """Make the tables of a difference, by their short names.

    Args:
        diff: Of two runs.
        most: How many sentences to list at most, each way.
    """
    sides = {"A": diff.first, "B": diff.second}
    transfers = {name: transfer_table(name, side.result) for name, side in sides.items()}
    return {
        "score": _scores(diff),
        "types": _types(diff),
        "fixed": _flips("Only B reads these rightly", diff.fixed, most),
        "regressed": _flips("Only A reads these rightly", diff.regressed, most),
        **{f"transfer-{name}": table for name, table in transfers.items() if table is not None},
    }


def _scores(diff: RunDiff) -> Table:
    rows = []
    for name, side in (("A", diff.first), ("B", diff.second)):
        test = side.result["test"]
        ratios = (f"{test[key]:.2f}" for key in ("precision", "recall", "f1"))
        rows.append((name, side.name, *ratios, _layers(side)))
    fixed, regressed = len(diff.fixed), len(diff.regressed)
    note = f"Of {len(diff.first.counts):,} sentences B fixes {fixed:,} and breaks {regressed:,}."
    headings = ("", "run", "precision", "recall", "F1", "transferred")
    return Table("Two runs", headings, tuple(rows), (note,), n_labels=2)


def _layers(side: RunResult) -> str:
    transfer = side.result["transfer"]
    return "+".join(transfer["groups"]) if transfer else "nothing"


def _types(diff: RunDiff) -> Table:
    first, second = (s.result["test"]["types"] for s in (diff.first, diff.second))
    often = diff.second.result["corpus"]["train"].get("types", {})
    gains = {name: _f1(second, name) - _f1(first, name) for name in {**first, **second}}
    rows = tuple(
        (
            name,
            f"{often[name]:,}" if name in often else _NOTHING,
            f"{(second if name in second else first)[name]['gold']:,}",
            f"{_f1(first, name):.2f}",
            f"{_f1(second, name):.2f}",
            f"{gain:+.2f}",
        )
        for name, gain in sorted(gains.items(), key=lambda entry: (-entry[1], entry[0]))
    )
    return Table("Entity types", ("type", "in training", "in test", "A", "B", "gain"), rows)


def _f1(types: Mapping[str, Mapping[str, Any]], name: str) -> float:
    return float(types[name]["f1"]) if name in types else 0.0


def _flips(title: str, flips: tuple[Flip, ...], most: int) -> Table:
    readable = [flip for flip in flips if flip.first is not None and flip.second is not None]
    rows = tuple(
        (f"{flip.number + 1:,}", _text(flip), _found(flip.first), _found(flip.second))
        for flip in readable[:most]
    )
    notes = [f"{len(flips):,} in all."]
    if flips and not readable:
        notes.append("The sentences are not here: a run folder with its predictions is gone.")
    return Table(title, ("sentence", "text", "A finds", "B finds"), rows, tuple(notes))


def _text(flip: Flip) -> str:
    return flip.first.text if flip.first is not None else ""


def _found(sentence: Sentence | None) -> str:
    mentions = sentence.mentions if sentence is not None else ()
    return "; ".join(f"{mention.text} {mention.type}" for mention in mentions) or _NOTHING


def transfer_table(name: str, result: Mapping[str, Any]) -> Table | None:
    """List what a run took from its source, and what stayed random; None where it had none."""
    transfer = result["transfer"]
    if transfer is None:
        return None
    # The parameters of one LSTM are copied together, as are the weight and bias of a dense layer.
    layers = {row["parameter"].rpartition(".")[0]: row for row in transfer["parameters"]}
    rows = []
    for layer, row in layers.items():
        vectors = layer == "word.embedding" and result["settings"].get("vectors") is not None
        start = "from the vectors" if vectors else "random"
        left = row["rows"] - row["matched"]
        rows.append(
            (
                _OVERLAPS.get(layer, layer),
                f"{row['matched']:,}",
                f"{row['rows']:,}",
                f"{100 * row['matched'] / row['rows']:.1f} %",
                f"{left:,} {start}" if left else _NOTHING,
                row["reason"],
            )
        )
    return Table(
        f"What {name} took from {transfer['source']}",
        ("layer", "rows copied", "of", "share", "the others began", "why"),
        tuple(rows),
        ("Of embeddings, rows copied are strings that both training sets have, and the unknown.",),
    )


_OVERLAPS = {
    "char.embedding": "char.embedding: n-grams",
    "word.embedding": "word.embedding: words",
    "dense": "dense: tags",
}
