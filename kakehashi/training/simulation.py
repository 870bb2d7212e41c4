"""The annotation loop played on a labeled corpus.

::

    runs/NAME/
      dev.jsonl, test.jsonl   what every round is selected and scored by
      round-01.jsonl          the sentences annotated so far, with their labels
      round-01/               the run trained on them
      …                       the others are those of the last round
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from kakehashi.config.selecting import SelectionSettings
from kakehashi.config.settings import CorpusSettings, RunSettings
from kakehashi.config.sources import JsonlSource
from kakehashi.corpora.corpus import load_corpora
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.errors import ConfigError
from kakehashi.progress import Progress
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.selection.near_duplicates import text_key
from kakehashi.selection.suggest import suggest
from kakehashi.selection.uncertainty import Scored, score_uncertainty
from kakehashi.sentence import Sentence
from kakehashi.training.run import Run, load_result

Train = Callable[[RunSettings, Path], Path]
"""Trains a run in a folder, or takes the finished one that is there."""


def simulate(settings: RunSettings, run: Run, train: Train, progress: Progress) -> None:
    """Train round after round on what the strategy chooses of the training set.

    A recognizer of each round chooses among the sentences whose labels are still hidden; the first
    batch is drawn at random, by the seed of training. The same call resumes. `ConfigError` if the
    training set is smaller than the first batch.
    """
    selection = settings.selection
    if selection is None:
        raise ValueError("these settings have no [selection]")
    run.claim()
    corpora = load_corpora(settings.corpus)
    hidden = {text_key(sentence.text): sentence for sentence in corpora.train}
    if len(hidden) < selection.first:
        problem = (
            f"{selection.first:,} are more than the {len(hidden):,} training texts that differ"
        )
        raise ConfigError("selection.first", problem)
    held_out = {}
    for part in ("dev", "test"):
        held_out[part] = run.folder / f"{part}.jsonl"
        write_jsonl(held_out[part], getattr(corpora, part))
    rounds: list[dict[str, object]] = []
    chosen: list[Sentence] = []
    folder = None
    for number in range(1, selection.rounds + 1):
        place = run.folder / f"round-{number:02}"
        annotated = place.with_suffix(".jsonl")
        if annotated.exists():
            chosen = list(read_jsonl(annotated))
        else:
            chosen = chosen + _choose(settings, selection, hidden, chosen, folder)
            write_jsonl(annotated, chosen)
        files = {"train": annotated, **held_out}
        sources = {part: (JsonlSource(path=str(path.absolute())),) for part, path in files.items()}
        parts = CorpusSettings(train=sources["train"], dev=sources["dev"], test=sources["test"])
        folder = train(settings.model_copy(update={"corpus": parts, "selection": None}), place)
        rounds.append(_round(selection, chosen, folder))
        progress.say(f"round {number} of {selection.rounds}: {rounds[-1]}")
        if len(chosen) == len(hidden):
            break
    if folder is not None:
        run.adopt(folder, {"rounds": rounds})


def _choose(
    settings: RunSettings,
    selection: SelectionSettings,
    hidden: dict[int, Sentence],
    chosen: list[Sentence],
    model: Path | None,
) -> list[Sentence]:
    """Choose the next batch, and reveal its labels."""
    known = {text_key(sentence.text) for sentence in chosen}
    new = [sentence for key, sentence in hidden.items() if key not in known]
    left = [Sentence(sentence.text, (), sentence.tokens) for sentence in new]
    seed, strategy = settings.training.seed, selection.strategy
    scored: Iterable[Scored]
    if model is None or strategy == "random":
        count, strategy = selection.first if model is None else selection.batch, "random"
        scored = [Scored(sentence, 0.0, 0.0) for sentence in left]
    else:
        recognizer, count = Recognizer.load(model), selection.batch
        scored = score_uncertainty(recognizer, recognizer.as_trained(left))
    found = suggest(scored, count, strategy=strategy, seed=seed)
    return [hidden[text_key(each.sentence.text)] for each in found.batch]


def _round(selection: SelectionSettings, chosen: list[Sentence], folder: Path) -> dict[str, object]:
    """Describe a round: what was annotated so far, the work it is assumed to be, F1."""
    result = load_result(folder)
    counts = result["corpus"]["train"]
    mentions = sum(len(sentence.mentions) for sentence in chosen)
    seconds = selection.sentence_seconds * len(chosen)
    seconds += selection.token_seconds * counts["tokens"] + selection.mention_seconds * mentions
    scores = {part: result[part] and result[part]["f1"] for part in ("dev", "test")}
    return {
        "sentences": len(chosen),
        "tokens": counts["tokens"],
        "mentions": mentions,
        "minutes": round(seconds / 60, 2),
        **scores,
    }
