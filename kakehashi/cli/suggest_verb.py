"""The verb that says what to annotate next: `kakehashi suggest`."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Literal

from kakehashi.cli import console, options
from kakehashi.cli.options import arg, check_free, opt, settings_of_text, unlabeled_source
from kakehashi.errors import ConfigError
from kakehashi.reports.tables import Table

Strategy = Literal["mix", "mnlp", "span", "random"]
Precision = Literal["float32", "int8"]
_ABOUT = {
    "random": "drawn from all; the only fair sample to evaluate on",
    "mnlp": "least likely tags per token",
    "span": "most doubt about mentions per token",
    "type": "has a type that is found rarely",
}


def suggest(
    model: Path = arg("Run or model folder, also of another language."),
    texts: list[Path] = arg("Text: .txt, a sentence per line, or any format of corpora."),
    count: int = opt("Number of sentences.", default=200, min=1),
    out: Path = opt("File of JSON lines to write.", default=..., metavar="FILE"),
    strategy: Strategy = opt(
        "random, which has measured best (docs/selection.md). mnlp: least likely tags per token."
        " span: most doubt about mentions. mix: 80 % mnlp and rare types, 20 % random.",
        default="random",
    ),
    exclude: list[Path] | None = opt("Sentences annotated already; repeat it.", metavar="FILE"),
    per_type: int | None = opt(
        "Sentences with each type, in at most a quarter. Default: of a mix, what fits.", min=1
    ),
    language: str | None = options.TEXT_LANGUAGE,
    config: Path | None = options.TEXT_CONFIG,
    seed: int = opt("Random seed of what is drawn.", default=0, min=0),
    precision: Precision | None = opt("float32 is slower. Default: int8; on a GPU float32."),
    device: str = opt("cpu, cuda or cuda:N.", default="cpu"),
    force: bool = options.FORCE,
    as_json: bool = options.JSON,
) -> None:
    """Choose the sentences to annotate next, pre-annotated.

    By default they are drawn at random. Of others near duplicates are chosen once. Each line says
    why it was chosen, and the same command gives the same file. Any number of sentences is read in
    flat memory. The model may be one of another language, before there is a label of this.

    Examples:
      kakehashi suggest runs/ja-seed1 raw.txt --count 200 --out batch.jsonl
      kakehashi suggest runs/ja-seed2 raw.txt --exclude reviewed.jsonl --out next.jsonl
      kakehashi suggest runs/ja-seed2 raw.txt --strategy mix --per-type 5 --out rare.jsonl
      kakehashi suggest runs/conll2003-en-seed1 raw.txt --language ja --out first.jsonl
    """
    from kakehashi.corpora.corpus import Corpus
    from kakehashi.corpora.jsonl import line_from_sentence
    from kakehashi.files import write_atomically
    from kakehashi.runtime.recognizer import Recognizer
    from kakehashi.selection.near_duplicates import text_key
    from kakehashi.selection.suggest import suggest as choose
    from kakehashi.selection.uncertainty import score_uncertainty

    check_free(out, force)
    if per_type and strategy == "random":
        problem = "chooses sentences, which are drawn without looking at them; add --strategy mix"
        raise ConfigError("--per-type", problem)
    of_text = settings_of_text(config, language)
    recognizer = Recognizer.load(model, precision=precision, device=device)
    if of_text is not None:
        recognizer = recognizer.for_text(*of_text)
    corpus = Corpus.from_sources(map(unlabeled_source, texts))
    known = Corpus.from_sources(map(unlabeled_source, exclude or ()))
    progress = console.ProgressBars()
    annotated = {text_key(sentence.text) for sentence in known}
    sentences = recognizer.as_trained(progress.track(corpus, "reading"))
    found = choose(
        score_uncertainty(recognizer, sentences),
        count,
        strategy=strategy,
        per_type=per_type,
        seed=seed,
        exclude=annotated,
    )

    def lines() -> Iterator[str]:
        for chosen in found.batch:
            line = json.loads(line_from_sentence(replace(chosen.sentence, tokens=None)))
            yield json.dumps(line | {"selection": chosen.to_dict()}, ensure_ascii=False) + "\n"

    write_atomically(out, lines())
    if len(found.batch) < count:
        progress.warn(f"there are no more than {len(found.batch):,} sentences that differ")
    if 2 * found.uncut > found.read and of_text is None:
        problem = f"{found.uncut:,} of {found.read:,} sentences are one token to the model"
        progress.warn(f"{problem}; name the language of the text with --language")
    scores = defaultdict[str, list[float]](list)
    for chosen in found.batch:
        scores[chosen.strategy].append(chosen.score)
    mentions = chain.from_iterable(chosen.sentence.mentions for chosen in found.batch)
    types = Counter(mention.type for mention in mentions)
    report = {
        "file": str(out),
        "read": found.read,
        "excluded": found.excluded,
        "chosen": {name: len(each) for name, each in scores.items()},
        "types": dict(types.most_common()),
    }
    rows = ((n, len(s), f"{sum(s) / len(s):.3f}", _ABOUT[n]) for n, s in sorted(scores.items()))
    headings = ["chosen for", "sentences", "mean score", ""]
    notes = [f"Of {found.read:,} sentences read, {found.excluded:,} are annotated already."]
    table = Table("What to annotate next", headings, rows, notes)
    console.print_report(report, [table], str(out), as_json=as_json)
