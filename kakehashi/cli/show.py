"""What the verbs print: tables, and the lines after them."""

from __future__ import annotations

import math
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kakehashi.reports.tables import Table, distribution_table

if TYPE_CHECKING:
    from kakehashi.corpora.implausible import Plausibility
    from kakehashi.corpora.romanization import Romanization
    from kakehashi.corpora.stats import CorpusStats, Homophones, LostMention, Overlap
    from kakehashi.experiments.plan import Plan
    from kakehashi.experiments.runs import RunSpec
    from kakehashi.scoring.compare import Comparison
    from kakehashi.sentence import Sentence
    from kakehashi.training.curriculum import Step

_MOST_LOST = 20
_N_EXAMPLES = 5
_DEMO = ("Source: English", "Japanese from scratch", "Japanese with transfer (MOM, char+dense)")


def score_table(title: str, scores: Mapping[str, Mapping[str, Any]]) -> Table:
    """Make a table of scores, one row each."""
    keys = ("precision", "recall", "f1", "gold", "predicted", "correct")
    rows = ([name, *(score[key] for key in keys)] for name, score in scores.items())
    return Table(title, ["", "precision", "recall", "F1", "gold", "predicted", "correct"], rows)


def run_tables(result: Mapping[str, Any]) -> tuple[list[Table], str]:
    """Show what a run was given from its source and its scores; and their signature."""
    parts = {part: result[part] for part in ("dev", "test") if result[part] is not None}
    score = result["test"] or result["dev"] or {"types": {}, "signature": "nothing to score by"}
    system, selection = result["system"], result["selection"]
    how = f"epoch {selection['epoch']} of {len(result['epochs'])}, selected by {selection['by']}"
    how += "; F1 may still have been rising" if selection.get("rising") else ""
    if system["name"] not in ("kakehashi", "encoder"):
        how = f"{system['name']} {system['version']}"
    scores = score_table(f"{result['name']}: {how}", parts | score["types"])
    return [*_transferred(result), scores], score["signature"]


def _transferred(result: Mapping[str, Any]) -> list[Table]:
    from kakehashi.reports.diff_tables import transfer_table

    found = transfer_table(result["name"], result)
    return [] if found is None else [found]


def demo_tables(
    folders: Sequence[Path], results: Sequence[Mapping[str, Any]], gain: float
) -> tuple[list[Table], str]:
    """Show what was transferred and the scores; and what it finds right, as its layers see it."""
    from kakehashi.config.reading import read_settings
    from kakehashi.corpora.corpus import load_corpora
    from kakehashi.corpora.jsonl import read_jsonl
    from kakehashi.text.views import view

    rows = [
        [title, result["corpus"]["train"]["sentences"], result["test"]["f1"], "", folder / "model"]
        for title, folder, result in zip(_DEMO, folders, results, strict=True)
    ]
    rows[-1][3] = f"{gain:+.2f}"
    scores = Table("Test F1", ["", "utterances", "F1", "gain", "model"], rows)
    settings = read_settings(folders[-1] / "config.json")
    test, shown = load_corpora(settings.corpus).test, settings.model.char_view
    pairs = [*zip(test, read_jsonl(folders[-1] / "predictions.jsonl"), strict=True)]
    right = [
        found
        for gold, found in pairs
        if [m[:3] for m in gold.mentions] == [m[:3] for m in found.mentions]
    ]
    lines = ["", f"Of {len(pairs):,} test utterances it tags {len(right):,} as they are, such as:"]
    for sentence in islice((each for each in right if len(each.mentions) > 1), _N_EXAMPLES):
        tokens = sentence.tokens or ()
        readings = " ".join(token.reading or token.text for token in tokens)
        seen = " ".join(view(token.text, token.reading, shown) for token in tokens)
        lines += ["", _bracketed(sentence), f"  {readings}", f"  {seen}"]
    program = "kakehashi" if shutil.which("kakehashi") else _beside_python("kakehashi")
    lines += ["", f"Try: echo 明日の朝七時に起こして | {program} predict {folders[-1]}"]
    return [*_transferred(results[-1]), scores], "\n".join(lines)


