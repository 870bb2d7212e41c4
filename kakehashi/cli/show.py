"""What the verbs print, as tables: scores of a run, the demo, counts of corpora, comparisons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kakehashi.corpora.checks import excerpt
from kakehashi.reports.tables import Table

if TYPE_CHECKING:
    from kakehashi.corpora.stats import CorpusStats, Homophones, LostMention, Overlap
    from kakehashi.demo import DemoReport
    from kakehashi.experiments.plan import Plan
    from kakehashi.scoring.compare import Comparison
    from kakehashi.sentence import Sentence

_MOST_LOST = 20


def table(title: str, headings: Sequence[str], rows: Iterable[Iterable[object]]) -> Table:
    """Make a table of any values; numbers with a fraction get two digits of it."""
    written = (
        tuple(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row)
        for row in rows
    )
    return Table(title, tuple(headings), tuple(written), n_labels=0)


def score_table(title: str, scores: Mapping[str, Mapping[str, Any]]) -> Table:
    """Make a table of scores, one row each."""
    keys = ("precision", "recall", "f1", "gold", "predicted", "correct")
    rows = (
        [name, *(float(score[key]) for key in keys[:3]), *(score[key] for key in keys[3:])]
        for name, score in scores.items()
    )
    return table(title, ["", "precision", "recall", "F1", "gold", "predicted", "correct"], rows)


def run_tables(result: Mapping[str, Any]) -> tuple[list[Table], str]:
    """Show what was transferred and the scores on dev and test and per type; and the signature."""
    parts = {part: result[part] for part in ("dev", "test") if result[part] is not None}
    score = result["test"] or result["dev"] or {"types": {}, "signature": "nothing to score by"}
    system, selection = result["system"], result["selection"]
    how = f"epoch {selection['epoch']}, selected by {selection['by']}"
    if system["name"] != "kakehashi":
        how = f"{system['name']} {system['version']}"
    scores = score_table(f"{result['name']}: {how}", parts | score["types"])
    return [*_transferred(result), scores], score["signature"]


def _transferred(result: Mapping[str, Any]) -> list[Table]:
    from kakehashi.reports.diff_tables import transfer_table

    found = transfer_table(result["name"], result)
    return [] if found is None else [found]


def demo_tables(report: DemoReport) -> tuple[list[Table], str]:
    """Show what was transferred and the scores; and examples with their readings."""
    runs = [report.english, report.scratch, report.transfer]
    rows = (
        [
            run.title,
            run.result["corpus"]["train"]["sentences"],
            run.f1,
            f"{report.gain:+.2f}" if run is report.transfer else "",
            run.folder / "model",
        ]
        for run in runs
    )
    scores = table("Test F1", ["", "utterances", "F1", "gain", "model"], rows)
    lines = []
    for sentence in report.examples:
        readings = " ".join(token.reading or token.text for token in sentence.tokens or ())
        lines += ["", _bracketed(sentence), f"  {readings}"]
    command = f"kakehashi predict {report.transfer.folder}"
    lines += ["", f"Try: echo 明日の朝七時に起こして | {command}"]
    return [*_transferred(report.transfer.result), scores], "\n".join(lines)


def _bracketed(sentence: Sentence) -> str:
    """Write mentions into the text: ``[東京 place_name]``."""
    parts, position = [], 0
    for mention in sentence.mentions:
        parts += [sentence.text[position : mention.start], f"[{mention.text} {mention.type}]"]
        position = mention.end
    return "".join([*parts, sentence.text[position:]])


def stats_tables(found: Mapping[str, CorpusStats], rows: Table) -> Iterator[Table]:
    """Show counts of corpora side by side, a column each, then the mentions they lose.

    Args:
        found: By the name of the corpus.
        rows: The same as a table with a row for each.
    """
    counts = [
        (rows.headings[index], *(row[index] for row in rows.rows))
        for index in range(rows.n_labels, len(rows.headings))
    ]
    totals = sum((Counter(stats.types) for stats in found.values()), Counter[str]())
    types = [
        (name, *(f"{stats.types.get(name, 0):,}" for stats in found.values()))
        for name, _ in totals.most_common()
    ]
    yield Table("Corpora", ("", *found), (*counts, *types), rows.notes)
    for name, stats in found.items():
        yield from lost_tables(name, stats.lost)


def lost_tables(name: str, lost: Sequence[LostMention]) -> Iterator[Table]:
    """List the mentions of a corpus that no whole tokens equal, at most twenty; or nothing."""
    if lost:
        rows = (
            (number, excerpt(sentence), mention.text, mention.type, " ".join(tokens))
            for number, sentence, mention, tokens in lost[:_MOST_LOST]
        )
        shown = f", the first {_MOST_LOST}" if len(lost) > _MOST_LOST else ""
        title = f"{name}: {len(lost):,} mentions that no whole tokens equal{shown}"
        yield table(title, ["no.", "sentence", "mention", "type", "tokens"], rows)


def overlap_tables(name: str, found: Overlap) -> Iterator[Table]:
    """Show what repeats in a corpus, what its test set adds, and the entity types by rank."""
    rows = [
        ["training sentences", f"{found.sentences:,}"],
        ["of them distinct", f"{found.distinct:.1f} %"],
        ["test sentences", f"{found.test_sentences:,}"],
        ["of them seen in training", f"{found.seen_sentences:.1f} %"],
        ["test mentions of unseen values", f"{found.unseen_values:.1f} %"],
        ["slope of frequency by rank", f"{found.slope:.2f}"],
    ]
    yield table(f"Overlap of training and test: {name}", ["", ""], rows)
    types = enumerate(found.types.items(), 1)
    ranked = ((rank, entity_type, f"{count:,}") for rank, (entity_type, count) in types)
    yield table(f"Entity types of {name}", ["rank", "type", "mentions"], ranked)


def homophone_tables(found: Mapping[str, Homophones], n_examples: int) -> Iterator[Table]:
    """Show what romanization makes the same: counts side by side, then examples per corpus."""
    counts: dict[str, list[object]] = {
        "distinct words": [f"{each.words.total:,}" for each in found.values()],
        "distinct once romanized": [f"{each.romanized:,}" for each in found.values()],
        "words romanized as another": [each.words for each in found.values()],
        "tokens of such words": [each.tokens for each in found.values()],
        "of them not the most frequent": [f"{each.rarer:,}" for each in found.values()],
        "mentions with such a word": [each.mentions for each in found.values()],
    }
    for entity_type in dict.fromkeys(name for each in found.values() for name in each.types):
        counts[entity_type] = [each.types.get(entity_type, "-") for each in found.values()]
    rows = ([name, *values] for name, values in counts.items())
    yield table("Written differently, romanized alike", ["", *found], rows)
    for name, each in found.items():
        shown = [
            [romaji, " ".join(f"{word} {count}" for word, count in words.items()), mentions]
            for romaji, words, mentions in each.collapses[:n_examples]
        ]
        if shown:
            yield table(f"{name}: words and tokens", ["romaji", "words", "mentions"], shown)


def comparison_tables(comparison: Comparison, a: str, b: str) -> tuple[list[Table], str]:
    """Show the scores of two systems, the differences, and the tests; and the signature."""
    sides = {f"A: {a}": comparison.first, f"B: {b}": comparison.second}
    scores = (
        [
            name,
            side.mean,
            f"{side.interval.low:.2f} to {side.interval.high:.2f}",
            "-" if side.deviation is None else side.deviation,
            " ".join(f"{f1:.2f}" for f1 in side.f1s),
        ]
        for name, side in sides.items()
    )
    gains = (
        [
            name,
            gain.gold,
            gain.first,
            gain.second,
            f"{gain.points:+.2f}",
            "-" if gain.relative is None else f"{gain.relative:+.1f} %",
        ]
        for name, gain in {"all": comparison.total, **comparison.types}.items()
    )
    named = {
        "approximate randomization": comparison.models,
        "permutation of run labels": comparison.method,
    }
    tests = (
        [name, f"{test.p:.4f}", test.shuffles, test.claim]
        for name, test in named.items()
        if test is not None
    )
    hint = "Only several runs of each can show whether the methods differ for any seed.\n"
    return [
        table("F1", ["", "mean", "95 % interval", "deviation", "runs"], scores),
        table("B compared with A", ["", "gold", "A", "B", "difference", "relative"], gains),
        table("Significance", ["test", "p", "permutations", "claim"], tests),
    ], f"{'' if comparison.method else hint}{comparison.signature}"


def plan_tables(plan: Plan) -> tuple[list[Table], str]:
    """Show finished runs of all, row by column; and how many are missing."""
    report = plan.grid.report
    columns = plan.grid.labels[report.columns] if report.columns else ("finished",)
    missing = {run.key for run in plan.missing}

    def finished(row: str, column: str) -> str:
        runs = [
            run
            for run in plan.wanted
            if run.axes[report.rows] == row
            and (not report.columns or run.axes[report.columns] == column)
        ]
        return f"{sum(run.key not in missing for run in runs)}/{len(runs)}"

    rows = [
        [row, *(finished(row, column) for column in columns)]
        for row in plan.grid.labels[report.rows]
    ]
    sources = sum("source" in run.axes for run in plan.missing)
    also = f" and {sources} source models" if sources else ""
    line = f"{len(plan.wanted)} cells, {plan.n_runs} runs: {plan.n_finished} finished"
    return [table(plan.grid.title or plan.grid.name, [report.rows, *columns], rows)], (
        f"{line}, {len(plan.missing) - sources}{also} to run"
    )
