"""The verb that looks at what romanization costs: homophones."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kakehashi.cli.options import Json, Mapping, Reading, Segmenter, reads_files

if TYPE_CHECKING:
    from kakehashi.corpora.homophones import Homophones


def register(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command()(homophones)


@reads_files
def homophones(
    inputs: Annotated[list[Path], typer.Argument(help="Corpus files, or configs (.toml).")],
    reading: Reading,
    examples: Annotated[int, typer.Option(min=0, help="How many to show of each corpus.")] = 20,
    mapping: Mapping = None,
    segmenter: Segmenter = None,
    as_json: Json = False,
) -> None:
    """Find words that are written differently and romanized alike, and mentions that hold one.

    Of a config, training, development and test set are taken together. The examples are those with
    most tokens beside the most frequent word; --json gives all.

    Examples:

      kakehashi homophones configs/crf-knbc-ja.toml

      kakehashi homophones news.jsonl --segmenter unidic-lite --examples 100
    """
    from kakehashi.cli.console import ProgressBars, print_json
    from kakehashi.config.reading import read_settings
    from kakehashi.corpora.homophones import find_homophones
    from kakehashi.corpora.inspection import read_mapped, read_parts

    progress = ProgressBars()
    found: dict[str, Homophones] = {}
    for path in inputs:
        if path.suffix == ".toml":
            settings = read_settings(path)
            name = settings.name
            sentences = chain.from_iterable(read_parts(settings).values())
        else:
            source = reading.source(path)
            name = path.name
            sentences = chain(read_mapped(source, mapping, segmenter))
        found[name] = find_homophones(progress.track(sentences, name))
    if as_json:
        print_json({name: each.to_dict() for name, each in found.items()})
    else:
        _print_homophones(found, examples)


def _print_homophones(found: dict[str, Homophones], examples: int) -> None:
    from kakehashi.cli.console import print_table

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
    rows: list[list[object]] = [[name, *values] for name, values in counts.items()]
    print_table("Written differently, romanized alike", ["", *found], rows)
    for name, each in found.items():
        shown = [
            [romaji, " ".join(f"{word} {count}" for word, count in words.items()), mentions]
            for romaji, words, mentions in each.collapses[:examples]
        ]
        if shown:
            print_table(f"{name}: words and tokens", ["romaji", "words", "mentions"], shown)