def _beside_python(program: str) -> str:
    """Write the path of a program that is in the environment of this Python, and not in PATH."""
    path = Path(sys.executable).with_name(program)
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _bracketed(sentence: Sentence) -> str:
    """Write mentions into the text: ``[東京 place_name]``."""
    text = sentence.text
    for mention in reversed(sentence.mentions):
        inside = f"[{mention.text} {mention.type}]"
        text = text[: mention.start] + inside + text[mention.end :]
    return text


def curriculum_lines(steps: Sequence[Step]) -> Iterator[str]:
    """Describe each training: what it learns from, and about how long it and all of them take."""
    for number, step in enumerate(steps, 1):
        system, n_gold = step.settings.system, f"{step.n_gold:,} labeled sentences"
        text = f" and {step.n_unlabeled:,} unlabeled ones" if step.n_unlabeled else ""
        done = (step.folder / "result.json").exists()
        took = "finished" if done else f"about {math.ceil(step.seconds / 60)} min"
        yield f"{number}. {step.folder.name}: {system} on {n_gold}{text}; {took}"
    left = sum(step.seconds for step in steps if not (step.folder / "result.json").exists())
    yield f"in all about {math.ceil(left / 60)} min on one thread"


def stats_tables(found: Mapping[str, CorpusStats], rows: Table) -> Iterator[Table]:
    """Show counts of corpora, in ``rows`` one each, side by side; then the mentions they lose."""
    counts = list(zip(rows.headings, *rows.rows, strict=True))[rows.n_labels :]
    totals = sum((Counter(stats.types) for stats in found.values()), Counter[str]())
    ranked = [name for name, _ in totals.most_common()]
    types = ((name, *(stats.types.get(name, 0) for stats in found.values())) for name in ranked)
    yield Table("Corpora", ["", *found], [*counts, *types], rows.notes)
    for name, stats in found.items():
        yield from lost_tables(name, stats.lost)


def lost_tables(name: str, lost: Sequence[LostMention]) -> Iterator[Table]:
    """List the mentions of a corpus that no whole tokens equal, at most twenty; or nothing."""
    from kakehashi.corpora.checks import excerpt

    if lost:
        rows = (
            (each.number, excerpt(each.sentence), each.text, each.type, " ".join(each.tokens))
            for each in lost[:_MOST_LOST]
        )
        shown = f", the first {_MOST_LOST}" if len(lost) > _MOST_LOST else ""
        title = f"{name}: {len(lost):,} mentions that no whole tokens equal{shown}"
        yield Table(title, ["no.", "sentence", "mention", "type", "tokens"], rows)


def overlap_tables(name: str, found: Overlap) -> Iterator[Table]:
    """Show what repeats in a corpus, what its test set adds, and the entity types by rank."""
    rows = {
        "training sentences": found.sentences,
        "of them distinct": f"{found.distinct:.1f} %",
        "test sentences": found.test_sentences,
        "of them seen in training": f"{found.seen_sentences:.1f} %",
        "test mentions of unseen values": f"{found.unseen_values:.1f} %",
        "slope of frequency by rank": found.slope,
    }
    yield Table(f"Overlap of training and test: {name}", ["", ""], rows.items())
    yield distribution_table(name, found.types)


def homophone_tables(found: Mapping[str, Homophones], n_examples: int) -> Iterator[Table]:
    """Show what a view makes the same: counts side by side, then examples per corpus."""
    counts = [
        ("distinct forms", *(each.words.total for each in found.values())),
        ("distinct once romanized", *(each.romanized for each in found.values())),
        ("forms romanized as another", *(str(each.words) for each in found.values())),
        ("tokens of such forms", *(str(each.tokens) for each in found.values())),
        ("of them not the most frequent", *(each.rarer for each in found.values())),
        ("mentions with such a form", *(str(each.mentions) for each in found.values())),
    ]
    types = dict.fromkeys(name for each in found.values() for name in each.types)
    rows = [(name, *(each.types.get(name) for each in found.values())) for name in types]
    yield Table("Written differently, romanized alike", ["", *found], [*counts, *rows])
    for name, each in found.items():
        shown = [
            (c.romaji, " ".join(f"{word} {count}" for word, count in c.words.items()), c.mentions)
            for c in each.collapses[:n_examples]
        ]
        if shown:
            yield Table(f"{name}: forms and tokens", ["view", "forms", "mentions"], shown)


