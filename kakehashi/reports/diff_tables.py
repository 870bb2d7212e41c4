"""Two runs compared, and what a run took from its source, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kakehashi.experiments.diff import RunDiff
from kakehashi.reports.tables import Table
from kakehashi.sentence import Sentence

_UNITS = {"char.embedding": ": n-grams", "word.embedding": ": words", "dense": ": tags"}


def run_diff_tables(diff: RunDiff, most: int = 20) -> dict[str, Table]:
    """Make the tables of a difference, by their short names; each lists ``most`` sentences."""
    runs = {"A": diff.first, "B": diff.second}
    transfers = {name: transfer_table(name, run.result) for name, run in runs.items()}
    scores = []
    for name, run in runs.items():
        transfer, test = run.result["transfer"], run.result["test"]
        groups = "+".join(transfer["groups"]) if transfer else "nothing"
        ratios = (float(test[key]) for key in ("precision", "recall", "f1"))
        scores.append((name, run.name, *ratios, groups))
    note = f"Of {len(diff.first.counts):,} sentences B fixes {len(diff.fixed):,}"
    note += f" and breaks {len(diff.regressed):,}."
    headings = ("", "run", "precision", "recall", "F1", "transferred")
    return {
        "score": Table("Two runs", headings, scores, [note], n_labels=2),
        "types": _types(diff),
        "fixed": _flips("Only B reads these rightly", diff.fixed, diff, most),
        "regressed": _flips("Only A reads these rightly", diff.regressed, diff, most),
        **{f"transfer-{name}": table for name, table in transfers.items() if table is not None},
    }


def _types(diff: RunDiff) -> Table:
    first, second = (run.result["test"]["types"] for run in (diff.first, diff.second))
    often = diff.second.result["corpus"]["train"].get("types", {})
    rows = []
    for name, found in {**first, **second}.items():
        before, after = (types[name]["f1"] if name in types else 0.0 for types in (first, second))
        rows.append((after - before, name, often.get(name), found["gold"], before, after))
    rows.sort(key=lambda row: (-row[0], row[1]))
    cells = ((*row, f"{gain:+.2f}") for gain, *row in rows)
    return Table("Entity types", ("type", "in training", "in test", "A", "B", "gain"), cells)


def _flips(title: str, numbers: Sequence[int], diff: RunDiff, most: int) -> Table:
    rows = []
    for number in numbers[:most] if diff.tagged else ():
        first, second = diff.tagged[number]
        rows.append((number + 1, first.text, _mentions(first), _mentions(second)))
    notes = [f"{len(numbers):,} in all."]
    if numbers and not diff.tagged:
        notes.append("The sentences are not here: a run folder with its predictions is gone.")
    return Table(title, ("sentence", "text", "A finds", "B finds"), rows, notes)


def _mentions(sentence: Sentence) -> str | None:
    return "; ".join(f"{mention.text} {mention.type}" for mention in sentence.mentions) or None


def transfer_table(name: str, result: Mapping[str, Any]) -> Table | None:
    """List what a run took from its source, and what stayed random; None where it had none."""
    transfer = result["transfer"]
    if transfer is None:
        return None
    # The parameters of one LSTM are copied together, as are the weight and bias of a dense layer.
    layers = {row["parameter"].rpartition(".")[0]: row for row in transfer["parameters"]}
    rows = []
    for layer, row in layers.items():
        matched, total = row["matched"], row["rows"]
        vectors = layer == "word.embedding" and result["settings"].get("vectors") is not None
        start = "from the vectors" if vectors else "random"
        left = f"{total - matched:,} {start}" if matched < total else None
        share = f"{100 * matched / total:.1f} %"
        rows.append((layer + _UNITS.get(layer, ""), matched, total, share, left, row["reason"]))
    headings = ("layer", "rows copied", "of", "share", "the others began", "why")
    note = "Of embeddings, rows copied are strings that both training sets have, and the unknown."
    return Table(f"What {name} took from {transfer['source']}", headings, rows, [note])
