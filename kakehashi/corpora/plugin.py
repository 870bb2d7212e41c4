"""Corpora that the readers of other packages read."""

from __future__ import annotations

from collections.abc import Iterator

from kakehashi.config.reading import data_path, missing_hint
from kakehashi.config.sources import PluginSource
from kakehashi.corpora.checks import checked
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.plugins import Plugin, load_plugin, unknown_name
from kakehashi.sentence import Sentence


def find_reader(source: PluginSource) -> Plugin:
    """Load the reader of a source; `ConfigError` if there is none such."""
    plugin = load_plugin("reader", source.reader)
    if plugin is None:
        raise ConfigError("corpus", unknown_name("reader", source.reader, ()))
    return plugin


def read(source: PluginSource) -> Iterator[Sentence]:
    """Yield what a reader makes of a path and the options, sentences that are checked as ours are.

    `ConfigError` names the plug-in if it raises, or yields something else.
    """
    plugin = find_reader(source)
    path = data_path(source.path)
    if not path.exists():
        raise CorpusError(path, f"there is no such file{missing_hint(source.path)}")
    for number, sentence in enumerate(plugin.iterate(path, **source.options), 1):
        if not isinstance(sentence, Sentence):
            raise plugin.problem(TypeError(f"expected a Sentence, got {type(sentence).__name__}"))
        yield checked(sentence, f"{path} ({plugin.signature}: sentence {number:,})")
