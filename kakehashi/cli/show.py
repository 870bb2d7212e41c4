"""Reports of runs, transfers and the demo, as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from kakehashi.cli.console import print_line, print_table
from kakehashi.corpora.checks import excerpt
from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.corpora.stats import CorpusStats, LostMention, Overlap
from kakehashi.scoring.score import Count
from kakehashi.sentence import Sentence

_MOST_LOST = 20
_N_EXAMPLES = 5
_DEMO_TITLES = (
    "Source: English",
    "Japanese from scratch",
    "Japanese with transfer (MOM, char+dense)",
)
_SCORE = ["", "precision", "recall", "F1", "gold", "predicted", "correct"]


def print_run(result: Mapping[str, Any]) -> None:
    """Print the scores of a run: on dev and test, and per entity type on test."""
    parts = {part: result[part] for part in ("dev", "test") if result[part] is not None}
    score = result["test"] or result["dev"] or {"types": {}, "signature": "nothing to score by"}
    rows = [_score_row(name, counts) for name, counts in (parts | score["types"]).items()]
    system, selection = result["system"], result["selection"]
    how = f"epoch {selection['epoch']}, selected by {selection['by']}"
    if system["name"] != "kakehashi":
        how = f"{system['name']} {system['version']}"
    title = f"{result['name']}: {how}"
    print_table(title, _SCORE, rows)
    print_line(score["signature"])


def _score_row(name: str, score: Mapping[str, Any]) -> list[object]:
    ratios = [float(score[key]) for key in ("precision", "recall", "f1")]
    return [name, *ratios, *(score[key] for key in ("gold", "predicted", "correct"))]


def print_by_overlap(parts: Mapping[str, Count]) -> None:
    """Print the scores of values that training has shown, and of the others."""
    rows = [_score_row(name, count.to_dict()) for name, count in parts.items()]
    print_table("Values in training", _SCORE, rows)


def print_transfer(transfer: Mapping[str, Any] | None) -> None:
    """Print what was copied from the source, layer by layer; nothing where nothing was."""
    if transfer is None:
        return
    # The parameters of one LSTM are copied together, as are the weight and bias of the dense layer.
    layers = {row["parameter"].rpartition(".")[0]: row for row in transfer["parameters"]}
    rows = [
        [
            layer,
            row["action"],
            f"{row['matched']:,} of {row['rows']:,}",
            f"{100 * row['matched'] / row['rows']:.1f} %",
            row["reason"],
        ]
        for layer, row in layers.items()
    ]
    title = f"Transfer of {'+'.join(transfer['groups'])} from {transfer['source']}"
    print_table(title, ["layer", "action", "rows", "", "reason"], rows)


def print_demo(folders: Sequence[Path], results: Sequence[Mapping[str, Any]]) -> None:
    """Print the table, the examples with their readings, and where the models lie."""
    print_transfer(results[-1]["transfer"])
    f1 = [result["test"]["f1"] for result in results]
    gains = ["", "", f"{f1[2] - f1[1]:+.2f}"]
    rows = [
        [title, result["corpus"]["train"]["sentences"], score, gain, str(folder / "model")]
        for title, result, score, gain, folder in zip(
            _DEMO_TITLES, results, f1, gains, folders, strict=True
        )
    ]
    print_table("Test F1", ["", "utterances", "F1", "gain", "model"], rows)
    found = read_jsonl(folders[-1] / "predictions.jsonl")
    for sentence in islice((each for each in found if len(each.mentions) > 1), _N_EXAMPLES):
        print_line("")
        print_line(_bracketed(sentence))
        readings = " ".join(token.reading or token.text for token in sentence.tokens or ())
        print_line(f"  {readings}")
    print_line("")
    print_line(f"Try: echo 明日の朝七時に起こして | kakehashi predict {folders[-1]}")


def _bracketed(sentence: Sentence) -> str:
    """Write mentions into the text: ``[東京 place_name]``."""
    parts, position = [], 0
    for mention in sentence.mentions:
        parts += [sentence.text[position : mention.start], f"[{mention.text} {mention.type}]"]
        position = mention.end
    return "".join([*parts, sentence.text[position:]])


def print_stats(found: Mapping[str, CorpusStats]) -> None:
    """Print the counts of corpora side by side, one column each, and what tokens cannot express."""
    counts: dict[str, Sequence[object]] = {
        "sentences": [stats.sentences for stats in found.values()],
        "with a mention": [stats.with_mentions for stats in found.values()],
        "articles": [stats.articles for stats in found.values()],
        "characters": [stats.characters for stats in found.values()],
        "tokens": [_dash(stats.tokens) for stats in found.values()],
        "mentions": [stats.mentions for stats in found.values()],
        "of them lost": [len(stats.lost) for stats in found.values()],
        "best recall": [_percent(stats.kept) for stats in found.values()],
        "best F1": [_percent(stats.ceiling) for stats in found.values()],
        "mean length": [f"{stats.mention_characters:.2f}" for stats in found.values()],
    }
    types = Counter[str]()
    for stats in found.values():
        types.update(stats.types)
    for name, _ in types.most_common():
        counts[name] = [stats.types.get(name, 0) for stats in found.values()]
    rows: list[list[object]] = [[name, *values] for name, values in counts.items()]
    print_table("Corpora", ["", *found], rows)
    for name, stats in found.items():
        print_lost(stats.lost, name)


def _dash(count: int | None) -> int | str:
    return "-" if count is None else count


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f}"


def print_lost(lost: Sequence[LostMention], name: str, *, stderr: bool = False) -> None:
    """List the mentions of a corpus that no whole tokens equal; at most twenty."""
    if not lost:
        return
    rows = [
        (number, excerpt(sentence), mention.text, mention.type, " ".join(tokens))
        for number, sentence, mention, tokens in lost[:_MOST_LOST]
    ]
    shown = f", the first {_MOST_LOST}" if len(lost) > _MOST_LOST else ""
    title = f"{name}: {len(lost):,} mentions that no whole tokens equal{shown}"
    print_table(title, ["no.", "sentence", "mention", "type", "tokens"], rows, stderr=stderr)


def print_overlap(language: str, found: Overlap) -> None:
    """Print what repeats in a corpus, what its test set adds, and the types by rank."""
    rows = [
        ["utterances", f"{found.sentences:,}"],
        ["of them distinct", f"{found.distinct:.1f} %"],
        ["test utterances", f"{found.test_sentences:,}"],
        ["of them seen in training", f"{found.seen_sentences:.1f} %"],
        ["test mentions of unseen values", f"{found.unseen_values:.1f} %"],
        ["slope of frequency by rank", f"{found.slope:.2f}"],
    ]
    print_table(f"Generated utterances: {language}", ["", ""], rows)
    ranked = enumerate(found.types.items(), 1)
    types = [[str(rank), name, f"{count:,}"] for rank, (name, count) in ranked]
    print_table("Entity types", ["rank", "type", "mentions"], types)