def romanization_tables(found: Mapping[str, Romanization], n_examples: int) -> Iterator[Table]:
    """Show what a view does to corpora, side by side; then what it cannot write."""
    rows = [
        ("view", *(each.view for each in found.values())),
        ("distinct tokens", *(each.forms for each in found.values())),
        ("distinct in the view", *(each.seen for each in found.values())),
        ("tokens that look like others", *(str(each.alike) for each in found.values())),
        ("tokens with letters that are not Latin", *(str(each.leaking) for each in found.values())),
    ]
    if any(each.shared is not None for each in found.values()):
        rows.append(("n-grams that the source has", *(str(each.shared) for each in found.values())))
    yield Table("What the character layer sees", ["", *found], rows)
    for name, each in found.items():
        leaks = [(leak.form, leak.seen, leak.tokens) for leak in each.leaks[:n_examples]]
        if leaks:
            yield Table(f"{name}: letters that are not Latin", ["token", "view", "tokens"], leaks)


def plausibility_tables(found: Mapping[str, Plausibility], n_examples: int) -> Iterator[Table]:
    """Show how many mentions have which fault, side by side; then examples of each corpus."""
    from kakehashi.corpora.checks import excerpt
    from kakehashi.corpora.implausible import FAULTS

    counts = [
        ("mentions", *(each.mentions for each in found.values())),
        ("implausible", *(len(each.implausible) for each in found.values())),
        *((fault, *(each.faults[fault] for each in found.values())) for fault in FAULTS),
    ]
    yield Table("Implausible mentions", ["", *found], counts)
    for name, each in found.items():
        rows = [
            (m.number, excerpt(m.sentence), m.text, m.type, ", ".join(m.faults))
            for m in each.implausible[:n_examples]
        ]
        if rows:
            headings = ["no.", "sentence", "mention", "type", "faults"]
            yield Table(f"{name}: implausible mentions", headings, rows)


def comparison_tables(found: Comparison, a: str, b: str) -> tuple[list[Table], str]:
    """Show the scores of two systems, the differences, and the tests; and the signature."""
    scores = []
    for name, each in ((f"A: {a}", found.first), (f"B: {b}", found.second)):
        interval = f"{each.interval.low:.2f} to {each.interval.high:.2f}"
        f1s = " ".join(f"{f1:.2f}" for f1 in each.runs)
        scores.append((name, each.f1, interval, each.deviation, f1s))
    deltas = (
        (
            *(name, each.gold, each.first, each.second, f"{each.points:+.2f}"),
            None if each.relative is None else f"{each.relative:+.1f} %",
        )
        for name, each in {"all": found.total, **found.types}.items()
    )
    named = {"approximate randomization": found.models, "permutation of run labels": found.method}
    tests = (
        (name, f"{test.p:.4f}", test.shuffles, test.claim) for name, test in named.items() if test
    )
    hint = "Only several runs of each can show whether the methods differ for any seed.\n"
    return [
        Table("F1", ["", "mean", "95 % interval", "deviation", "runs"], scores, n_labels=0),
        Table("B compared with A", ["", "gold", "A", "B", "points", "relative"], deltas),
        Table("Significance", ["test", "p", "permutations", "claim"], tests),
    ], f"{'' if found.method else hint}{found.signature}"


def plan_tables(plan: Plan) -> tuple[list[Table], str]:
    """Show finished runs of all, row by column; and how many are missing."""
    from kakehashi.experiments.grid import SEED

    labels, report = plan.grid.labels, plan.grid.report
    columns = labels[report.columns] if report.columns else ("finished",)
    missing = {run.key for run in plan.missing}

    def place(run: RunSpec) -> tuple[str, str]:
        return run.axes[report.rows], run.axes[report.columns] if report.columns else "finished"

    wanted = Counter(map(place, plan.wanted))
    finished = Counter(place(run) for run in plan.wanted if run.key not in missing)
    rows = (
        [row, *(f"{finished[row, column]}/{wanted[row, column]}" for column in columns)]
        for row in labels[report.rows]
    )
    n_sources = sum(SEED not in run.axes for run in plan.missing)
    to_run = _counted(len(plan.missing) - n_sources, "run")
    to_run += f" and {_counted(n_sources, 'source model')}" if n_sources else ""
    line = f"{_counted(len(plan.wanted), 'combination')}, {_counted(plan.n_runs, 'run')}:"
    line += f" {plan.n_finished} finished, {to_run} to run"
    return [Table(plan.grid.title or plan.grid.name, [report.rows, *columns], rows)], line


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
