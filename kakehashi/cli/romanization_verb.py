"""The verb ``corpus romanization``: what a view does to a corpus, before anything is trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from kakehashi.cli import console, options, show
from kakehashi.cli.corpus_verbs import INPUTS, read_all
from kakehashi.cli.options import Cutting, Reading, opt
from kakehashi.errors import ConfigError

if TYPE_CHECKING:
    from kakehashi.config.architecture import ModelSettings
    from kakehashi.corpora.romanization import Romanization


def romanization(
    reading: Reading,
    cutting: Cutting,
    inputs: list[Path] = INPUTS,
    view: str | None = opt("A model.char_view. Default: that of the config, or of --language."),
    source: Path | None = opt("Corpus file or config (.toml) whose n-grams are looked for."),
    examples: int = opt("Number of examples to print for each corpus.", default=20, min=0),
    as_json: bool = options.JSON,
) -> None:
    """Count what a view cannot write, what it makes the same, and what it shares with a source.

    The share of n-grams that a source has says, before any training, how much of the character
    layer a transfer can reuse. Of configs, training sets are read, with their views and n.

    Examples:
      kakehashi corpus romanization configs/massive-ja.toml --source configs/massive-en.toml
      kakehashi corpus romanization ru.jsonl --language ru --source en.jsonl
    """
    from kakehashi.corpora.romanization import audit_view, ngrams_of

    found: dict[str, Romanization] = {}
    grams: dict[int, set[str]] = {}  # of the source, by their length
    text = cutting.text(*inputs, *filter(None, [source]))
    bars = console.ProgressBars()
    for path, (name, parts) in zip(inputs, read_all(inputs, reading, None, text), strict=True):
        model = _model_settings(path)
        shown = view or (model.char_view if model else cutting.view())
        if shown is None:
            raise ConfigError(
                "--view", f"{name} is no config that names one; say which, or --language"
            )
        n = model.ngram if model else 2
        if source is not None and n not in grams:
            [(_, its_parts)] = read_all([source], reading, None, text)
            its_model = _model_settings(source)
            its_view = its_model.char_view if its_model else "original"
            its_sentences = bars.track(next(iter(its_parts.values())), source.name)
            grams[n] = ngrams_of(its_sentences, its_view, n)
        sentences = bars.track(next(iter(parts.values())), name)
        found[name] = audit_view(sentences, shown, n, grams.get(n))
    report = {name: asdict(each) for name, each in found.items()}
    console.print_report(report, show.romanization_tables(found, examples), as_json=as_json)


def _model_settings(path: Path) -> ModelSettings | None:
    """Return those of a config; None for a corpus file."""
    from kakehashi.config.reading import is_config, read_settings

    return read_settings(path).model if is_config(path) else None
